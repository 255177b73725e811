using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.State;

namespace Matchpoint.Client;

/// <summary>What the log says was changed between two records, but by some of them.</summary>
internal sealed class ChangesSince(NodeCore core, Vlsn since, Vlsn upTo, IReadOnlyList<long> but)
{
    private readonly HashSet<long> _but = [.. but];

    /// <summary>What stands against operations that nothing must have been changed by: one sentence for each.</summary>
    public List<string> Against(IEnumerable<(ClientOperation Operation, ushort Database)> operations)
    {
        using var view = core.Log.View();
        if (since >= upTo) return [];
        if (!view.Holds(since.Next))
            return [$"the log begins at record {view.First}: whether anything was changed since record {since} cannot be told any more"];
        var ranges = operations.Select(item => (item.Operation, Bounds: BoundsOf(item.Operation, item.Database))).ToList();
        var found = new SortedDictionary<int, string>();
        using var reader = view.ReadFrom(since.Next);
        while (reader.MoveNext() && reader.Header.Vlsn <= upTo)
        {
            if (!reader.Header.IsTransactionEnd || _but.Contains(reader.Header.Vlsn.DistanceFrom(Vlsn.Null))) continue;
            var commit = PieceReader.Read(reader.Payload, reader.Header.Vlsn);
            if (!commit.FirstPiece.IsNull)
            {
                if (!view.Holds(commit.FirstPiece))
                    return [$"the log begins at record {view.First}, and holds only the end of what record {reader.Header.Vlsn} has changed: whether that is any of these cannot be told any more"];
                foreach (var piece in PieceReader.Before(view, commit)) Find(PieceReader.Read(piece, reader.Header.Vlsn), reader.Header.Vlsn, ranges, found);
            }

            Find(commit, reader.Header.Vlsn, ranges, found);
        }

        return [.. found.Values];
    }

    private static void Find(
        in TransactionPayload payload, Vlsn vlsn, List<(ClientOperation Operation, (byte[] From, byte[] To) Bounds)> wanted, SortedDictionary<int, string> found)
    {
        foreach (var change in payload)
        {
            var from = StateKey.Of(change.Database, change.Key);
            var to = change.Kind != OperationKind.DeleteRange ? [.. from, 0]
                : change.EndKey.IsEmpty ? StateKey.Of((ushort)(change.Database + 1), []) : StateKey.Of(change.Database, change.EndKey);
            for (var i = 0; i < wanted.Count; i++)
            {
                var (operation, bounds) = wanted[i];
                if (found.ContainsKey(i) || from.AsSpan().SequenceCompareTo(bounds.To) >= 0 || bounds.From.AsSpan().SequenceCompareTo(to) >= 0) continue;
                found.Add(i, $"{operation.Kind} {Name(operation.Key)}: record {vlsn} has changed it since");
            }
        }
    }

    private static (byte[] From, byte[] To) BoundsOf(ClientOperation operation, ushort database)
    {
        var from = StateKey.Of(database, operation.Key);
        if (operation.Kind != ChangeKind.DeleteRange) return (from, [.. from, 0]);
        return (from, operation.Value is { Length: > 0 } to ? StateKey.Of(database, to) : StateKey.Of((ushort)(database + 1), []));
    }

    private static string Name(byte[] key) =>
        System.Text.Unicode.Utf8.IsValid(key) && key.AsSpan().IndexOfAnyInRange((byte)0, (byte)31) < 0
            ? $"\"{System.Text.Encoding.UTF8.GetString(key)}\""
            : "0x" + Convert.ToHexStringLower(key);
}
