using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
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
    public static void Check(
        Ledger ledger, bool isLossy, History history, IReadOnlyList<ChangeSet> heard, IReadOnlyList<(int Behind, Vlsn UpTo)> missed, IReadOnlyList<SimulatedMachine> machines)
    {
        var fold = new Fold(ledger);
        foreach (var machine in machines) StateIsTheFold(fold, machine.Name, machine.Node!.Core);
        if (isLossy) return;
        FollowedChanges.MustBe(fold, heard, missed);
        if (Linearizability.Check(history.OfRegisters) is { } notLinearizable) throw new ViolationException("registers are linearizable", notLinearizable);
        if (Serializability.Check(history.Operations) is { } notSerializable) throw new ViolationException("transactions are strictly serializable", notSerializable);
        foreach (var operation in history.Operations)
        {
            if (operation.Outcome == Outcome.Ok) IsKept(ledger, operation);
        }

        foreach (var operation in history.OfRegisters)
        {
            if (operation is { Action: ClientAction.Read, Outcome: Outcome.Ok, Found: not 0 } && operation.Level != ReadLevel.Local) IsDurable(fold, operation);
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
        // A compare-and-set that found another value wrote nothing.
        if (operation.IsRead || operation is { Action: ClientAction.CompareAndSet, Found: 0 }) return;
        if (operation.Action == ClientAction.Transact && operation.Steps.All(static step => step.Append is null)) return;
        var at = Vlsn.Null.Plus(operation.Token.Vlsn);
        if (at > ledger.Last || (long)ledger[at].Term.Value != operation.Token.Term)
            throw new ViolationException("no acknowledged write is ever lost", $"{operation}");
    }

    /// <summary>What a read saw stays true.</summary>
    private static void IsDurable(Fold fold, ClientOperation operation)
    {
        var versions = fold.VersionsOf(Fold.NameOf(0, SimulatedClient.RegisterKey(operation.Key)));
        if (!versions.Any(version => SimulatedClient.ToValue(version.Value) == operation.Found))
            throw new ViolationException("no default read is ever undone", $"{operation}");
    }
}
