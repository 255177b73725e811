using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Simulation.Checks;

/// <summary>What the durable history amounts to: every version of every key, in order.</summary>
internal sealed class Fold
{
    private readonly Dictionary<string, List<(Vlsn At, byte[]? Value)>> _versions = new(StringComparer.Ordinal);
    private readonly Dictionary<Vlsn, List<byte[]>> _pieces = [];
    private readonly List<(Vlsn At, Term Term, IReadOnlyList<byte[]> Payloads)> _transactions = [];

    /// <summary>Applies a history, record by record.</summary>
    /// <param name="ledger">The history.</param>
    /// <param name="upTo">The last record that is applied; null for all of them.</param>
    public Fold(Ledger ledger, Vlsn? upTo = null)
    {
        var vlsn = Vlsn.Null;
        foreach (var record in ledger.Records)
        {
            if (vlsn == upTo) break;
            vlsn = vlsn.Next;
            Add(vlsn, record);
        }
    }

    /// <summary>All transactions, in order: where each ended, and what its records say.</summary>
    public IReadOnlyList<(Vlsn At, Term Term, IReadOnlyList<byte[]> Payloads)> Transactions => _transactions;

    /// <summary>All keys with their last values, in order.</summary>
    public IEnumerable<(string Key, byte[] Value)> Last =>
        _versions.Where(static pair => pair.Value[^1].Value is not null).Select(static pair => (pair.Key, pair.Value[^1].Value!)).OrderBy(static pair => pair.Key, StringComparer.Ordinal);

    /// <summary>A key as the fold names it.</summary>
    public static string NameOf(int database, ReadOnlySpan<byte> key) => $"{database:x4}{Convert.ToHexString(key)}";

    /// <summary>The versions of a key, oldest first.</summary>
    public IReadOnlyList<(Vlsn At, byte[]? Value)> VersionsOf(string name) => _versions.GetValueOrDefault(name) ?? [];

    private void Add(Vlsn vlsn, in Remembered record)
    {
        switch (record.Kind)
        {
            case RecordKind.Piece:
                var first = PieceReader.Read(record.Payload, vlsn).FirstPiece;
                if (first.IsNull) first = vlsn;
                if (!_pieces.TryGetValue(first, out var open)) _pieces.Add(first, open = []);
                open.Add(record.Payload);
                break;
            case RecordKind.Commit:
                var commit = PieceReader.Read(record.Payload, vlsn);
                var payloads = !commit.FirstPiece.IsNull && _pieces.Remove(commit.FirstPiece, out var pieces) ? pieces : [];
                payloads.Add(record.Payload);
                foreach (var payload in payloads) Apply(vlsn, PieceReader.Read(payload, vlsn));
                _transactions.Add((vlsn, record.Term, payloads));
                break;
            case RecordKind.Membership:
                Set(vlsn, NameOf(Storage.State.StateKey.SystemDatabase, RosterLog.Key), RosterLog.ValueOf(vlsn, record.Payload));
                break;
            default:
                _pieces.Clear();
                break;
        }
    }

    private void Apply(Vlsn vlsn, in TransactionPayload payload)
    {
        foreach (var operation in payload)
        {
            switch (operation.Kind)
            {
                case OperationKind.Put:
                    Set(vlsn, NameOf(operation.Database, operation.Key), operation.Value.ToArray());
                    break;
                case OperationKind.Delete:
                    Set(vlsn, NameOf(operation.Database, operation.Key), null);
                    break;
                default:
                    var from = NameOf(operation.Database, operation.Key);
                    var to = operation.EndKey.IsEmpty ? NameOf(operation.Database + 1, []) : NameOf(operation.Database, operation.EndKey);
                    foreach (var name in _versions.Keys.Where(name => string.CompareOrdinal(name, from) >= 0 && string.CompareOrdinal(name, to) < 0).ToList()) Set(vlsn, name, null);
                    break;
            }
        }
    }

    private void Set(Vlsn vlsn, string name, byte[]? value)
    {
        if (!_versions.TryGetValue(name, out var versions)) _versions.Add(name, versions = []);
        versions.Add((vlsn, value));
    }
}
