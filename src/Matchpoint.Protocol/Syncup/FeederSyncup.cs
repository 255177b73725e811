using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>
/// The feeder's side of syncup, both versions: it answers from its log and trusts the replica with nothing. Created when
/// the replica's hello was admitted; stepped until <see cref="Outcome"/> is there. A record inside the range that cannot
/// be read ends the session: told as "not found" it would make a sound replica copy everything.
/// </summary>
internal sealed class FeederSyncup : ISyncupMachine
{
    private readonly LogRange _log;
    private readonly ushort _version;
    private readonly ReplicaHello _replica;
    private readonly FeederDialogue _dialogue;
    private FeederPhase _phase = FeederPhase.Created;
    private SessionTimer _timer;
    private ImmutableArray<Vlsn> _reading = [];
    private Vlsn _start;

    /// <summary>A syncup that has not begun.</summary>
    /// <param name="version">The version that the hello check chose.</param>
    /// <param name="log">What the own log holds, at least one record; pinned until the machine has ended.</param>
    /// <param name="replica">The replica's hello, admitted.</param>
    public FeederSyncup(ushort version, LogRange log, in ReplicaHello replica)
    {
        Invariant.Holds(!log.IsEmpty, "a node without records feeds.");
        _version = version;
        _log = log;
        _replica = replica;
        _dialogue = version switch
        {
            SyncupVersion.One => new EntryDialogue(log, replica.Last.IsNull ? 0 : replica.Last.DistanceFrom(replica.First.Previous)),
            SyncupVersion.Two => new ProbeDialogue(log),
            _ => throw Invariant.Unreachable(version),
        };
    }

    /// <summary>How it ended; null while it goes on. Once there, every input is ignored.</summary>
    public FeederOutcome? Outcome { get; private set; }

    /// <inheritdoc/>
    public bool HasEnded => Outcome is not null;

    /// <summary>What it does.</summary>
    public FeederPhase Phase => _phase;

    /// <summary>When to give <see cref="SyncupInput.TimePassed"/> at the latest; null when it has ended.</summary>
    public TimeSpan? Deadline => _phase switch
    {
        FeederPhase.Ended => null,
        FeederPhase.Listening => _timer.Deadline,
        _ => Limits.HandshakeTimeout,
    };

    /// <summary>Takes one input. A fault of the peer becomes an outcome, not an exception.</summary>
    /// <param name="input">What happened.</param>
    /// <param name="now">Time since the session's start.</param>
    /// <param name="effects">Where the effects go; the caller clears it.</param>
    public void Step(SyncupInput input, TimeSpan now, EffectList effects)
    {
        if (Outcome is not null) return;
        if (now >= Deadline)
        {
            Fail(FailureKind.TimedOut, _timer.Overrun(now)!, effects);
            return;
        }

        if (input is not SyncupInput.TimePassed) _timer.Restart(now);
        try
        {
            Take(input, effects);
        }
        catch (ProtocolException fault)
        {
            Fail(FailureKind.PeerFault, fault.Message, effects);
        }
    }

    private void Take(SyncupInput input, EffectList effects)
    {
        switch (input)
        {
            case SyncupInput.Started:
                OnStarted(effects);
                break;
            case SyncupInput.CommonTermFound found:
                OnCommonTerm(found.Own, effects);
                break;
            case SyncupInput.FrameReceived received:
                OnFrame(received.Frame.Span, effects);
                break;
            case SyncupInput.EntriesRead read:
                OnEntries(read.Entries, effects);
                break;
            case SyncupInput.LogFaulted faulted:
                Fail(FailureKind.LogFault, faulted.Reason, effects);
                break;
            case SyncupInput.Demoted demoted:
                Fail(FailureKind.Demoted, demoted.Reason, effects);
                break;
            case SyncupInput.ConnectionLost lost:
                Fail(FailureKind.ConnectionLost, lost.Reason, effects);
                break;
            case SyncupInput.TimePassed:
                break;
            default:
                throw Invariant.Unreachable(input);
        }
    }

    private void OnStarted(EffectList effects)
    {
        if (_version == SyncupVersion.One || _replica.Terms.IsEmpty)
        {
            Greet(SyncupAnswer.None, effects);
            return;
        }

        MoveTo(FeederPhase.FindingTerm);
        effects.Add(new SyncupEffect.FindCommonTerm(_replica.Terms));
    }

