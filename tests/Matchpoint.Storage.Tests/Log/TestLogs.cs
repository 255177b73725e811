using System.Text;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>Logs for tests: opened on any file system, filled with small transactions, read back as text.</summary>
internal static class TestLogs
{
    public const string Root = "/data";

    public static readonly GroupId Group = GroupId.FromName("test");

    public static readonly NodeIdentity Identity = new(Group, new NodeId(new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)));

    /// <summary>Small segments, no thread: the test decides when the log writes.</summary>
    public static LogOptions Stepped { get; } = new() { SegmentBytes = 512, PendingBytes = 4096, OwnThread = false, Time = new FixedTime() };

    public static OpenLog Open(IFileSystem files, LogOptions? options = null, string root = Root)
    {
        var directory = DataDirectory.Open(files, root, "a test", Identity);
        try
        {
            return new OpenLog(directory, RecordLog.Open(directory, options ?? Stepped));
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>Appends a commit of one put; the log must have room.</summary>
    public static Vlsn Commit(this RecordLog log, string key, string value, ulong term = 1, FlushPolicy flush = FlushPolicy.NoSync, AckPolicy policy = AckPolicy.Majority)
    {
        var writer = new TransactionWriter();
        writer.Put(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));
        return log.Append(RecordKind.Commit, writer.Payload(0, Vlsn.Null, Vlsn.Null).Span, term, flush, policy);
    }

    public static Vlsn Append(this RecordLog log, RecordKind kind, ReadOnlySpan<byte> payload, ulong term = 1, FlushPolicy flush = FlushPolicy.NoSync, AckPolicy policy = AckPolicy.None)
    {
        if (!log.TryAppend(new Term(term), kind, policy, payload, flush, out var header))
        {
            log.Drain();
            Assert.True(log.TryAppend(new Term(term), kind, policy, payload, flush, out header));
        }

        return header.Vlsn;
    }

    public static Vlsn StartTerm(this RecordLog log, ulong term) => log.Append(RecordKind.TermStart, new byte[NodeId.Size], term);

    /// <summary>Every record of a log in order.</summary>
    public static List<RecordHeader> Headers(this RecordLog log)
    {
        using var view = log.View();
        return Headers(view);
    }

    public static List<RecordHeader> Headers(LogView view)
    {
        var headers = new List<RecordHeader>();
        using var reader = view.ReadFrom(Vlsn.First);
        while (reader.MoveNext()) headers.Add(reader.Header);
        return headers;
    }

    /// <summary>What an export says of what lies above a matchpoint.</summary>
    public static RollbackHeader ExportOf(LogView view, Vlsn matchpoint)
    {
        var counts = view.CountAbove(matchpoint);
        return new RollbackHeader
        {
            Group = Group,
            Node = Identity.Node,
            Matchpoint = matchpoint,
            Last = view.Last,
            LastFingerprint = view.End.Fingerprint,
            Records = counts.Records,
            Commits = counts.Commits,
            Acknowledged = counts.UnconditionalCommits,
            Row = 1,
            Reason = "a test",
            ExportedAt = DateTimeOffset.UnixEpoch,
        };
    }

    internal sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddDays(20_000);

        public override long GetTimestamp() => 0;
    }

    internal sealed record OpenLog(DataDirectory Directory, RecordLog Log) : IDisposable
    {
        public void Dispose()
        {
            Log.Dispose();
            Directory.Dispose();
        }

        /// <summary>Gives up without a word to the disk, as a killed process does.</summary>
        public void Kill() => Directory.Dispose();
    }
}
