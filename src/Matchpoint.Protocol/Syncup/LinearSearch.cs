using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>
/// Version 1: one candidate at a time, from the last own sync point down. Simple, and slow where much has diverged.
/// </summary>
internal sealed class LinearSearch(LogRange log) : MatchSearch(log)
{
    private Stage _stage = Stage.Begun;
    private Vlsn _candidate;

    // The feeder's record that is to be compared with the own one.
    private LogEntry? _feeders;

    private bool? _feederHoldsFirst;

    private enum Stage
    {
        Begun,
        AwaitingEntry,
        AwaitingFirst,
        ReadingOwn,
        FindingCandidate,
    }

    /// <inheritdoc/>
    public override Vlsn At => _candidate;

    /// <inheritdoc/>
    public override SearchResult? Begin(EffectList effects) =>
        Log.LastSync.IsNull ? AskForFirst(effects) : AskFor(Log.LastSync, effects);

    /// <inheritdoc/>
    public override SearchResult? OnEntries(ImmutableArray<LogEntry> own, EffectList effects)
    {
        Invariant.Holds(_stage == Stage.ReadingOwn && _feeders is not null, "own entries came that were not asked for.");
        var feeders = _feeders.Value;
        _feeders = null;
        if (Comparisons.IsEqual(nameof(Entry), own[0], feeders)) return new SearchResult.Matched(_candidate);
        if (_candidate == Log.First) return NoneLeft(effects);
        return Find(_candidate.Previous, effects);
    }

    /// <inheritdoc/>
    public override SearchResult? OnSyncPoint(Vlsn syncPoint, EffectList effects)
    {
        Invariant.Holds(_stage == Stage.FindingCandidate, "a sync point came that was not asked for.");
        if (syncPoint.IsNull) return NoneLeft(effects);
        if (_feeders is not { } alternate || alternate.Vlsn != syncPoint) return AskFor(syncPoint, effects);

        // The alternate is an own sync point too: it carries all there is to compare, another request would buy nothing.
        _candidate = syncPoint;
        return ReadOwn(alternate, effects);
    }

    /// <inheritdoc/>
    protected override SearchResult? OnAnswer(IMessage message, EffectList effects) => (_stage, message) switch
    {
        (_, Entry entry) => OnEntry(entry.Record, effects),
        (Stage.AwaitingEntry, AlternateMatchpoint alternate) => OnAlternate(alternate.Record, effects),
        (_, EntryNotFound) => OnNotFound(effects),
        _ => throw new ProtocolException($"{message.Opcode}", "turn", $"an answer to EntryRequest({_candidate})", $"{message.Opcode}"),
    };

    private SearchResult? OnEntry(LogEntry entry, EffectList effects)
    {
        // Another record than the one asked for is not a mismatch: walking on from it would end in a restore that
        // nothing calls for.
        if (entry.Vlsn != _candidate) throw new ProtocolException(nameof(Entry), "vlsn", $"{_candidate}", $"{entry.Vlsn}");
        if (_candidate == Vlsn.First) _feederHoldsFirst = true;
        return _stage == Stage.AwaitingFirst ? NoneLeft(effects) : ReadOwn(entry, effects);
    }

    private SearchResult? OnAlternate(LogEntry alternate, EffectList effects)
    {
        if (RoundTrips > 1) throw new ProtocolException(nameof(AlternateMatchpoint), "turn", "the first answer", $"answer {RoundTrips}");
        if (alternate.Vlsn >= _candidate)
            throw new ProtocolException(nameof(AlternateMatchpoint), "vlsn", $"below {_candidate}", $"{alternate.Vlsn}");
        if (!alternate.IsSync) throw new ProtocolException(nameof(AlternateMatchpoint), "isSync", "1", "0");
        if (alternate.Vlsn < Log.First) return NoneLeft(effects);
        _feeders = alternate;
        return Find(alternate.Vlsn, effects);
    }

    private SearchResult? OnNotFound(EffectList effects)
    {
        // A single byte must not lead to commits being undone: where there are any, it ends the search.
        if (!Log.LastTransactionEnd.IsNull) return new SearchResult.NothingShared(_candidate);
        if (_candidate == Vlsn.First) _feederHoldsFirst = false;
        return NoneLeft(effects);
    }

    /// <summary>No candidate is left: the histories part at record 1, if that is where both begin.</summary>
    private SearchResult? NoneLeft(EffectList effects)
    {
        if (!HasBeginning) return new SearchResult.NothingShared(_candidate);
        return _feederHoldsFirst switch
        {
            null => AskForFirst(effects),
            true => new SearchResult.Matched(Vlsn.Null),
            false => new SearchResult.NothingShared(_candidate),
        };
    }

    private SearchResult? AskForFirst(EffectList effects)
    {
        AskFor(Vlsn.First, effects);
        _stage = Stage.AwaitingFirst;
        return null;
    }

    private SearchResult? AskFor(Vlsn candidate, EffectList effects)
    {
        _candidate = candidate;
        _feeders = null;
        _stage = Stage.AwaitingEntry;
        Ask(new EntryRequest(candidate), effects);
        return null;
    }

    private SearchResult? ReadOwn(LogEntry feeders, EffectList effects)
    {
        _feeders = feeders;
        _stage = Stage.ReadingOwn;
        effects.Add(new SyncupEffect.ReadEntries([_candidate]));
        return null;
    }

    private SearchResult? Find(Vlsn atOrBelow, EffectList effects)
    {
        _stage = Stage.FindingCandidate;
        effects.Add(new SyncupEffect.FindSyncPoint(atOrBelow));
        return null;
    }
}
