using System.Text;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Tests.Syncup;

/// <summary>A node's directory and log on any file system, filled by small scripts.</summary>
internal sealed class TestNode : IDisposable
{
    public static readonly GroupId Group = GroupId.FromName("test");

    private readonly string _name;
    private readonly LogOptions _options;
    private Term _term = new(1);
    private Vlsn _firstPiece;
    private Vlsn _lastPiece;

    public TestNode(string name, IFileSystem? files = null, string group = "test", LogOptions? options = null)
    {
        _name = name;
        _options = options ?? SmallSegments;
        Files = files ?? new MemoryFiles();
        Directory = DataDirectory.Open(Files, $"/{name}", "a test", new NodeIdentity(GroupId.FromName(group), NodeOf(name)));
        try
        {
            Log = RecordLog.Open(Directory, _options);
        }
        catch
        {
            Directory.Dispose();
            throw;
        }
    }

    /// <summary>A few records to a segment; the same calls write the same bytes, whenever.</summary>
    public static LogOptions SmallSegments { get; } = new() { SegmentBytes = 512, PendingBytes = 64 * 1024, Time = new FixedTime() };

    public IFileSystem Files { get; }

    public DataDirectory Directory { get; private set; }

    public RecordLog Log { get; private set; }

    /// <summary>
    /// Writes words: <c>t3</c> begins a term, <c>d7</c> notes that 7 is durable, <c>x</c> commits a put of x, <c>x!</c> one that waits for nobody,
    /// <c>(x</c> is a piece of a
    /// large transaction, <c>x)</c> its commit, <c>-x</c> a commit that deletes x, <c>x~y</c> one that deletes a range.
    /// </summary>
    public TestNode Write(string script)
    {
        foreach (var word in script.Split(' ', StringSplitOptions.RemoveEmptyEntries)) WriteWord(word);
        Log.FlushAll();
        return this;
    }

    public Vlsn Commit(string key, ReadOnlySpan<byte> value)
    {
        var writer = new TransactionWriter(int.MaxValue);
        writer.Put(Encoding.UTF8.GetBytes(key), value);
        return Append(RecordKind.Commit, AckPolicy.Majority, writer.Payload(0, Vlsn.Null, Vlsn.Null).Span);
    }

    public Vlsn Append(RecordKind kind, AckPolicy policy, ReadOnlySpan<byte> payload)
    {
        if (Log.TryAppend(_term, kind, policy, payload, FlushPolicy.NoSync, out var header)) return header.Vlsn;
        Log.FlushAll();
        Assert.True(Log.TryAppend(_term, kind, policy, payload, FlushPolicy.NoSync, out header));
        return header.Vlsn;
    }

    /// <summary>The log's records as they stand on disk.</summary>
    public byte[] Bytes()
    {
        using var view = Log.View();
        return Bytes(view);
    }

    public static byte[] Bytes(LogView view)
    {
        if (view.First.IsNull) return [];
        var all = new byte[view.End.End.DistanceFrom(view.Segments.First().Before.End)];
        var at = 0;
        for (var lsn = view.Segments.First().Before.End; view.TryCopy(lsn, all.AsSpan(at), out var length); lsn = lsn.Plus(length)) at += length;
        Assert.Equal(all.Length, at);
        return all;
    }

    /// <summary>Both logs end alike and hold the same where both still hold something.</summary>
    public void MustEqual(TestNode other)
    {
        Assert.Equal(other.Log.Appended, Log.Appended);
        var (own, others) = (Bytes(), other.Bytes());
        var shared = Math.Min(own.Length, others.Length);
        Assert.Equal(others[^shared..], own[^shared..]);
    }

    public IReadOnlyList<RollbackEntry> Exports() => RollbackStore.List(Directory);

    /// <summary>The operations of an export, a word each, as a script has them.</summary>
    public string Undone(string export) => string.Join(' ', RollbackStore.Operations(Directory, export).Select(operation => operation.Kind switch
    {
        "put" => Text(operation.Key),
        "delete" => $"-{Text(operation.Key)}",
        _ => $"{Text(operation.Key)}~{Text(operation.Second)}",
    }));

    /// <summary>Every byte of every file, to see that nothing was touched.</summary>
    public Dictionary<string, byte[]> Disk() => Disk(Files, Directory.Path);

