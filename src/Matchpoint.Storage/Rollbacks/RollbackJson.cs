using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Storage.Rollbacks;

/// <summary>
/// The lines of an export, one JSON object each: a header, the operations, and an end that counts them. Bytes that are printable
/// UTF-8 stand as text (<c>key</c>), others in base64 (<c>keyBase64</c>), so that nothing is lost and most can be read.
/// </summary>
internal static class RollbackJson
{
    /// <summary>What the format's number is called: the first thing in the file.</summary>
    public const string FormatName = "matchpointRollback";

    /// <summary>The format that this build writes and reads.</summary>
    public const int Format = 1;

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>A writer of lines into a buffer.</summary>
    public static Utf8JsonWriter Writer(IBufferWriter<byte> to) => new(to, Options);

    /// <summary>Writes the first line.</summary>
    public static void WriteHeader(Utf8JsonWriter json, RollbackHeader header)
    {
        json.WriteStartObject();
        json.WriteNumber(FormatName, Format);
        json.WriteString("group", header.Group.ToString());
        json.WriteString("node", header.Node.ToString());
        json.WriteNumber("matchpoint", header.Matchpoint.Value);
        json.WriteNumber("last", header.Last.Value);
        json.WriteString("lastFingerprint", header.LastFingerprint.ToString());
        json.WriteNumber("records", header.Records);
        json.WriteNumber("commits", header.Commits);
        json.WriteNumber("acknowledged", header.Acknowledged);
        json.WriteNumber("row", header.Row);
        json.WriteString("reason", header.Reason);
        json.WriteString("exportedAt", header.ExportedAt);
        json.WriteEndObject();
    }

    /// <summary>Reads the first line.</summary>
    public static RollbackHeader ReadHeader(JsonElement line) => new()
    {
        Group = new GroupId(line.GetProperty("group").GetGuid()),
        Node = new NodeId(line.GetProperty("node").GetGuid()),
        Matchpoint = ReadVlsn(line, "matchpoint"),
        Last = ReadVlsn(line, "last"),
        LastFingerprint = new Fingerprint(ulong.Parse(
            line.GetProperty("lastFingerprint").GetString()!, NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
        Records = line.GetProperty("records").GetInt64(),
        Commits = line.GetProperty("commits").GetInt64(),
        Acknowledged = line.GetProperty("acknowledged").GetInt64(),
        Row = line.GetProperty("row").GetInt32(),
        Reason = line.GetProperty("reason").GetString()!,
        ExportedAt = line.GetProperty("exportedAt").GetDateTimeOffset(),
    };

    /// <summary>Writes an operation's line.</summary>
    public static void WriteOperation(
        Utf8JsonWriter json, in RecordHeader record, Vlsn transaction, bool committed, bool acknowledged, in Operation operation)
    {
        json.WriteStartObject();
        json.WriteNumber("vlsn", record.Vlsn.Value);
        json.WriteNumber("transaction", transaction.Value);
        json.WriteNumber("term", record.Term.Value);
        json.WriteString("time", record.Time);
        json.WriteBoolean("committed", committed);
        json.WriteBoolean("acknowledged", acknowledged);
        json.WriteString("operation", NameOf(operation.Kind));
        if (operation.Database != 0) json.WriteNumber("database", operation.Database);
        switch (operation.Kind)
        {
            case OperationKind.Put:
                WriteBytes(json, "key", operation.Key);
                WriteBytes(json, "value", operation.Value);
                break;
            case OperationKind.Delete:
                WriteBytes(json, "key", operation.Key);
                break;
            case OperationKind.DeleteRange:
                WriteBytes(json, "from", operation.Key);
                WriteBytes(json, "to", operation.EndKey);
                break;
            default:
                throw Invariant.Unreachable(operation.Kind);
        }

        json.WriteEndObject();
    }

    /// <summary>Reads an operation's line.</summary>
    public static UndoneOperation ReadOperation(JsonElement line)
    {
        var kind = line.GetProperty("operation").GetString()!;
        var (key, second) = kind switch
        {
            "put" => (ReadBytes(line, "key"), ReadBytes(line, "value")),
            "delete" => (ReadBytes(line, "key"), []),
            "delete-range" => (ReadBytes(line, "from"), ReadBytes(line, "to")),
            _ => throw new JsonException($"operation: expected put, delete or delete-range, found {kind}"),
        };
        return new UndoneOperation(
            ReadVlsn(line, "vlsn"), ReadVlsn(line, "transaction"), new Term(line.GetProperty("term").GetUInt64()),
            line.GetProperty("time").GetDateTimeOffset(), line.GetProperty("committed").GetBoolean(),
            line.GetProperty("acknowledged").GetBoolean(), kind,
            line.TryGetProperty("database", out var database) ? database.GetInt32() : 0, key, second);
    }

    /// <summary>Writes the last line: without it the export is not whole.</summary>
    public static void WriteEnd(Utf8JsonWriter json, long operations)
    {
        json.WriteStartObject();
        json.WriteNumber("end", operations);
        json.WriteEndObject();
    }

    private static string NameOf(OperationKind kind) => kind switch
    {
        OperationKind.Put => "put",
        OperationKind.Delete => "delete",
        OperationKind.DeleteRange => "delete-range",
        _ => throw Invariant.Unreachable(kind),
    };

    private static void WriteBytes(Utf8JsonWriter json, string name, ReadOnlySpan<byte> bytes)
    {
        if (IsPrintable(bytes)) json.WriteString(name, bytes);
        else json.WriteBase64String(name + "Base64", bytes);
    }

    private static byte[] ReadBytes(JsonElement line, string name) => line.TryGetProperty(name + "Base64", out var base64)
        ? base64.GetBytesFromBase64()
        : Utf8.GetBytes(line.GetProperty(name).GetString()!);

    /// <summary>Valid UTF-8 without control characters: what a person can read and a JSON reader gives back unchanged.</summary>
    private static bool IsPrintable(ReadOnlySpan<byte> bytes) =>
        System.Text.Unicode.Utf8.IsValid(bytes) && bytes.IndexOfAnyInRange((byte)0, (byte)31) < 0 && !bytes.Contains((byte)127);

    private static Vlsn ReadVlsn(JsonElement line, string name) =>
        Vlsn.TryCreate(line.GetProperty(name).GetInt64(), out var vlsn)
            ? vlsn
            : throw new JsonException($"{name}: expected 1 or more, or -1, found {line.GetProperty(name)}");
}
