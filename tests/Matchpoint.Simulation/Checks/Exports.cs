using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Simulation.Checks;

/// <summary>What was undone is what was exported.</summary>
internal static class Exports
{
    /// <summary>The records that a node lost behind a record must be in an export of its own, operation by operation.</summary>
    /// <param name="directory">The node's directory.</param>
    /// <param name="machine">The node.</param>
    /// <param name="matchpoint">The last record that stayed.</param>
    /// <param name="removed">What went.</param>
    /// <param name="must">How many of those were surely there.</param>
    /// <param name="isByCopy">Whether a full copy took the place of the log: then all is exported that the node did not know to be durable.</param>
    public static void MustHold(DataDirectory directory, string machine, Vlsn matchpoint, List<Remembered> removed, int must, bool isByCopy)
    {
        var missing = $"{machine} has cut {must} records behind {matchpoint}, and has no export of them";
        foreach (var entry in RollbackStore.List(directory))
        {
            // Twice cut behind the same record, there are two exports.
            var isBehind = isByCopy ? entry.Header.Matchpoint <= matchpoint : entry.Header.Matchpoint == matchpoint;
            if (entry.State != RollbackState.Undone || !isBehind || entry.Header.Last < matchpoint.Plus(must)) continue;
            if (WhatIsWrong(directory, entry, machine, matchpoint, removed, must, isByCopy) is not { } found) return;
            missing = found;
        }

        throw new ViolationException("what is undone is exported", missing);
    }

    private static string? WhatIsWrong(DataDirectory directory, RollbackEntry entry, string machine, Vlsn matchpoint, List<Remembered> removed, int must, bool isByCopy)
    {
        var exported = new Dictionary<Vlsn, List<UndoneOperation>>();
        foreach (var operation in RollbackStore.Operations(directory, entry.Name))
        {
            if (!exported.TryGetValue(operation.Vlsn, out var operations)) exported.Add(operation.Vlsn, operations = []);
            operations.Add(operation);
        }

        for (var i = 0; i < must; i++)
        {
            var (_, _, kind, payload) = removed[i];
            if (kind is not (RecordKind.Commit or RecordKind.Piece)) continue;
            var vlsn = matchpoint.Plus(i + 1);
            var found = exported.GetValueOrDefault(vlsn) ?? [];
            var at = 0;
            foreach (var operation in PieceReader.Read(payload, vlsn))
            {
                if (at >= found.Count || !found[at].Key.AsSpan().SequenceEqual(operation.Key) || found[at].Database != operation.Database || !Second(operation).SequenceEqual(found[at].Second))
                {
                    return $"operation {at + 1} ({operation.Kind}) of record {vlsn} ({kind}), which {machine} has cut, is not in {entry.Name}, "
                        + $"which has {found.Count} operations of it: {string.Join(", ", found)}";
                }

                at++;
            }

            if (at != found.Count) return $"{entry.Name} of {machine} has {found.Count} operations for record {vlsn}, which had {at}";
        }

        // What went is all that went: of records that were there, and of what a copy did not bring, nothing more.
        var last = matchpoint.Plus(removed.Count);
        if (exported.Keys.FirstOrDefault(vlsn => vlsn > last || (!isByCopy && vlsn <= matchpoint)) is var strange && !strange.IsNull)
            return $"{entry.Name} of {machine} has record {strange}, and those that went lie behind {matchpoint} and up to {last}";
        return null;
    }

    private static ReadOnlySpan<byte> Second(in Operation operation) => operation.Kind switch
    {
        OperationKind.Put => operation.Value,
        OperationKind.DeleteRange => operation.EndKey,
        _ => [],
    };
}
