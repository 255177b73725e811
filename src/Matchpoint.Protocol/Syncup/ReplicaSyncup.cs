using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>What a replica brings into a syncup besides its log.</summary>
/// <param name="Limit">How many acknowledged commits it may undo by itself.</param>
/// <param name="FeederConfirmed">Whether the feeder is known to be the primary of the current term, or fed by it.</param>
/// <param name="DecideOnly">Stop when it is decided: nothing is written, cut or streamed.</param>
internal readonly record struct ReplicaSettings(RollbackLimit Limit, bool FeederConfirmed, bool DecideOnly);

/// <summary>
/// The replica's side of a syncup, from after the hello to the start of the stream: find the matchpoint, count what lies above it, decide, export, cut durably, and only then
/// ask for the stream. Inputs go into <see cref="Step"/>, effects come out and are performed in order; a crash may come between any two. Never throws for what a peer
/// or a disk does: that ends in an <see cref="Outcome"/>.
/// </summary>
internal sealed class ReplicaSyncup : ISyncupMachine
{
    private readonly int _version;
    private readonly LogRange _range;
    private readonly ReplicaSettings _settings;
    private readonly MatchpointSearch _search;
    private HandshakeClock _clock;
    private ReplicaPhase _phase = ReplicaPhase.Idle;
    private Vlsn _matchpoint;
    private UndoneCounts _counts;
    private RollbackDecision? _decision;
    private string? _export;

    private ReplicaSyncup(int version, LogRange range, ReplicaSettings settings, MatchpointSearch search)
    {
        _version = version;
        _range = range;
        _settings = settings;
        _search = search;
    }

    /// <summary>How it ended; null while it runs.</summary>
    public SyncupOutcome? Outcome { get; private set; }

    /// <summary>When a <see cref="TimePassed"/> is due, counted from the start; null while the peer is not waited for.</summary>
    public TimeSpan? Deadline => _phase is ReplicaPhase.Searching or ReplicaPhase.AwaitingRestoreResponse ? _clock.Deadline : null;

    /// <summary>What happened so far.</summary>
    public SyncupReport Report => new()
    {
        Version = _version,
        RoundTrips = _search.RoundTrips,
        Compared = _search.Comparisons.Count,
        LastCompared = [.. _search.Comparisons.Last],
        Range = _range,
        Matchpoint = _matchpoint,
        Decision = _decision,
        AboveMatchpoint = _counts,
        Export = _export,
        Outcome = Outcome,
    };

    /// <summary>A syncup that asks for one record per round trip.</summary>
    public static ReplicaSyncup Version1(LogRange range, ReplicaSettings settings) =>
        new(1, range, settings, new LinearSearch(range));

    /// <summary>A syncup that takes what the feeder's hello told.</summary>
    public static ReplicaSyncup Version2(LogRange range, ReplicaSettings settings, FeederHello hello) =>
        new(2, range, settings, new ProvenSearch(range, hello));

    /// <summary>Begins.</summary>
    public void Start(TimeSpan now, List<SyncupEffect> effects)
    {
        _clock.Heard(now);
        MoveTo(ReplicaPhase.Searching);
        effects.Add(new Tell(SyncupStep.Comparing, $"this log holds {_range.First} to {_range.Last}, last sync point {_range.LastSync}"));
        _search.Start(effects);
        ConcludeSearch(effects);
    }

    /// <summary>Takes what happened, and adds what is to be done.</summary>
    /// <param name="input">What happened.</param>
    /// <param name="now">Time since the session began.</param>
    /// <param name="effects">Where effects are added.</param>
    public void Step(SyncupInput input, TimeSpan now, List<SyncupEffect> effects)
    {
        if (_phase == ReplicaPhase.Ended) return;
        if (input is MessageReceived) _clock.Heard(now);
        switch (input)
        {
            case ConnectionLost lost:
                Fail(FailureKind.ConnectionLost, lost.Why, effects);
                break;
            case GarbageReceived garbage:
                Fail(FailureKind.PeerFault, garbage.What, effects);
                break;
            case ReadFailed failed:
                Fail(FailureKind.OwnFault, failed.What, effects);
                break;
            case Demoted demoted:
                Fail(FailureKind.Demoted, demoted.Why, effects);
                break;
            case TimePassed:
                if (Deadline is not null && _clock.Expired(now) is { } why) Fail(FailureKind.TimedOut, why, effects);
                break;
            default:
                StepPhase(input, effects);
                break;
        }
    }

    private void StepPhase(SyncupInput input, List<SyncupEffect> effects)
    {
        switch (_phase, input)
        {
            case (ReplicaPhase.Searching, _):
                _search.Step(input, effects);
                ConcludeSearch(effects);
                break;
            case (ReplicaPhase.Counting, Counted counted):
                _counts = counted.Counts;
                Decide(effects);
                break;
            case (ReplicaPhase.Exporting, Exported exported):
                OnExported(exported.Name, effects);
                break;
            case (ReplicaPhase.Cutting, CutDurable):
                StartStream(effects);
                break;
            case (ReplicaPhase.AwaitingRestoreResponse, MessageReceived(RestoreResponse)):
                End(new SyncupOutcome.RestoreNeeded(_decision!.Reason), effects);
                break;
            case (_, MessageReceived(var message)):
                // Also in the middle of exporting or cutting: the feeder has nothing to say there. What is durable stays so.
                Fail(FailureKind.PeerFault, $"the feeder sent {message} while the replica was {Describe(_phase)}", effects);
                break;
            default:
                throw Invariant.Unreachable((_phase, input));
        }
    }

