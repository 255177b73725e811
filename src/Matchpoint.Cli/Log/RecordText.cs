using System.Text;
using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Log;

namespace Matchpoint.Cli.Log;

/// <summary>A record in one line.</summary>
internal static class RecordText
{
    private const int Most = 90;

    /// <summary>Number, term, kind, and what it does.</summary>
    public static string Line(RecordReader reader)
    {
        ref readonly var header = ref reader.Header;
        var text = new StringBuilder($"{header.Vlsn,6}  term {header.Term}  {Name(header)}");
        if (header.Kind is RecordKind.Commit or RecordKind.Piece
            && TransactionPayload.TryRead(reader.Payload, header.Vlsn, out var transaction, out _))
        {
            text.Append("  ");
            foreach (var operation in transaction)
            {
                if (text.Length > Most) break;
                text.Append(Of(operation)).Append("; ");
            }

            text.Length -= 2;
        }

        if (header.Kind == RecordKind.Membership && RosterCodec.TryDecode(reader.Payload, out _) is { } roster) text.Append("  ").Append(roster);
        return text.Length <= Most ? text.ToString() : text.ToString(0, Most - 1) + "…";
    }

    private static string Name(in RecordHeader header) => header.Kind switch
    {
        RecordKind.TermStart => "TermStart",
        RecordKind.Membership => "Membership",
        RecordKind.Piece => "Piece",
        RecordKind.Commit => header.AckPolicy == AckPolicy.None ? "Commit (acknowledged)" : $"Commit ({header.AckPolicy.ToString().ToLowerInvariant()})",
        _ => throw Invariant.Unreachable(header.Kind),
    };

    /// <summary>An operation in a few words.</summary>
    public static string Of(in Operation operation) => operation.Kind switch
    {
        OperationKind.Put => $"put {Show.Text(operation.Key)} {Show.Text(operation.Value)}",
        OperationKind.Delete => $"delete {Show.Text(operation.Key)}",
        OperationKind.DeleteRange => $"delete-range {Show.Text(operation.Key)} {Show.Text(operation.EndKey)}",
        _ => throw Invariant.Unreachable(operation.Kind),
    };
}
