using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>Version 2: many records per probe, few probes; the hello may have told enough already.</summary>
internal sealed class ProbedFeeder(LogRange range, Vlsn answered) : FeederSyncup(range)
{
    private Vlsn _answered = answered;
    private int _probes;

    /// <summary>
    /// The record where two logs part if one term has one writer: the smaller end of the highest term that both hold. Null when they hold no term in common, or this
    /// log no longer holds that record.
    /// </summary>
    /// <param name="replica">The replica's terms, newest first; some of the older ones may be left out.</param>
    /// <param name="own">This log's terms, newest first, with their last records.</param>
    /// <param name="range">What this log holds.</param>
    public static Vlsn Candidate(IReadOnlyList<TermEnd> replica, IReadOnlyList<(Term Term, Vlsn Last)> own, LogRange range)
    {
        var mine = 0;
        foreach (var theirs in replica)
        {
            while (mine < own.Count && own[mine].Term > theirs.Term) mine++;
            if (mine == own.Count) break;
            if (own[mine].Term != theirs.Term) continue;
            var smallerEnd = Vlsn.Min(theirs.Last, own[mine].Last);
            return range.Holds(smallerEnd) ? smallerEnd : Vlsn.Null;
        }

        return Vlsn.Null;
    }

    /// <inheritdoc/>
    protected override void OnMessage(SyncupMessage message, List<SyncupEffect> effects)
    {
        switch (message)
        {
            case Probe probe:
                OnProbe(probe, effects);
                break;
            case StartStream start when start.Vlsn == Vlsn.First && Range.First == Vlsn.First:
                StreamFrom(start.Vlsn, effects);
                break;
            case StartStream start when Range.Holds(start.Vlsn.Previous) && start.Vlsn.Previous <= _answered:
                Read(start, [start.Vlsn.Previous], effects);
                break;
            case StartStream start:
                Fault($"the replica asks for the stream from {start.Vlsn}; the highest record told of is {_answered}", effects);
                break;
            case RestoreRequest:
                GrantRestore(effects);
                break;
            default:
                Fault($"the replica sent {message}, which has no place here", effects);
                break;
        }
    }

    /// <inheritdoc/>
    protected override void OnEntries(SyncupMessage question, LogEntry[] entries, List<SyncupEffect> effects)
    {
        switch (question)
        {
            case Probe:
                _answered = Vlsn.Max(_answered, entries[^1].Vlsn);
                effects.Add(new Send(new ProbeAnswer(entries)));
                break;
            case StartStream start when entries[0].IsSync:
                StreamFrom(start.Vlsn, effects);
                break;
            case StartStream start:
                Fault($"the replica asks for the stream from {start.Vlsn}, and {entries[0].Vlsn} is not a sync point", effects);
                break;
            default:
                throw Invariant.Unreachable(question);
        }
    }

    private void OnProbe(Probe probe, List<SyncupEffect> effects)
    {
        if (++_probes > Limits.Probes) Fault($"the replica sent more than {Limits.Probes} probes", effects);
        else if (!Range.Holds(probe.Vlsns[0]) || !Range.Holds(probe.Vlsns[^1]))
            Fault($"the replica probes {probe.Vlsns[0]} to {probe.Vlsns[^1]}; this log holds {Range.First} to {Range.Last}", effects);
        else Read(probe, probe.Vlsns, effects);
    }
}
