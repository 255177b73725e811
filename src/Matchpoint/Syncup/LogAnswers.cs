using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage;
using Matchpoint.Storage.Log;

namespace Matchpoint.Syncup;

/// <summary>Answers what a syncup machine asks of its own log, from one fixed view.</summary>
internal sealed class LogAnswers(LogView view)
{
    /// <summary>What the log holds.</summary>
    public LogRange Range { get; } = new(view.First, view.Last, view.LastSync, view.LastTransactionEnd, view.Durable);

    /// <summary>Performs an effect that only reads the log; null when the effect is another.</summary>
    public SyncupInput? TryAnswer(SyncupEffect effect)
    {
        try
        {
            return effect switch
            {
                ReadEntries read => new EntriesRead([.. read.Vlsns.Select(Entry)]),
                FindSyncPoint find => new SyncPointFound(view.SyncPointAtOrBelow(find.AtOrBelow)),
                CountAbove count => new Counted(Count(count.Matchpoint)),
                _ => null,
            };
        }
        catch (Exception error) when (error is StorageException or IOException)
        {
            return new ReadFailed(error.Message);
        }
    }

    /// <summary>A record of the log.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public LogEntry Entry(Vlsn vlsn)
    {
        var isHeld = view.TryGet(vlsn, out var header, out var lsn);
        Invariant.Holds(isHeld, $"record {vlsn} is asked for; the log holds {view.First} to {view.Last}.");
        return new LogEntry(vlsn, lsn, header.Fingerprint, header.IsSync);
    }

    /// <summary>The terms that a hello lists, newest first, with the fingerprints at their ends.</summary>
    public TermEnd[] ListedTerms()
    {
        var terms = view.TermEnds();
        return [.. TermEnd.Listed(terms.Count).Select(i => new TermEnd(terms[i].Term, terms[i].Last, Entry(terms[i].Last).Fingerprint))];
    }

    /// <summary>Where the logs part by the replica's terms, and the record behind: what a feeder's hello tells.</summary>
    public (LogEntry? Candidate, LogEntry? Next) Candidate(TermEnd[] replica)
    {
        var candidate = ProbedFeeder.Candidate(replica, view.TermEnds(), Range);
        if (candidate.IsNull) return (null, null);
        return (Entry(candidate), candidate < view.Last ? Entry(candidate.Next) : null);
    }

    private UndoneCounts Count(Vlsn matchpoint)
    {
        // Above the durable VLSN only commits that asked for nobody's acknowledgement were promised; those below it are kept by the table's row 9.
        var counts = view.CountAbove(matchpoint);
        return new UndoneCounts(counts.Records, counts.Commits, counts.UnconditionalCommits);
    }
}