    public static Dictionary<string, byte[]> Disk(IFileSystem files, string root)
    {
        var disk = new Dictionary<string, byte[]>();
        foreach (var folder in new[] { "", "log", "rollbacks" }.Select(name => Path.Combine(root, name)))
        {
            foreach (var name in files.ListFiles(folder))
            {
                using var file = files.Open(Path.Combine(folder, name), FileOpening.Read);
                var bytes = new byte[file.Length];
                file.Read(0, bytes);
                disk.Add(Path.Combine(folder, name), bytes);
            }
        }

        return disk;
    }

    /// <summary>Flips one bit of a record on disk, behind the log's back.</summary>
    public void Damage(Vlsn vlsn, int offset = RecordHeader.Size)
    {
        Log.FlushAll();
        using var view = Log.View();
        using var reader = view.ReadFrom(vlsn);
        Assert.True(reader.MoveNext());
        using var file = Files.Open(reader.Path, FileOpening.ReadWrite);
        var at = reader.FilePosition + offset;
        Span<byte> damaged = stackalloc byte[1];
        file.Read(at, damaged);
        damaged[0] ^= 1;
        file.Write(at, damaged);
    }

    public void MustBeSound()
    {
        var report = LogVerifier.Verify(Directory, CancellationToken.None);
        Assert.True(report.Damage.Count == 0, $"{_name}: {string.Join("; ", report.Damage.Select(damage => damage.Message))}");
    }

    public void Reopen()
    {
        Dispose();
        Directory = DataDirectory.Open(Files, $"/{_name}", "a test");
        Log = RecordLog.Open(Directory, _options);
    }

    public void Dispose()
    {
        Log.Dispose();
        Directory.Dispose();
    }

    private static NodeId NodeOf(string name) => new(new Guid(name.Sum(c => c), 2, 3, 4, 5, 6, 7, 8, 9, 10, (byte)name.Length));

    private static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    private void WriteWord(string word)
    {
        switch (word)
        {
            case ['t', .. var term] when ulong.TryParse(term, out var number):
                _term = new Term(number);
                Append(RecordKind.TermStart, AckPolicy.None, new byte[NodeId.Size]);
                break;
            case ['d', .. var durable] when long.TryParse(durable, out var number):
                Log.NoteDurable(Vlsn.Of(number));
                break;
            case ['(', .. var piece]:
                _lastPiece = Put(piece, RecordKind.Piece, AckPolicy.None);
                if (_firstPiece.IsNull) _firstPiece = _lastPiece;
                break;
            case [.. var commit, ')']:
                Put(commit, RecordKind.Commit, AckPolicy.Majority);
                (_firstPiece, _lastPiece) = (Vlsn.Null, Vlsn.Null);
                break;
            case [.. var commit, '!']:
                Alone(writer => writer.Put(Encoding.UTF8.GetBytes(commit), Encoding.UTF8.GetBytes($"value of {commit}")), AckPolicy.None);
                break;
            case ['-', .. var deleted]:
                Alone(writer => writer.Delete(Encoding.UTF8.GetBytes(deleted)));
                break;
            case var range when range.Split('~') is [var from, var to]:
                Alone(writer => writer.DeleteRange(Encoding.UTF8.GetBytes(from), Encoding.UTF8.GetBytes(to)));
                break;
            default:
                Alone(writer => writer.Put(Encoding.UTF8.GetBytes(word), Encoding.UTF8.GetBytes($"value of {word}")));
                break;
        }
    }

    private void Alone(Action<TransactionWriter> fill, AckPolicy policy = AckPolicy.Majority)
    {
        var writer = new TransactionWriter();
        fill(writer);
        Append(RecordKind.Commit, policy, writer.Payload(0, Vlsn.Null, Vlsn.Null).Span);
    }

    private Vlsn Put(string key, RecordKind kind, AckPolicy policy)
    {
        var writer = new TransactionWriter();
        writer.Put(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"value of {key}"));
        return Append(kind, policy, writer.Payload(0, _firstPiece, _lastPiece).Span);
    }

    internal sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddDays(20_000);

        public override long GetTimestamp() => 0;
    }
}
