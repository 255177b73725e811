using System.Runtime.CompilerServices;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage;
using Matchpoint.Storage.State;
using Matchpoint.Transactions;

namespace Matchpoint.Node;

/// <summary>Reads durable transactions from the log, one after another, and waits for more. It holds one transaction at a time, or a few small ones, and no log while it waits.</summary>
internal sealed class ChangeReader(NodeCore core, Catalogue catalogue)
{
    private const int MostAtOnce = 1000;

    /// <summary>The transactions behind a place of the log.</summary>
    public async IAsyncEnumerable<ChangeSet> ReadAsync(CommitToken after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, core.Stopping);
        var last = Vlsn.Null.Plus(after.Vlsn);
        await AwaitDurableAsync(last, either.Token, cancellation).ConfigureAwait(false);
        // A log that holds another record there has undone this one; before it is durable it may still be the one that will be undone.
        Sound(() =>
        {
            using var view = core.Log.View();
            Reader.RequireSameReign(view, after);
            return true;
        });
        for (var next = last.Next; ;)
        {
            await AwaitDurableAsync(next, either.Token, cancellation).ConfigureAwait(false);
            var visible = await AwaitVisibleAsync(next, either.Token, cancellation).ConfigureAwait(false);
            var (sets, read) = Sound(() => Read(next, visible));
            next = read.Next;
            foreach (var set in sets) yield return set;
        }
    }

    private async ValueTask AwaitDurableAsync(Vlsn vlsn, CancellationToken either, CancellationToken cancellation)
    {
        while (true)
        {
            var result = await core.Progress.WaitAsync(Goal.Durable, vlsn, TimeSpan.FromDays(1), either).ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
            if (result is WaitResult.Ended or WaitResult.Cancelled) throw Closed();
            if (result == WaitResult.Reached) return;
        }
    }

    /// <summary>How far this node shows what is durable, once that is a record at least.</summary>
    private async ValueTask<Vlsn> AwaitVisibleAsync(Vlsn vlsn, CancellationToken either, CancellationToken cancellation)
    {
        for (var pause = Reader.FirstPause; ; pause = Reader.Longer(pause))
        {
            // The names of databases are data: who reads the log ahead of them does not know them.
            var visible = core.Appender.ShownUpTo(core.Progress.Durable);
            if (visible >= vlsn) return visible;
            await Task.Delay(pause, core.Clock.Time, either).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
            if (either.IsCancellationRequested) throw Closed();
        }
    }

    private NodeFailedException Closed() => new($"node '{core.Members.Self}' was closed while its changes were followed.");

    private T Sound<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (DamageException damage)
        {
            throw core.OnDamage(damage);
        }
    }

    private (List<ChangeSet> Sets, Vlsn Read) Read(Vlsn from, Vlsn durable)
    {
        using var view = core.Log.View();
        if (!view.Holds(from))
        {
            throw new HistoryTrimmedException(
                $"changes from record {from} on are asked for, and the log begins at {view.First}. Read the data anew, and follow the changes from there.",
                new CommitToken(0, view.First.DistanceFrom(Vlsn.Null) - 1));
        }

        var sets = new List<ChangeSet>();
        var read = from.Previous;
        long bytes = 0;
        using var reader = view.ReadFrom(from);
        while (read < durable && sets.Count < MostAtOnce && bytes < Limits.PieceBytes && reader.MoveNext())
        {
            read = reader.Header.Vlsn;
            if (!reader.Header.IsTransactionEnd) continue;
            bytes += reader.Header.Length;
            var changes = new List<Change>();
            var commit = PieceReader.Read(reader.Payload, read);
            if (!commit.FirstPiece.IsNull)
            {
                if (!view.Holds(commit.FirstPiece))
                {
                    if (sets.Count > 0) return (sets, read.Previous);
                    throw new HistoryTrimmedException(
                        $"the changes of record {read} are asked for, which began with record {commit.FirstPiece}, and the log begins at {view.First}. "
                        + "Read the data anew, and follow the changes from there.",
                        new CommitToken((long)reader.Header.Term.Value, read.DistanceFrom(Vlsn.Null)));
                }

                foreach (var piece in PieceReader.Before(view, commit))
                {
                    bytes += piece.Length;
                    Add(PieceReader.Read(piece, read), changes);
                }
            }

            Add(commit, changes);
            if (changes.Count > 0)
                sets.Add(new ChangeSet(new CommitToken((long)reader.Header.Term.Value, read.DistanceFrom(Vlsn.Null)), reader.Header.Time, changes));
        }

        return (sets, read);
    }

    private void Add(in TransactionPayload payload, List<Change> changes)
    {
        foreach (var operation in payload)
        {
            if (operation.Database == StateKey.SystemDatabase) continue;
            var kind = operation.Kind switch
            {
                OperationKind.Put => ChangeKind.Put,
                OperationKind.Delete => ChangeKind.Delete,
                OperationKind.DeleteRange => ChangeKind.DeleteRange,
                _ => throw Invariant.Unreachable(operation.Kind),
            };
            changes.Add(new Change(kind, catalogue.NameOf(operation.Database), operation.Key.ToArray(), operation.Value.ToArray()));
        }
    }
}
