using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>
/// The replica's side of syncup, both versions: find the matchpoint, decide, export what is undone, cut, start the
/// stream. Created when the hellos are through; stepped until <see cref="Outcome"/> is there. A crash at any point leaves
/// either the log as it was or the log cut, and never a stream started above a matchpoint: the next syncup finds the same
/// matchpoint again.
/// </summary>
internal sealed class ReplicaSyncup : ISyncupMachine
{
    private readonly LogRange _log;
    private readonly FeederHello _feeder;
    private readonly Term _currentTerm;
    private readonly RollbackLimit _limit;
    private readonly MatchSearch _search;
    private ReplicaPhase _phase = ReplicaPhase.Created;
    private SessionTimer _timer;
    private Vlsn _matchpoint;
    private Vlsn _failedAt;
    private bool _isNothingShared;
    private UndoneCount _undone;
    private RollbackDecision? _decision;

    /// <summary>A syncup that has not begun.</summary>
    /// <param name="log">What the own log holds; pinned until the machine has ended.</param>
    /// <param name="feeder">The feeder's hello, admitted.</param>
    /// <param name="currentTerm">The highest term that this node knows of.</param>
    /// <param name="limit">How many acknowledged commits may be undone.</param>
    public ReplicaSyncup(LogRange log, in FeederHello feeder, Term currentTerm, RollbackLimit limit)
    {
        _log = log;
        _feeder = feeder;
        _currentTerm = currentTerm;
        _limit = limit;
        _search = feeder.Version switch
        {
            SyncupVersion.One => new LinearSearch(log),
            SyncupVersion.Two => new ProvenSearch(log, feeder),
            _ => throw Invariant.Unreachable(feeder.Version),
        };
    }

    /// <summary>How it ended; null while it goes on. Once there, every input is ignored.</summary>
    public ReplicaOutcome? Outcome { get; private set; }

    /// <inheritdoc/>
    public bool HasEnded => Outcome is not null;

    /// <summary>What it does.</summary>
    public ReplicaPhase Phase => _phase;

    /// <summary>When to give <see cref="SyncupInput.TimePassed"/> at the latest; null while the peer is not waited for.</summary>
    public TimeSpan? Deadline => AwaitsPeer ? _timer.Deadline : null;

    /// <summary>What was found and done so far.</summary>
    public SyncupReport Report => new(
        _feeder.Version,
        _search.RoundTrips,
        _search.Comparisons.Count,
        _search.Comparisons.Kept,
        _log.LastTransactionEnd,
        _log.LastSync,
        _matchpoint,
        _log.Durable,
        _decision,
        _undone,
        Outcome is ReplicaOutcome.Streaming streaming ? streaming.Start : Vlsn.Null,
        InWords());

    private bool AwaitsPeer => _phase == ReplicaPhase.AwaitingRestore || (_phase == ReplicaPhase.Searching && _search.AwaitsPeer);

