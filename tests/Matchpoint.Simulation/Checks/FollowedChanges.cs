using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Clients;
using Matchpoint.Storage.State;
using Matchpoint.Transactions;

namespace Matchpoint.Simulation.Checks;

/// <summary>Whoever follows the changes hears the durable transactions: all, in order, each once, as they were written.</summary>
internal static class FollowedChanges
{
    private const string Promise = "followed changes are the durable history";

    /// <summary>Compares what was heard with the history.</summary>
    /// <param name="fold">The history.</param>
    /// <param name="heard">What was heard.</param>
    /// <param name="missed">What was not kept any more, and so not heard: behind how many that were heard, and up to where.</param>
    public static void MustBe(Fold fold, IReadOnlyList<ChangeSet> heard, IReadOnlyList<(int Behind, Vlsn UpTo)> missed)
    {
        var (next, gap) = (0, 0);
        for (var i = 0; i < heard.Count; i++)
        {
            for (; gap < missed.Count && missed[gap].Behind == i; gap++)
            {
                while (next < fold.Transactions.Count && fold.Transactions[next].At <= missed[gap].UpTo) next++;
            }

            if (next == fold.Transactions.Count)
                throw new ViolationException(Promise, $"{heard.Count} transactions were heard, and there are {fold.Transactions.Count}; the last was {heard[^1].Token}");
            var (at, term, payloads) = fold.Transactions[next++];
            var token = new CommitToken((long)term.Value, at.DistanceFrom(Vlsn.Null));
            if (heard[i].Token != token) throw new ViolationException(Promise, $"transaction {heard[i].Token} was heard where {token} has to be");
            if (!Says(heard[i].Changes, payloads, at)) throw new ViolationException(Promise, $"transaction {token} was heard with other changes than it has");
        }
    }

    private static bool Says(IReadOnlyList<Change> changes, IReadOnlyList<byte[]> payloads, Vlsn at)
    {
        var next = 0;
        foreach (var payload in payloads)
        {
            foreach (var operation in PieceReader.Read(payload, at))
            {
                if (operation.Database == StateKey.SystemDatabase) continue;
                if (next == changes.Count || !IsSame(changes[next++], operation)) return false;
            }
        }

        return next == changes.Count;
    }

    private static bool IsSame(in Change change, in Operation operation) =>
        change.Key.Span.SequenceEqual(operation.Key)
        && change.Value.Span.SequenceEqual(operation.Kind == OperationKind.DeleteRange ? operation.EndKey : operation.Value)
        && change.Kind == (ChangeKind)((int)operation.Kind - (int)OperationKind.Put)
        && change.Database == (operation.Database == 0 ? Catalogue.DefaultName : SimulatedClient.ListDatabase);
}
