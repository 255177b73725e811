using Matchpoint.Protocol;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Syncup;

namespace Matchpoint.Fuzz;

/// <summary>
/// A syncup machine to which everything happens that can happen to it, as an input draws it: frames, at their turn and while the log is being asked, time, a log that cannot be read, a connection
/// that goes, a feeder that may not feed any more. It keeps its deadlines, ends for the reason that there was, and does nothing behind its end.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="answers">Its log.</param>
/// <param name="isFeeder">Whether it is the feeder's side.</param>
/// <param name="faultAt">Which of the log's answers is that it cannot be read or written; 0 for none.</param>
/// <param name="perform">What that side does for effects of its own.</param>
/// <param name="outcome">How it ended; null while it goes on.</param>
internal sealed class DrawnSession(
    ISyncupMachine machine, LogAnswers answers, bool isFeeder, int faultAt, Func<SyncupEffect, SyncupInput?> perform, Func<object?> outcome)
{
    private const int MostEvents = 24;

    /// <summary>Ahead of an event that comes before the log has answered.</summary>
    private const byte Between = 0x80;

    private readonly EffectList _effects = new();
    private readonly Queue<SyncupInput> _answers = new();
    private TimeSpan _now;
    private TimeSpan _heardAt;
    private int _asked;

    /// <summary>Drives it to its end, and beyond.</summary>
    public void Run(ref InputReader reader)
    {
        Step(new SyncupInput.Started());
        for (var events = 0; !machine.HasEnded;)
        {
            var comesBetween = reader.Rest is [0, >= Between, ..] && events < MostEvents;
            if (_answers.Count > 0 && !comesBetween) Step(_answers.Dequeue());
            else Step(events++ < MostEvents && reader.HasMore ? Draw(ref reader) : new SyncupInput.ConnectionLost("the input has ended"));
        }

        var ended = outcome();
        Invariant.Holds(ended is not null, "the syncup has no end.");
        foreach (var late in _answers.Append(new SyncupInput.FrameReceived(new byte[1])).Append(new SyncupInput.LogFaulted("too late")).Append(new SyncupInput.TimePassed()))
        {
            _effects.Clear();
            machine.Step(late, _now + Limits.HandshakeTimeout, _effects);
            Invariant.Holds(_effects.Count == 0 && ReferenceEquals(outcome(), ended), $"{late} came behind the end, and was not ignored.");
        }
    }

    /// <summary>A frame; where that is empty, the next bytes say what happens, and how much later.</summary>
    private SyncupInput Draw(ref InputReader reader)
    {
        var frame = reader.Bytes().ToArray();
        if (frame.Length > 0) return new SyncupInput.FrameReceived(frame);
        var kind = reader.Byte() % 8;
        _now += TimeSpan.FromMilliseconds(reader.Byte() * 250);
        switch (kind)
        {
            case 0:
                return new SyncupInput.FrameReceived(frame);
            case 1:
                return new SyncupInput.TimePassed();
            case 2:
                // As a driver does it: when the time has come.
                if (machine.Deadline > _now) _now = machine.Deadline.Value;
                return new SyncupInput.TimePassed();
            case 3:
                if (machine.Deadline > _now) _now = machine.Deadline.Value - TimeSpan.FromTicks(1);
                return new SyncupInput.TimePassed();
            case 4:
                return new SyncupInput.LogFaulted("drawn");
            case 5:
                return isFeeder ? new SyncupInput.Demoted("drawn") : new SyncupInput.ConnectionLost("drawn");
            case 6:
                return new SyncupInput.ConnectionLost("drawn");
            default:
                return new SyncupInput.FrameReceived(reader.Bytes().ToArray());
        }
    }

    private void Step(SyncupInput input)
    {
        var deadline = machine.Deadline;
        _effects.Clear();
        machine.Step(input, _now, _effects);
        Judge(input, deadline);
        foreach (var effect in _effects)
        {
            if ((Fault(effect) ?? answers.TryAnswer(effect) ?? perform(effect)) is { } answer) _answers.Enqueue(answer);
        }

        if (machine.HasEnded || _answers.Count > 0) return;
        var until = _heardAt + Limits.MessageTimeout;
        Invariant.Holds(machine.Deadline == (until < Limits.HandshakeTimeout ? until : Limits.HandshakeTimeout), $"the peer was heard at {_heardAt}, and is waited for until {machine.Deadline}.");
    }

    private void Judge(SyncupInput input, TimeSpan? deadline)
    {
        var failed = outcome() switch
        {
            ReplicaOutcome.Failed replica => replica.Kind,
            FeederOutcome.Failed feeder => feeder.Kind,
            _ => (FailureKind?)null,
        };
        var isLate = _now >= deadline;
        FailureKind? expected = input switch
        {
            _ when isLate => FailureKind.TimedOut,
            SyncupInput.LogFaulted => FailureKind.LogFault,
            SyncupInput.Demoted => FailureKind.Demoted,
            SyncupInput.ConnectionLost => FailureKind.ConnectionLost,
            _ => null,
        };
        Invariant.Holds(expected is null || failed == expected, $"{input} at {_now}, to be there by {deadline}, ends as {outcome()}.");
        Invariant.Holds(isLate || failed != FailureKind.TimedOut, $"it was waited for until {deadline}, and it is {_now}.");
        if (input is not SyncupInput.TimePassed) _heardAt = _now;
        var isAsBefore = !machine.HasEnded && _effects.Count == 0 && machine.Deadline == deadline;
        Invariant.Holds(input is not SyncupInput.TimePassed || isLate || isAsBefore, $"nothing but time passed, up to {_now} of {deadline}, and there is more: {outcome()}");
    }

    /// <summary>What the log says when it cannot do what it is asked.</summary>
    private SyncupInput.LogFaulted? Fault(SyncupEffect effect)
    {
        var asksLog = effect is SyncupEffect.ReadEntries or SyncupEffect.FindSyncPoint or SyncupEffect.FindCommonTerm or SyncupEffect.CountAbove
            or SyncupEffect.ExportUndone or SyncupEffect.CutAfter;
        return asksLog && ++_asked == faultAt ? new SyncupInput.LogFaulted("drawn") : null;
    }
}
