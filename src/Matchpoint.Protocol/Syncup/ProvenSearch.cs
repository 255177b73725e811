using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>
/// Version 2: the feeder's hello names where it thinks the logs part and proves it with its chained fingerprints there
/// and one above. Where that does not decide, many records are asked about at once. Equal fingerprints mean equal logs up
/// to there, so matching is monotone: all records up to some one match, none above it does, and each answer narrows the
/// records in doubt to a 256th.
/// </summary>
internal sealed class ProvenSearch : MatchSearch
{
    private readonly Vlsn _feederFirst;
    private readonly Vlsn _feederLast;
    private readonly SyncupAnswer _answer;
    private Vlsn _lowest;

    // In doubt is what lies above _matched up to and including _highest.
    private Vlsn _matched;
    private Vlsn _highest;

    // What the feeder said, to be compared with the own entries.
    private ImmutableArray<LogEntry> _feeders = [];
    private ImmutableArray<Vlsn> _asked = [];
    private bool _isLowering;

    /// <summary>A search in the records that both hold.</summary>
    public ProvenSearch(LogRange log, in FeederHello feeder)
        : base(log)
    {
        _feederFirst = feeder.First;
        _feederLast = feeder.Last;
        _answer = feeder.Answer;
    }

    /// <inheritdoc/>
    public override Vlsn At => _matched;

    /// <inheritdoc/>
    public override SearchResult? Begin(EffectList effects)
    {
        // Nothing above the own last sync point can be the matchpoint.
        _lowest = Vlsn.Max(Log.First, _feederFirst);
        _highest = Vlsn.Min(Log.LastSync, _feederLast);
        if (Log.LastSync.IsNull || _lowest > _highest) return NothingShared();
        _matched = _lowest.Previous;

        if (_answer.At is not { } at) return Narrow(effects);
        if (at.Vlsn > Log.Last)
            throw new ProtocolException(nameof(FeederHello), "answer.vlsn", $"{Log.Last} or below", $"{at.Vlsn}");
        if (at.Vlsn < _lowest) return Narrow(effects);
        return ReadOwn(_answer.Next is { } next && Log.Holds(next.Vlsn) ? [at, next] : [at], effects);
    }

    /// <inheritdoc/>
    public override SearchResult? OnEntries(ImmutableArray<LogEntry> own, EffectList effects)
    {
        Invariant.Holds(own.Length == _feeders.Length, $"{own.Length} own entries came for {_feeders.Length}.");
        var message = RoundTrips == 0 ? nameof(FeederHello) : nameof(ProbeAnswer);
        Vlsn? differs = null;
        for (var i = 0; i < own.Length; i++)
        {
            var vlsn = own[i].Vlsn;
            if (!Comparisons.IsEqual(message, own[i], _feeders[i]))
            {
                differs ??= vlsn;
                continue;
            }

            if (differs is not null)
            {
                throw new ProtocolException(
                    message, $"entry {vlsn}", $"another record than ours, as at {differs} below", "the same record");
            }

            _matched = Vlsn.Min(vlsn, _highest);
        }

        if (differs <= _highest) _highest = differs.Value.Previous;
        _feeders = [];
        return Narrow(effects);
    }

    /// <inheritdoc/>
    public override SearchResult? OnSyncPoint(Vlsn syncPoint, EffectList effects)
    {
        Invariant.Holds(_isLowering, "a sync point came that was not asked for.");
        return syncPoint < _lowest ? NothingShared() : new SearchResult.Matched(syncPoint);
    }

    /// <inheritdoc/>
    protected override SearchResult? OnAnswer(IMessage message, EffectList effects)
    {
        if (message is not ProbeAnswer answer)
            throw new ProtocolException($"{message.Opcode}", "turn", nameof(ProbeAnswer), $"{message.Opcode}");
        if (answer.Entries.Length != _asked.Length)
            throw new ProtocolException(nameof(ProbeAnswer), "count", $"{_asked.Length}", $"{answer.Entries.Length}");
        var feeders = ImmutableArray.CreateBuilder<LogEntry>(_asked.Length);
        for (var i = 0; i < _asked.Length; i++)
        {
            var (vlsn, entry) = answer.Entries[i];
            if (vlsn != _asked[i]) throw new ProtocolException(nameof(ProbeAnswer), $"entry[{i}].vlsn", $"{_asked[i]}", $"{vlsn}");

            // The feeder announced that it holds this record. Taking its absence for a difference could end in a restore.
            if (entry is null) throw new ProtocolException(nameof(ProbeAnswer), $"entry[{i}].found", $"1 for {vlsn}", "0");
            feeders.Add(entry.Value);
        }

        return ReadOwn(feeders.MoveToImmutable(), effects);
    }

    private SearchResult? Narrow(EffectList effects)
    {
        if (_matched < _highest)
        {
            Invariant.Holds(RoundTrips < Limits.Probes, $"{RoundTrips} probes left {_matched} to {_highest} in doubt.");
            _asked = EvenlySpaced(_matched, _highest);
            Ask(new Probe(_asked), effects);
            return null;
        }

        if (_matched < _lowest) return NothingShared();
        _isLowering = true;
        effects.Add(new SyncupEffect.FindSyncPoint(_matched));
        return null;
    }

    private SearchResult? ReadOwn(ImmutableArray<LogEntry> feeders, EffectList effects)
    {
        _feeders = feeders;
        effects.Add(new SyncupEffect.ReadEntries(ImmutableArray.CreateRange(feeders, entry => entry.Vlsn)));
        return null;
    }

    /// <summary>Where both logs are held from record 1 on, the histories part there: nothing lies before it.</summary>
    private SearchResult NothingShared() => HasBeginning && _feederFirst == Vlsn.First
        ? new SearchResult.Matched(Vlsn.Null)
        : new SearchResult.NothingShared(Log.LastSync.IsNull ? Vlsn.First : Log.LastSync);

    /// <summary>All of the records above one up to another when they fit a probe; otherwise those that split them into equal parts.</summary>
    private static ImmutableArray<Vlsn> EvenlySpaced(Vlsn above, Vlsn upTo)
    {
        const int parts = Limits.ProbedVlsns + 1;
        var records = upTo.DistanceFrom(above);
        var count = (int)Math.Min(records, Limits.ProbedVlsns);
        var vlsns = ImmutableArray.CreateBuilder<Vlsn>(count);
        for (var i = 1; i <= count; i++)
            vlsns.Add(above.Plus(records == count ? i : (long)((Int128)(records + (Int128)1) * i / parts)));
        return vlsns.MoveToImmutable();
    }
}
