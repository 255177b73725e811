using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>
/// Version 2: the feeder's hello names the place where the terms say that the logs part, with its record there and the one behind. Equal fingerprints prove the whole prefix,
/// a differing record behind proves that nothing higher is shared: then no more is asked. Where the terms lied, up to 255 records per message are compared, until the
/// bracket is closed. Fingerprints are chained, so that matching is monotone: below a match all match, above a mismatch none does.
/// </summary>
internal sealed class ProvenSearch : MatchpointSearch
{
    private enum Phase
    {
        AwaitingOwnEntries,
        AwaitingProbeAnswer,
        AwaitingSyncPoint,
    }

    private readonly LogRange _feeder;
    private readonly LogEntry? _candidate;
    private readonly LogEntry? _next;
    private readonly Vlsn _floor;
    private Phase _phase;
    private Vlsn _matched;
    private Vlsn _differs;
    private LogEntry[] _answers = [];
    private Vlsn[] _asked = [];

    /// <summary>A search with what the feeder's hello told.</summary>
    public ProvenSearch(LogRange own, FeederHello hello)
        : base(own)
    {
        _feeder = new LogRange(hello.First, hello.Last, Vlsn.Null, Vlsn.Null, hello.Durable);
        _candidate = hello.Candidate;
        _next = hello.Next;
        _floor = Vlsn.Max(own.First, hello.First);
        var ceiling = Vlsn.Min(own.Last, hello.Last);

        // Matched and differing close in on each other: everything up to the first is shared, nothing from the second on.
        _matched = _floor.IsNull ? Vlsn.Null : _floor.Previous;
        _differs = ceiling.Plus(1);
        LastAsked = ceiling;
    }

    /// <inheritdoc/>
    public override void Start(List<SyncupEffect> effects)
    {
        if (Range.LastSync.IsNull || _matched.Plus(1) >= _differs) Conclude(effects);
        else if (_candidate is { } candidate && candidate.Vlsn >= _floor && candidate.Vlsn < _differs)
        {
            var withNext = _next is { } next && next.Vlsn < _differs;
            CompareWithOwn(withNext ? [candidate, _next!.Value] : [candidate], effects);
        }
        else ProbeOn(effects);
    }

    /// <inheritdoc/>
    public override void Step(SyncupInput input, List<SyncupEffect> effects)
    {
        switch (_phase, input)
        {
            case (Phase.AwaitingOwnEntries, EntriesRead(var own)):
                OnOwnEntries(own, effects);
                break;
            case (Phase.AwaitingProbeAnswer, MessageReceived(ProbeAnswer answer)):
                OnAnswer(answer.Records, effects);
                break;
            case (Phase.AwaitingSyncPoint, SyncPointFound(var vlsn)):
                OnSyncPoint(vlsn);
                break;
            case (_, MessageReceived(var message)):
                Fault($"{(_phase == Phase.AwaitingProbeAnswer ? "probed" : "asked for nothing")}, and the feeder sent {message}");
                break;
            default:
                throw Invariant.Unreachable((_phase, input));
        }
    }

    private void OnAnswer(LogEntry[] answers, List<SyncupEffect> effects)
    {
        if (!answers.Select(answer => answer.Vlsn).SequenceEqual(_asked))
            Fault($"probed {_asked.Length} records from {_asked[0]} to {_asked[^1]}, and the feeder answered for others");
        else CompareWithOwn(answers, effects);
    }

    private void OnOwnEntries(LogEntry[] own, List<SyncupEffect> effects)
    {
        for (var i = 0; i < own.Length; i++)
        {
            if (Comparisons.Compare(own[i], _answers[i]))
            {
                if (own[i].Vlsn >= _differs)
                {
                    Fault($"the feeder's record {own[i].Vlsn} matches, though a record below it differs: its fingerprints are no chain");
                    return;
                }

                _matched = Vlsn.Max(_matched, own[i].Vlsn);
            }
            else
            {
                _differs = Vlsn.Min(_differs, own[i].Vlsn);
            }
        }

        ProbeOn(effects);
    }

    /// <summary>Closes the bracket further, or concludes when it is closed.</summary>
    private void ProbeOn(List<SyncupEffect> effects)
    {
        var undecided = _differs.DistanceFrom(_matched) - 1;
        if (undecided <= 0)
        {
            Conclude(effects);
            return;
        }

        Invariant.Holds(RoundTrips < Limits.Probes, $"{RoundTrips} probes left {undecided} records undecided.");
        _asked = Spread(_matched, undecided);
        _phase = Phase.AwaitingProbeAnswer;
        RoundTrips++;
        LastAsked = _asked[0];
        effects.Add(new Send(new Probe(_asked)));
    }

    /// <summary>Up to 255 records, spread evenly over those behind the matched one: they cut the undecided run into equal parts.</summary>
    private static Vlsn[] Spread(Vlsn matched, long undecided)
    {
        var count = (int)Math.Min(undecided, Limits.ProbedVlsns);
        var vlsns = new Vlsn[count];
        for (var i = 0; i < count; i++) vlsns[i] = matched.Plus((long)((Int128)(undecided + 1) * (i + 1) / (count + 1)));
        return vlsns;
    }

    private void Conclude(List<SyncupEffect> effects)
    {
        if (_floor.IsNull || _matched < _floor || Range.LastSync.IsNull)
        {
            ConcludeWithNothing();
            return;
        }

        _phase = Phase.AwaitingSyncPoint;
        effects.Add(new FindSyncPoint(_matched));
    }

    private void OnSyncPoint(Vlsn vlsn)
    {
        // The prefix is shared, so an own sync point in it is one of the feeder's too.
        if (vlsn.IsNull || vlsn < _floor) ConcludeWithNothing();
        else Result = new SearchResult.Matched(vlsn);
    }

    private void ConcludeWithNothing() => Result = Range.NeverHeldACommit && _feeder.First == Vlsn.First
        ? new SearchResult.StartAtOne()
        : new SearchResult.NothingShared($"no sync point held ({Range.First} to {Range.Last}) is the feeder's ({_feeder.First} to {_feeder.Last})");

    private void CompareWithOwn(LogEntry[] answers, List<SyncupEffect> effects)
    {
        _answers = answers;
        _phase = Phase.AwaitingOwnEntries;
        effects.Add(new ReadEntries([.. answers.Select(answer => answer.Vlsn)]));
    }
}