    private void ConcludeSearch(List<SyncupEffect> effects)
    {
        switch (_search.Result)
        {
            case null:
                break;
            case SearchResult.Matched matched:
                _matchpoint = matched.Matchpoint;
                Count(effects);
                break;
            case SearchResult.StartAtOne:
                Count(effects);
                break;
            case SearchResult.NothingShared nothing:
                AskForRestore(nothing.Reason, effects);
                break;
            case SearchResult.PeerFault fault:
                Fail(FailureKind.PeerFault, fault.Reason, effects);
                break;
            default:
                throw Invariant.Unreachable(_search.Result);
        }
    }

    private void Count(List<SyncupEffect> effects)
    {
        MoveTo(ReplicaPhase.Counting);
        effects.Add(new Tell(SyncupStep.Deciding, $"the matchpoint is {_matchpoint}"));
        if (_matchpoint == _range.Last) Decide(effects);
        else effects.Add(new CountAbove(_matchpoint));
    }

    private void Decide(List<SyncupEffect> effects)
    {
        _decision = RollbackDecision.Decide(new RollbackFacts(
            _range.LastTransactionEnd, _range.LastSync, _matchpoint, _range.Last, _range.Durable, _counts.Acknowledged,
            _settings.FeederConfirmed, _settings.Limit));
        effects.Add(new Tell(SyncupStep.Deciding, $"row {_decision.Row}: {_decision.Reason}"));
        if (_settings.DecideOnly)
        {
            End(new SyncupOutcome.Decided(_decision), effects);
            return;
        }

        switch (_decision)
        {
            case RollbackDecision.Resume:
                StartStream(effects);
                break;
            case RollbackDecision.RollBack when _counts.Records == 0:
                StartStream(effects);
                break;
            case RollbackDecision.RollBack:
                Export(refused: false, effects);
                break;
            case RollbackDecision.Refuse { Exports: true }:
                Export(refused: true, effects);
                break;
            case RollbackDecision.Refuse refuse:
                End(new SyncupOutcome.Refused(refuse.Row, refuse.Reason, Export: null), effects);
                break;
            case RollbackDecision.Wait wait:
                End(new SyncupOutcome.Unconfirmed(wait.Reason), effects);
                break;
            case RollbackDecision.Restore restore:
                AskForRestore(restore.Reason, effects);
                break;
            default:
                throw Invariant.Unreachable(_decision);
        }
    }

    private void Export(bool refused, List<SyncupEffect> effects)
    {
        MoveTo(ReplicaPhase.Exporting);
        effects.Add(new Tell(SyncupStep.Exporting, $"exporting {_counts.Records} records above {_matchpoint}, {_counts.Commits} of them commits"));
        effects.Add(new ExportAbove(_matchpoint, refused, _decision!.Row, _decision.Reason, _counts));
    }

    private void OnExported(string name, List<SyncupEffect> effects)
    {
        _export = name;
        if (_decision is RollbackDecision.Refuse refuse)
        {
            End(new SyncupOutcome.Refused(refuse.Row, refuse.Reason, name), effects);
            return;
        }

        MoveTo(ReplicaPhase.Cutting);
        effects.Add(new Tell(SyncupStep.Cutting, $"cutting behind {_matchpoint}"));
        effects.Add(new CutAfter(_matchpoint, name));
    }

    /// <summary>The one place where the stream is asked for: nothing lies above the matchpoint any more, durably.</summary>
    private void StartStream(List<SyncupEffect> effects)
    {
        var from = _matchpoint.Next;
        effects.Add(new Tell(SyncupStep.Starting, $"asking for the stream from {from}"));
        effects.Add(new Send(new StartStream(from)));
        End(new SyncupOutcome.Streaming(from), effects);
    }

    private void AskForRestore(string reason, List<SyncupEffect> effects)
    {
        // A feeder without record 1 cannot start an empty node either: row 5's answer, for want of a row of its own.
        _decision = new RollbackDecision.Restore(5, reason);
        if (_settings.DecideOnly)
        {
            End(new SyncupOutcome.Decided(_decision), effects);
            return;
        }

        MoveTo(ReplicaPhase.AwaitingRestoreResponse);
        effects.Add(new Tell(SyncupStep.Deciding, $"row 5: {reason}"));
        effects.Add(new Send(new RestoreRequest(_search.LastAsked)));
    }

    private void Fail(FailureKind kind, string reason, List<SyncupEffect> effects) =>
        End(new SyncupOutcome.Failed(kind, reason), effects);

    private void End(SyncupOutcome outcome, List<SyncupEffect> effects)
    {
        MoveTo(ReplicaPhase.Ended);
        Outcome = outcome;
        effects.Add(new Tell(SyncupStep.Done, outcome.ToString()!));
        effects.Add(new Finish(outcome));
    }

    private void MoveTo(ReplicaPhase to)
    {
        Invariant.Holds(ReplicaPhases.IsLegal(_phase, to), $"a replica's syncup moves from {_phase} to {to}.");
        _phase = to;
    }

    private static string Describe(ReplicaPhase phase) => phase switch
    {
        ReplicaPhase.Counting => "counting what lies above the matchpoint",
        ReplicaPhase.Exporting => "exporting",
        ReplicaPhase.Cutting => "cutting",
        ReplicaPhase.AwaitingRestoreResponse => "waiting for the answer to its restore request",
        _ => phase.ToString(),
    };
}
