using System.Text;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Fuzz;

/// <summary>A small node's directory in memory: three terms, commits, pieces, an export, a ballot, several segments.</summary>
internal static class SampleLog
{
    /// <summary>Where it lies.</summary>
    public const string Root = "/data";

    /// <summary>Small segments, so that there are some.</summary>
    public static LogOptions Options { get; } = new() { SegmentBytes = 1024, PendingBytes = 4096, OwnThread = false };

    /// <summary>Whose it is.</summary>
    public static NodeIdentity Identity { get; } = new(GroupId.FromName("fuzz"), new NodeId(new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)));

    /// <summary>Makes one.</summary>
    /// <param name="isKilled">Whether its process was killed, and left the lock and no index behind.</param>
    public static MemoryFiles Make(bool isKilled)
    {
        var files = new MemoryFiles();
        var directory = DataDirectory.Open(files, Root, "fuzz", Identity);
        var ballot = BallotFile.Open(directory, hasRecords: false);
        ballot.Save(ballot.Ballot with { Term = new Term(3), VotedFor = "a" });
        var log = RecordLog.Open(directory, Options);
        Fill(log);
        using (var view = log.View())
        {
            RollbackExporter.Write(directory, view, new RollbackHeader
            {
                Group = Identity.Group,
                Node = Identity.Node,
                Matchpoint = Vlsn.Of(20),
                Last = view.Last,
                LastFingerprint = view.End.Fingerprint,
                Records = view.Last.DistanceFrom(Vlsn.Of(20)),
                Commits = 3,
                Acknowledged = 0,
                Row = 11,
                Reason = "a sample",
                ExportedAt = DateTimeOffset.UnixEpoch,
            }, refused: true);
        }

        if (isKilled) return Copy(files);
        log.Dispose();
        directory.Dispose();
        return files;
    }

    /// <summary>A copy of a disk, with no locks on it.</summary>
    public static MemoryFiles Copy(MemoryFiles files)
    {
        var copy = new MemoryFiles();
        var (pages, directories) = files.Copy();
        foreach (var directory in directories) copy.CreateDirectory(directory);
        foreach (var (path, page) in pages) copy.Put(path, page);
        return copy;
    }

    /// <summary>All records of one, each by itself.</summary>
    public static List<byte[]> Records()
    {
        using var directory = DataDirectory.Open(Make(isKilled: false), Root, "fuzz", Identity);
        using var log = RecordLog.Open(directory, Options);
        using var view = log.View();
        var bytes = new byte[view.End.End.DistanceFrom(Lsn.Zero)];
        var records = new List<byte[]>();
        for (var at = 0; at < bytes.Length;)
        {
            if (!view.TryCopy(Lsn.Zero.Plus(at), bytes, out var length)) throw new InvalidOperationException("the sample cannot be read.");
            for (var rest = bytes.AsSpan(0, length); !rest.IsEmpty;)
            {
                RecordCodec.TryReadHeader(rest, out var header);
                records.Add(rest[..header.Length].ToArray());
                rest = rest[header.Length..];
            }

            at += length;
        }

        return records;
    }

    private static void Fill(RecordLog log)
    {
        for (var term = 1UL; term <= 3; term++)
        {
            Append(log, term, RecordKind.TermStart, new byte[NodeId.Size]);
            for (var i = 0; i < 6; i++) Write(log, term, pieceBytes: i == 4 ? 40 : 4096, i);
        }

        log.FlushAll();
    }

    private static void Write(RecordLog log, ulong term, int pieceBytes, int number)
    {
        var writer = new TransactionWriter(pieceBytes);
        writer.Put(Encoding.UTF8.GetBytes($"key {number}"), Encoding.UTF8.GetBytes($"value {term}"));
        writer.Delete("gone"u8);
        writer.DeleteRange("a"u8, "b"u8);
        writer.Put("long"u8, new byte[60], database: 2);
        var (first, previous) = (Vlsn.Null, Vlsn.Null);
        for (var i = 0; i < writer.Records; i++)
        {
            var isLast = i == writer.Records - 1;
            previous = Append(log, term, isLast ? RecordKind.Commit : RecordKind.Piece, writer.Payload(i, first, previous).Span);
            if (first.IsNull) first = previous;
        }
    }

    private static Vlsn Append(RecordLog log, ulong term, RecordKind kind, ReadOnlySpan<byte> payload)
    {
        if (log.TryAppend(new Term(term), kind, AckPolicy.Majority, payload, FlushPolicy.Sync, out var header)) return header.Vlsn;
        log.Drain();
        log.TryAppend(new Term(term), kind, AckPolicy.Majority, payload, FlushPolicy.Sync, out header);
        return header.Vlsn;
    }
}