    /// <summary>In logs where a term has one writer, the highest common record is the smaller end of the newest common term.</summary>
    private void OnCommonTerm(TermEnd? own, EffectList effects)
    {
        Invariant.Holds(_phase == FeederPhase.FindingTerm, $"a common term came while {_phase}.");
        if (own is null)
        {
            Greet(SyncupAnswer.None, effects);
            return;
        }

        var theirs = _replica.Terms.First(end => end.Term == own.Value.Term);
        var common = Vlsn.Min(theirs.Last, own.Value.Last);
        if (common < _log.First)
        {
            Greet(SyncupAnswer.None, effects);
            return;
        }

        Read(common < _log.Last ? [common, common.Next] : [common], FeederPhase.Proving, effects);
    }

    private void OnFrame(ReadOnlySpan<byte> frame, EffectList effects)
    {
        var message = SyncupVersion.Decode(_version, frame);
        if (_phase != FeederPhase.Listening)
            throw new ProtocolException($"{message.Opcode}", "turn", $"no message while {_phase}", $"{message.Opcode}");
        switch (message)
        {
            case StartStream start:
                OnStartStream(start.Start, effects);
                break;
            case RestoreRequest restore:
                _dialogue.TakeRestore();
                effects.Add(new SyncupEffect.Send(default(RestoreResponse)));
                End(new FeederOutcome.Restoring(restore.Failed));
                break;
            default:
                var reading = _dialogue.Take(message);
                if (reading.IsEmpty) effects.Add(new SyncupEffect.Send(_dialogue.Answer([])));
                else Read(reading, FeederPhase.Answering, effects);
                break;
        }
    }

    private void OnStartStream(Vlsn start, EffectList effects)
    {
        var matchpoint = _dialogue.TakeStart(start);
        _start = start;
        if (matchpoint.IsNull) End(new FeederOutcome.Streaming(start));
        else Read([matchpoint], FeederPhase.CheckingStart, effects);
    }

    private void OnEntries(ImmutableArray<LogEntry> entries, EffectList effects)
    {
        Invariant.Holds(entries.Length == _reading.Length, $"{entries.Length} entries came for {_reading.Length}.");
        for (var i = 0; i < entries.Length; i++)
            Invariant.Holds(entries[i].Vlsn == _reading[i], $"entry {entries[i].Vlsn} came for {_reading[i]}.");

        switch (_phase)
        {
            case FeederPhase.Proving:
                Greet(((ProbeDialogue)_dialogue).Prove(entries), effects);
                break;
            case FeederPhase.Answering:
                effects.Add(new SyncupEffect.Send(_dialogue.Answer(entries)));
                MoveTo(FeederPhase.Listening);
                break;
            case FeederPhase.CheckingStart:
                if (!entries[0].IsSync)
                    throw new ProtocolException(nameof(StartStream), "startVlsn", "the VLSN behind a sync point", $"{_start}");
                End(new FeederOutcome.Streaming(_start));
                break;
            default:
                throw Invariant.Unreachable(_phase);
        }
    }

    private void Greet(SyncupAnswer answer, EffectList effects)
    {
        effects.Add(new SyncupEffect.SendHello(answer));
        MoveTo(FeederPhase.Listening);
    }

    private void Read(ImmutableArray<Vlsn> vlsns, FeederPhase phase, EffectList effects)
    {
        _reading = vlsns;
        effects.Add(new SyncupEffect.ReadEntries(vlsns));
        MoveTo(phase);
    }

    private void Fail(FailureKind kind, string reason, EffectList effects)
    {
        End(new FeederOutcome.Failed(kind, reason));
        effects.Add(new SyncupEffect.Close($"failed: {reason}"));
    }

    private void End(FeederOutcome outcome)
    {
        Outcome = outcome;
        MoveTo(FeederPhase.Ended);
    }

    private void MoveTo(FeederPhase phase)
    {
        Invariant.Holds(FeederPhases.IsLegal(_phase, phase), $"a feeder's syncup went from {_phase} to {phase}.");
        _phase = phase;
    }
}
