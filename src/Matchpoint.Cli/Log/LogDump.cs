using System.Globalization;
using System.Text.Json;
using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Cli.Log;

/// <summary><c>log dump</c>.</summary>
internal static class LogDump
{
    /// <summary>Shows the records, one line each and one for each operation.</summary>
    public static int Run(string path, long? from, long? to, bool json, CancellationToken cancellation)
    {
        var first = Bound(from, "--from") ?? Vlsn.First;
        var last = Bound(to, "--to");
        using var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, path);
        using var view = LogView.Look(directory);
        foreach (var sentence in view.OpenReport.Sentences()) Console.Error.WriteLine($"note: {sentence}");
        using var reader = view.ReadFrom(first);
        using var output = new StreamWriter(Console.OpenStandardOutput(), bufferSize: 64 * 1024);
        while (reader.MoveNext() && (last is null || reader.Header.Vlsn <= last))
        {
            cancellation.ThrowIfCancellationRequested();
            if (json) output.WriteLine(JsonSerializer.Serialize(RecordJson.Of(reader), Json.Line));
            else WriteText(output, reader);
        }

        return ExitCode.Success;
    }

    private static Vlsn? Bound(long? value, string option)
    {
        if (value is not { } number) return null;
        return number >= 1 ? Vlsn.Of(number) : throw new UsageException($"{option}: expected 1 or more, found {number}");
    }

    private static void WriteText(TextWriter output, RecordReader reader)
    {
        ref readonly var header = ref reader.Header;
        var policy = header.Kind == RecordKind.Commit ? $" ack={header.AckPolicy.ToString().ToLowerInvariant()}" : "";
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{header.Vlsn,8}  {header.Kind,-10} term {header.Term}  lsn {reader.Lsn}  {header.Length} bytes  {header.Fingerprint}  {header.Time:yyyy-MM-ddTHH:mm:ss.ffffffZ}{policy}"));
        if (header.Kind is not (RecordKind.Commit or RecordKind.Piece)) return;
        if (!TransactionPayload.TryRead(reader.Payload, header.Vlsn, out var transaction, out var fault))
            throw Segment.Damaged(reader.Path, reader.FilePosition, header.Vlsn, fault);
        if (!transaction.FirstPiece.IsNull) output.WriteLine($"            part of the transaction that began at {transaction.FirstPiece}, after {transaction.PreviousPiece}");
        foreach (var operation in transaction)
        {
            output.WriteLine(operation.Kind switch
            {
                OperationKind.Put => $"            put {Show.Text(operation.Key)} {Show.Text(operation.Value)}",
                OperationKind.Delete => $"            delete {Show.Text(operation.Key)}",
                OperationKind.DeleteRange => $"            delete-range {Show.Text(operation.Key)} {Show.Text(operation.EndKey)}",
                _ => throw Protocol.Invariant.Unreachable(operation.Kind),
            });
        }
    }
}