    /// <summary>Takes one input. A fault of the peer becomes an outcome, not an exception.</summary>
    /// <param name="input">What happened.</param>
    /// <param name="now">Time since the session's start.</param>
    /// <param name="effects">Where the effects go; the caller clears it.</param>
    public void Step(SyncupInput input, TimeSpan now, EffectList effects)
    {
        if (Outcome is not null) return;
        if (AwaitsPeer && _timer.Overrun(now) is { } overrun)
        {
            Fail(FailureKind.TimedOut, overrun, effects);
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
                MoveTo(ReplicaPhase.Searching, effects);
                Conclude(_search.Begin(effects), effects);
                break;
            case SyncupInput.FrameReceived received:
                OnFrame(received.Frame.Span, effects);
                break;
            case SyncupInput.EntriesRead read:
                Expect(ReplicaPhase.Searching, input);
                Conclude(_search.OnEntries(read.Entries, effects), effects);
                break;
            case SyncupInput.SyncPointFound found:
                Expect(ReplicaPhase.Searching, input);
                Conclude(_search.OnSyncPoint(found.Vlsn, effects), effects);
                break;
            case SyncupInput.Counted counted:
                Expect(ReplicaPhase.Counting, input);
                Decide(counted.Undone, IsFeederConfirmed(), effects);
                break;
            case SyncupInput.FeederChecked check:
                Expect(ReplicaPhase.Confirming, input);
                if (check.IsConfirmed) Export(effects);
                else Decide(_undone, isFeederConfirmed: false, effects);
                break;
            case SyncupInput.ExportDurable:
                Expect(ReplicaPhase.Exporting, input);
                OnExported(effects);
                break;
            case SyncupInput.CutDurable:
                Expect(ReplicaPhase.Cutting, input);
                Start(effects);
                break;
            case SyncupInput.LogFaulted faulted:
                Fail(FailureKind.LogFault, faulted.Reason, effects);
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

    private void OnFrame(ReadOnlySpan<byte> frame, EffectList effects)
    {
        var message = SyncupVersion.Decode(_feeder.Version, frame);
        if (_phase == ReplicaPhase.Searching)
        {
            var result = _search.OnMessage(message, effects);
            Show(effects);
            Conclude(result, effects);
            return;
        }

        if (_phase != ReplicaPhase.AwaitingRestore || message is not RestoreResponse)
        {
            var expected = _phase == ReplicaPhase.AwaitingRestore ? nameof(RestoreResponse) : $"no message while {_phase}";
            throw new ProtocolException($"{message.Opcode}", "turn", expected, $"{message.Opcode}");
        }

        End(new ReplicaOutcome.Restore(_failedAt, _decision?.Reason ?? "the feeder no longer holds VLSN 1"), effects);
    }

    private void Conclude(SearchResult? result, EffectList effects)
    {
        switch (result)
        {
            case null:
                break;
            case SearchResult.Matched matched:
                _matchpoint = matched.Matchpoint;
                if (_matchpoint == _log.Last)
                {
                    Decide(default, IsFeederConfirmed(), effects);
                    break;
                }

                MoveTo(ReplicaPhase.Counting, effects);
                effects.Add(new SyncupEffect.CountAbove(_matchpoint));
                break;
            case SearchResult.NothingShared nothing:
                _failedAt = nothing.Candidate;
                _isNothingShared = true;
                if (_log.LastTransactionEnd.IsNull) RequestRestore(effects);
                else Decide(default, IsFeederConfirmed(), effects);
                break;
            default:
                throw Invariant.Unreachable(result);
        }
    }

    private void Decide(UndoneCount undone, bool isFeederConfirmed, EffectList effects)
    {
        _undone = undone;

        // What ended below the log's first record was committed and is a place where a log was cut: it counts as both.
        var lastSync = _log.LastSync.IsNull ? _log.LastTransactionEnd : _log.LastSync;
        _decision = RollbackDecision.Of(new RollbackFacts(
            _log.LastTransactionEnd, lastSync, _matchpoint, _log.Durable, undone, isFeederConfirmed, _limit, !_isNothingShared));
        switch (_decision)
        {
            case RollbackDecision.Resume:
                Start(effects);
                break;
            case RollbackDecision.UndoEverything or RollbackDecision.RollBack when undone.Records == 0:
                Start(effects);
                break;
            case RollbackDecision.RollBack when undone.Commits > 0:
                MoveTo(ReplicaPhase.Confirming, effects);
                effects.Add(new SyncupEffect.ConfirmFeeder(_feeder.PrimaryTerm));
                break;
            case RollbackDecision.UndoEverything or RollbackDecision.RollBack:
                Export(effects);
                break;
            case RollbackDecision.Restore:
                RequestRestore(effects);
                break;
            case RollbackDecision.Wait wait:
                End(new ReplicaOutcome.Wait(wait.Reason), effects);
                break;
            case RollbackDecision.Refuse { Row: 10 }:
                Export(effects);
                break;
            case RollbackDecision.Refuse refuse:
                End(new ReplicaOutcome.Refused(refuse.Row, refuse.Reason), effects);
                break;
            default:
                throw Invariant.Unreachable(_decision);
        }
    }

    private void Export(EffectList effects)
    {
        MoveTo(ReplicaPhase.Exporting, effects);
        effects.Add(new SyncupEffect.ExportUndone(_matchpoint));
    }

    private void OnExported(EffectList effects)
    {
        if (_decision is RollbackDecision.Refuse refuse)
        {
            End(new ReplicaOutcome.Refused(refuse.Row, refuse.Reason), effects);
            return;
        }

        MoveTo(ReplicaPhase.Cutting, effects);
        effects.Add(new SyncupEffect.CutAfter(_matchpoint));
    }

    private void Start(EffectList effects)
    {
        if (_matchpoint.Value == long.MaxValue)
        {
            Fail(FailureKind.LogFault, $"the log is full: no record can follow {_matchpoint}", effects);
            return;
        }

        var start = _matchpoint.Next;
        effects.Add(new SyncupEffect.Send(new StartStream(start)));
        End(new ReplicaOutcome.Streaming(start), effects);
    }

    private void RequestRestore(EffectList effects)
    {
        MoveTo(ReplicaPhase.AwaitingRestore, effects);
        effects.Add(new SyncupEffect.Send(new RestoreRequest(_failedAt)));
    }

    /// <summary>A feeder that knows a newer term than the one it is confirmed in was replaced, and so was one whose term is
    /// older than the newest this node knows of.</summary>
    private bool IsFeederConfirmed() =>
        _feeder.PrimaryTerm != Term.None && _feeder.PrimaryTerm == _feeder.Term && _feeder.PrimaryTerm >= _currentTerm;

    private void Fail(FailureKind kind, string reason, EffectList effects) =>
        End(new ReplicaOutcome.Failed(kind, reason), effects);

    private void End(ReplicaOutcome outcome, EffectList effects)
    {
        Outcome = outcome;
        MoveTo(ReplicaPhase.Ended, effects);
        if (outcome is not (ReplicaOutcome.Streaming or ReplicaOutcome.Restore)) effects.Add(new SyncupEffect.Close(InWords()));
    }

    private void MoveTo(ReplicaPhase phase, EffectList effects)
    {
        Invariant.Holds(ReplicaPhases.IsLegal(_phase, phase), $"a replica's syncup went from {_phase} to {phase}.");
        _phase = phase;
        Show(effects);
    }

    private void Show(EffectList effects)
    {
        var at = _phase == ReplicaPhase.Searching ? _search.At : _matchpoint;
        effects.Add(new SyncupEffect.Show(new SyncupStep(_phase, at, _search.RoundTrips)));
    }

    private void Expect(ReplicaPhase phase, SyncupInput input) =>
        Invariant.Holds(_phase == phase, $"{input.GetType().Name} came while {_phase}, not while {phase}.");

    private string InWords() => Outcome switch
    {
        null => $"{_phase}",
        ReplicaOutcome.Streaming streaming => $"start stream at {streaming.Start}: {_decision!.Reason}",
        ReplicaOutcome.Restore restore => $"restore: {restore.Reason}",
        ReplicaOutcome.Wait wait => $"wait: {wait.Reason}",
        ReplicaOutcome.Refused refused => $"refused: {refused.Reason}",
        ReplicaOutcome.Failed failed => $"failed: {failed.Reason}",
        _ => throw Invariant.Unreachable(Outcome),
    };
}
