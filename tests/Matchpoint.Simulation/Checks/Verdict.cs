using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Checkers;
using Matchpoint.Simulation.Clients;
using Matchpoint.Simulation.Group;
using Matchpoint.Storage.State;

namespace Matchpoint.Simulation.Checks;

/// <summary>What must hold in the end, of the durable history and of all that clients were told.</summary>
internal static class Verdict
{
    /// <summary>Checks all of it.</summary>
    /// <param name="ledger">The history.</param>
    /// <param name="isLossy">Whether acknowledged records may have been lost: then clients may have been told what is not so.</param>
    /// <param name="history">What clients were told.</param>
    /// <param name="heard">What somebody heard who followed the changes.</param>
    /// <param name="missed">What it was told that nobody keeps any more: behind how many that it heard, and up to where.</param>
    /// <param name="machines">The group.</param>
    /// <param name="heldAt">The history up to the end of a log that some node held; null where that was never seen.</param>
    /// <returns>How many registers' histories were too long to be decided.</returns>
    public static int Check(
        Ledger ledger, bool isLossy, History history, IReadOnlyList<ChangeSet> heard, IReadOnlyList<(int Behind, Vlsn UpTo)> missed, IReadOnlyList<SimulatedMachine> machines,
        Func<LogPosition, Ledger?> heldAt)
    {
        var fold = new Fold(ledger);
        foreach (var machine in machines) StateIsTheFold(fold, machine.Name, machine.Node!.Core);
        if (isLossy) return 0;
        FollowedChanges.MustBe(fold, heard, missed);
        if (Linearizability.Check(history.OfRegisters, out var undecided) is { } notLinearizable) throw new ViolationException("registers are linearizable", notLinearizable);
        if (Serializability.Check(history.Operations) is { } notSerializable) throw new ViolationException("transactions are strictly serializable", notSerializable);
        foreach (var operation in history.Operations)
        {
            if (operation.Outcome == Outcome.Ok) IsKept(ledger, operation);
        }

        Readings.MustBeTrue(fold, history.Operations, HeldAt);
        return undecided;

        Fold? HeldAt(LogPosition end)
        {
            if (end.Vlsn.IsNull || (end.Vlsn <= ledger.Last && ledger[end.Vlsn].Fingerprint == end.Fingerprint)) return fold;
            return heldAt(end) is { } held ? new Fold(held) : null;
        }
    }

    /// <summary>What a node's state holds is what the history amounts to; an arbiter's holds what the store keeps for itself.</summary>
    public static void StateIsTheFold(Fold fold, string name, NodeCore core)
    {
        using var snapshot = core.State.Snapshot();
        using var cursor = snapshot.Cursor([], [0xff, 0xff, 0xff, 0xff]);
        var found = cursor.Seek([]);
        var system = Fold.NameOf(StateKey.SystemDatabase, []);
        foreach (var (key, value) in fold.Last.Where(pair => core.HasData || pair.Key.StartsWith(system, StringComparison.Ordinal)))
        {
            if (!found || Convert.ToHexString(cursor.Key) is var held && !string.Equals(held, key, StringComparison.OrdinalIgnoreCase) || !cursor.Value.SequenceEqual(value))
                throw new ViolationException("the state is the fold of the durable log", $"{name} holds {(found ? Convert.ToHexString(cursor.Key) : "nothing")} where the log has {key}");
            found = cursor.Next();
        }

        if (found) throw new ViolationException("the state is the fold of the durable log", $"{name} holds {Convert.ToHexString(cursor.Key)}, and the log has no such key");
    }

    /// <summary>No acknowledged write is ever lost.</summary>
    private static void IsKept(Ledger ledger, ClientOperation operation)
    {
        if (!operation.Writes) return;
        var at = Vlsn.Null.Plus(operation.Token.Vlsn);
        if (at > ledger.Last || (long)ledger[at].Term.Value != operation.Token.Term)
            throw new ViolationException("no acknowledged write is ever lost", $"{operation}");
    }
}
