using System.Diagnostics.CodeAnalysis;
using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Cli.Log;

/// <summary><c>log append</c>.</summary>
internal sealed class LogAppend
{
    public required string Directory { get; init; }

    public required ulong Term { get; init; }

    public required string File { get; init; }

    public required string Group { get; init; }

    public required string Ack { get; init; }

    public long? Durable { get; init; }

    public int PieceBytes { get; init; }

    public bool Each { get; init; }

    public bool Json { get; init; }

    /// <summary>Appends, flushes, and says how far the log reaches then.</summary>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        if (Term == 0) throw new UsageException("--term: expected 1 or more, found 0");
        if (PieceBytes < 1) throw new UsageException($"--piece-bytes: expected 1 or more, found {PieceBytes}");
        using var input = OpenInput();
        using var directory = DataDirectory.Open(
            PhysicalFiles.Instance, Directory, Holder.Describe("log append"),
            new NodeIdentity(GroupId.FromName(Group), new NodeId(Guid.NewGuid())));
        using var log = RecordLog.Open(directory);
        foreach (var sentence in log.OpenReport.Sentences()) Console.Error.WriteLine($"note: {sentence}");
        var transactions = await AppendAsync(log, input, cancellation);
        NoteDurable(log);
        var end = log.Appended;
        if (Json) Terminal.Json.Print(new { transactions, last = end.Vlsn.Value, term = end.Term.Value, fingerprint = end.Fingerprint.ToString() });
        else if (!Each) Console.Out.WriteLine($"appended {Show.Count(transactions)} transactions; the log reaches record {end.Vlsn}, term {end.Term}, fingerprint {end.Fingerprint}");
        return ExitCode.Success;
    }

    private async Task<long> AppendAsync(RecordLog log, TextReader input, CancellationToken cancellation)
    {
        var last = log.Appended;
        if (Term < last.Term.Value)
            throw new RefusedException($"{Directory}: term {Term} is over: the log is in term {last.Term}. Append with --term {last.Term} or higher.");
        var writer = new TransactionWriter(PieceBytes);
        var lines = new TransactionLines(input, writer);
        var transactions = 0L;
        try
        {
            while (await lines.ReadAsync(cancellation))
            {
                if (log.Appended.Term.Value < Term) await AppendRecordAsync(log, RecordKind.TermStart, AckPolicy.None, TermStart(log), cancellation);
                await AppendTransactionAsync(log, writer, cancellation);
                transactions++;
                if (!Each) continue;
                await log.WaitAsync(log.Appended.Vlsn, FlushPolicy.Sync, cancellation);
                Console.Out.WriteLine($"committed {log.Appended.Vlsn}");
            }
        }
        catch (UsageException error)
        {
            log.FlushAll();
            throw new UsageException($"{error.Message}; {Show.Count(transactions)} transactions before it were appended, up to record {log.Appended.Vlsn}; this one and later ones were not");
        }

        log.FlushAll();
        return transactions;
    }

    private async ValueTask AppendTransactionAsync(RecordLog log, TransactionWriter writer, CancellationToken cancellation)
    {
        var policy = Enum.Parse<AckPolicy>(Ack, ignoreCase: true);
        var first = Vlsn.Null;
        var previous = Vlsn.Null;
        for (var i = 0; i < writer.Records; i++)
        {
            var isCommit = i == writer.Records - 1;
            previous = await AppendRecordAsync(
                log, isCommit ? RecordKind.Commit : RecordKind.Piece, isCommit ? policy : AckPolicy.None,
                writer.Payload(i, first, previous), cancellation);
            if (i == 0) first = previous;
        }
    }

    private async ValueTask<Vlsn> AppendRecordAsync(
        RecordLog log, RecordKind kind, AckPolicy policy, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        RecordHeader header;
        while (!log.TryAppend(new Term(Term), kind, policy, payload.Span, FlushPolicy.NoSync, out header))
            await log.WaitForRoomAsync(cancellation);
        return header.Vlsn;
    }

    private static byte[] TermStart(RecordLog log) => log.Directory.Identity.Node.Value.ToByteArray(bigEndian: true);

    private void NoteDurable(RecordLog log)
    {
        if (Durable is not { } value) return;
        if (!Vlsn.TryCreate(value, out var durable) || durable > log.Appended.Vlsn)
            throw new UsageException($"--durable: expected 1 to {log.Appended.Vlsn}, found {value}");
        log.NoteDurable(durable);
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
    private TextReader OpenInput()
    {
        if (File == "-") return Console.In;
        try
        {
            return new StreamReader(File);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--file: {error.Message}");
        }
    }
}
