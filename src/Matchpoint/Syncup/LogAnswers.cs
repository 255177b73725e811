using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
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
    public LogRange Range { get; } = new(view.First, view.Last, view.LastSync, view.LastTransactionEnd, Durable(view));

    /// <summary>The damage that was met; null for none. The machine knows of it only in words.</summary>
    public DamageException? Damage { get; private set; }

    /// <summary>
    /// How far the log is durable, at a sync point: pieces behind the last one hold nothing yet, however many hold them, and a matchpoint below them breaks no promise.
    /// </summary>
    private static Vlsn Durable(LogView view) => view.Holds(view.Durable) ? view.SyncPointAtOrBelow(view.Durable) : view.Durable;

    /// <summary>The terms that a hello lists, newest first.</summary>
    /// <exception cref="StorageException">The end of a listed term cannot be read.</exception>
    public ImmutableArray<TermEnd> ListedTerms() => [.. TermList.Thin(OwnTerms()).Select(WithFingerprint)];

    /// <summary>Performs an effect that only reads the log; null when the effect is another.</summary>
    public SyncupInput? TryAnswer(SyncupEffect effect)
    {
        try
        {
            return effect switch
            {
                SyncupEffect.ReadEntries read => new SyncupInput.EntriesRead([.. read.Vlsns.Select(Entry)]),
                SyncupEffect.FindSyncPoint find => new SyncupInput.SyncPointFound(view.SyncPointAtOrBelow(find.AtOrBelow)),
                SyncupEffect.FindCommonTerm find => new SyncupInput.CommonTermFound(CommonTerm(find.Listed)),
                SyncupEffect.CountAbove count => new SyncupInput.Counted(Count(count.Matchpoint)),
                _ => null,
            };
        }
        catch (Exception error) when (error is StorageException or IOException)
        {
            return Faulted(error);
        }
    }

    /// <summary>What the machine is told when the log cannot be read or written.</summary>
    public SyncupInput Faulted(Exception error)
    {
        Damage ??= error as DamageException;
        return new SyncupInput.LogFaulted(error.Message);
    }

    /// <summary>What a session that damage has ended throws when it has told the peer: whoever runs it mends it.</summary>
    /// <exception cref="DamageException">Damage was met.</exception>
    public void ThrowIfDamaged()
    {
        if (Damage is not null) ExceptionDispatchInfo.Throw(Damage);
    }

    /// <summary>A record of the log.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public LogEntry Entry(Vlsn vlsn)
    {
        var isHeld = view.TryGet(vlsn, out var header, out var lsn);
        Invariant.Holds(isHeld, $"record {vlsn} is asked for; the log holds {view.First} to {view.Last}.");
        return new LogEntry(vlsn, lsn, header.Fingerprint, header.IsSync);
    }

    /// <summary>All terms, newest first. Their fingerprints are read only where they are needed.</summary>
    private List<TermEnd> OwnTerms() => [.. view.TermEnds().Select(end => new TermEnd(end.Term, end.Last, default))];

    private TermEnd? CommonTerm(ImmutableArray<TermEnd> listed) =>
        TermList.NewestCommon(listed, OwnTerms()) is { } common ? WithFingerprint(common) : null;

    private TermEnd WithFingerprint(TermEnd end) => end with { Fingerprint = Entry(end.Last).Fingerprint };

    private UndoneCount Count(Vlsn matchpoint)
    {
        // Above the durable VLSN only commits that asked for nobody's acknowledgement were promised; those below it are kept by the table's row 9.
        var counts = view.CountAbove(matchpoint);
        return new UndoneCount(counts.Records, counts.Commits, counts.UnconditionalCommits);
    }
}
