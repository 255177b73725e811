using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>
/// Version 1: one candidate per round trip, from the last own sync point down. The feeder may shorten the way once, in its first answer, by naming its own last
/// sync point.
/// </summary>
internal sealed class LinearSearch(LogRange range) : MatchpointSearch(range)
{
    private enum Phase
    {
        AwaitingAnswer,
        AwaitingOwnEntry,
        AwaitingCandidateBelow,
        AwaitingCandidateAtAlternate,
        AwaitingEntryOne,
    }

    private Phase _phase;
    private Vlsn _candidate;
    private LogEntry _feederEntry;

    /// <inheritdoc/>
    public override void Start(List<SyncupEffect> effects)
    {
        if (Range.LastSync.IsNull) AskForEntryOne(effects);
        else Ask(Range.LastSync, effects);
    }

    /// <inheritdoc/>
    public override void Step(SyncupInput input, List<SyncupEffect> effects)
    {
        switch (_phase, input)
        {
            case (Phase.AwaitingAnswer, MessageReceived(Entry entry)):
                OnEntry(entry.Record, effects);
                break;
            case (Phase.AwaitingAnswer, MessageReceived(AlternateMatchpoint alternate)):
                OnAlternate(alternate.Record, effects);
                break;
            case (Phase.AwaitingAnswer or Phase.AwaitingEntryOne, MessageReceived(EntryNotFound)):
                Result = new SearchResult.NothingShared($"the feeder no longer holds record {LastAsked}");
                break;
            case (Phase.AwaitingEntryOne, MessageReceived(Entry entry)) when entry.Record.Vlsn == Vlsn.First:
                Result = new SearchResult.StartAtOne();
                break;
            case (Phase.AwaitingOwnEntry, EntriesRead(var entries)):
                OnOwnEntry(entries[0], effects);
                break;
            case (Phase.AwaitingCandidateBelow, SyncPointFound(var vlsn)):
                OnCandidate(vlsn, effects);
                break;
            case (Phase.AwaitingCandidateAtAlternate, SyncPointFound(var vlsn)):
                OnCandidateAtAlternate(vlsn, effects);
                break;
            case (_, MessageReceived(var message)):
                Fault($"asked for record {LastAsked}, and the feeder answered {message}");
                break;
            default:
                throw Invariant.Unreachable((_phase, input));
        }
    }

    private void OnEntry(in LogEntry entry, List<SyncupEffect> effects)
    {
        // An entry of another record is no mismatch: taking it for one would walk on to a needless restore.
        if (entry.Vlsn != _candidate) Fault($"asked for record {_candidate}, and the feeder sent record {entry.Vlsn}");
        else CompareWithOwn(entry, effects);
    }

    private void OnAlternate(in LogEntry alternate, List<SyncupEffect> effects)
    {
        if (RoundTrips > 1) Fault("the feeder named an alternate matchpoint after its first answer");
        else if (alternate.Vlsn >= _candidate) Fault($"asked for record {_candidate}, and the feeder named the alternate {alternate.Vlsn}, which is not below");
        else if (!alternate.IsSync) Fault($"the feeder named the alternate {alternate.Vlsn}, which it says is not a sync point");
        else if (alternate.Vlsn < Range.First) Result = new SearchResult.NothingShared($"the feeder's log ends at {alternate.Vlsn}, below the oldest record held, {Range.First}");
        else
        {
            _feederEntry = alternate;
            _phase = Phase.AwaitingCandidateAtAlternate;
            effects.Add(new FindSyncPoint(alternate.Vlsn));
        }
    }

    private void OnCandidateAtAlternate(Vlsn vlsn, List<SyncupEffect> effects)
    {
        if (vlsn != _feederEntry.Vlsn)
        {
            OnCandidate(vlsn, effects);
            return;
        }

        // The alternate carries the record: it is compared at once, without another request.
        _candidate = vlsn;
        CompareWithOwn(_feederEntry, effects);
    }

    private void OnOwnEntry(in LogEntry own, List<SyncupEffect> effects)
    {
        if (Comparisons.Compare(own, _feederEntry))
        {
            Result = new SearchResult.Matched(_candidate);
            return;
        }

        if (_candidate <= Range.First)
        {
            NoneLeft(effects);
            return;
        }

        _phase = Phase.AwaitingCandidateBelow;
        effects.Add(new FindSyncPoint(_candidate.Previous));
    }

    private void OnCandidate(Vlsn vlsn, List<SyncupEffect> effects)
    {
        if (vlsn.IsNull || vlsn < Range.First) NoneLeft(effects);
        else Ask(vlsn, effects);
    }

    /// <summary>No own sync point is shared. A log that never held a commit loses nothing by starting at 1, if the feeder holds it.</summary>
    private void NoneLeft(List<SyncupEffect> effects)
    {
        if (!Range.NeverHeldACommit) Result = new SearchResult.NothingShared("no sync point held is the feeder's");
        else if (LastAsked == Vlsn.First) Result = new SearchResult.StartAtOne();
        else AskForEntryOne(effects);
    }

    private void CompareWithOwn(in LogEntry entry, List<SyncupEffect> effects)
    {
        _feederEntry = entry;
        _phase = Phase.AwaitingOwnEntry;
        effects.Add(new ReadEntries([_candidate]));
    }

    private void Ask(Vlsn vlsn, List<SyncupEffect> effects)
    {
        _candidate = vlsn;
        _phase = Phase.AwaitingAnswer;
        Request(vlsn, effects);
    }

    private void AskForEntryOne(List<SyncupEffect> effects)
    {
        if (!Range.NeverHeldACommit)
        {
            Result = new SearchResult.NothingShared("no sync point is held, and older records were removed");
            return;
        }

        _phase = Phase.AwaitingEntryOne;
        Request(Vlsn.First, effects);
    }

    private void Request(Vlsn vlsn, List<SyncupEffect> effects)
    {
        RoundTrips++;
        LastAsked = vlsn;
        effects.Add(new Send(new EntryRequest(vlsn)));
    }
}
