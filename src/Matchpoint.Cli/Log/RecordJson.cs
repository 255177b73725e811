using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Log;

namespace Matchpoint.Cli.Log;

/// <summary>A record as an object for scripts.</summary>
internal sealed record RecordJson(
    long Vlsn, string Kind, ulong Term, ulong Lsn, int Length, string Fingerprint, DateTimeOffset Time, string? Ack,
    bool Sync, bool TransactionEnd, long? FirstPiece, long? PreviousPiece, IReadOnlyList<OperationJson>? Operations)
{
    /// <summary>The record a reader stands at.</summary>
    public static RecordJson Of(RecordReader reader)
    {
        ref readonly var header = ref reader.Header;
        var operations = default(List<OperationJson>);
        long? firstPiece = null;
        long? previousPiece = null;
        if (header.Kind is RecordKind.Commit or RecordKind.Piece)
        {
            if (!TransactionPayload.TryRead(reader.Payload, header.Vlsn, out var transaction, out var fault))
                throw Segment.Damaged(reader.Path, reader.FilePosition, header.Vlsn, fault);
            operations = [];
            foreach (var operation in transaction) operations.Add(OperationJson.Of(operation));
            if (!transaction.FirstPiece.IsNull) (firstPiece, previousPiece) = (transaction.FirstPiece.Value, transaction.PreviousPiece.Value);
        }

        return new RecordJson(
            header.Vlsn.Value, header.Kind.ToString(), header.Term.Value, reader.Lsn.Value, header.Length, header.Fingerprint.ToString(),
            header.Time, header.Kind == RecordKind.Commit ? header.AckPolicy.ToString().ToLowerInvariant() : null,
            header.IsSync, header.IsTransactionEnd, firstPiece, previousPiece, operations);
    }
}

/// <summary>An operation as an object for scripts: text where it is printable, base64 beside it where it is not.</summary>
internal sealed record OperationJson(string Operation, string Key, string? Value, string? EndKey, string? KeyBase64, string? ValueBase64)
{
    /// <summary>An operation of a record.</summary>
    public static OperationJson Of(in Operation operation)
    {
        var isPut = operation.Kind == OperationKind.Put;
        var keyIsText = Show.IsText(operation.Key);
        var valueIsText = Show.IsText(operation.Value);
        return new OperationJson(
            operation.Kind switch { OperationKind.Put => "put", OperationKind.Delete => "delete", _ => "delete-range" },
            Show.Text(operation.Key, int.MaxValue),
            isPut ? Show.Text(operation.Value, int.MaxValue) : null,
            operation.Kind == OperationKind.DeleteRange ? Show.Text(operation.EndKey, int.MaxValue) : null,
            keyIsText ? null : Convert.ToBase64String(operation.Key),
            isPut && !valueIsText ? Convert.ToBase64String(operation.Value) : null);
    }
}
