using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>Every byte of a closed log turned, files missing, swapped, foreign: always told, never believed, never mended in silence.</summary>
public class LogDamageTests
{
    private const string LogFolder = TestLogs.Root + "/log/";

    private readonly MemoryFiles _sound = new();
    private readonly List<RecordHeader> _records;
    private readonly string[] _segments;

    public LogDamageTests()
    {
        using (var open = TestLogs.Open(_sound))
        {
            open.Log.StartTerm(1);
            for (var i = 0; i < 14; i++) open.Log.Commit($"key{i % 10}", $"value{i % 10}", term: i < 9 ? 1u : 2u);
            open.Log.NoteDurable(Vlsn.Of(7));
            open.Log.FlushAll();
            _records = open.Log.Headers();
        }

        _segments = [.. _sound.ListFiles(LogFolder).Where(name => name.EndsWith(".log", StringComparison.Ordinal))];
        Assert.Equal(3, _segments.Length);
    }

    public static TheoryData<int> Patterns() => [0x01, 0x80, 0xFF];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void A_turned_byte_of_a_segment_is_named_and_never_read_as_a_record(int pattern)
    {
        foreach (var name in _segments)
        {
            var path = LogFolder + name;
            for (var at = 0; at < LengthOf(path); at++)
            {
                var files = Turned(path, at, pattern);
                var before = Content(files);
                var damage = Assert.IsAssignableFrom<StorageException>(Record.Exception(() => ReadAll(files)));
                Assert.Contains(name, damage.Message, StringComparison.Ordinal);
                if (damage is DamageException exact) Assert.InRange(exact.Position, Math.Max(0, at - 128), Math.Max(at, 12));
                Verified(files, verdict => Assert.Contains(verdict.Damage, found => found.Message.Contains(name, StringComparison.Ordinal)));
                // Opening and reading changed nothing of what it refused.
                Assert.Equal(before[path], Content(files)[path]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void A_turned_byte_of_an_index_is_never_fatal_and_the_index_is_made_anew(int pattern)
    {
        var lastIndex = Path.ChangeExtension(_segments[^1], ".idx");
        foreach (var name in _sound.ListFiles(LogFolder).Where(name => name.EndsWith(".idx", StringComparison.Ordinal)))
        {
            for (var at = 0; at < LengthOf(LogFolder + name); at++)
            {
                var files = Turned(LogFolder + name, at, pattern);
                using (var directory = DataDirectory.OpenReadOnly(files, TestLogs.Root))
                using (var view = LogView.Look(directory)) Assert.Equal(_records, TestLogs.Headers(view));
                using (var open = TestLogs.Open(files))
                {
                    Assert.Equal(_records, open.Log.Headers());
                    // The last segment's is none that was complete: it is as if the log had not been closed.
                    Assert.Equal(name == lastIndex ? 0 : 1, open.Log.OpenReport.RebuiltIndexes);
                }

                Assert.Equal(Content(_sound)[LogFolder + name], Content(files)[LogFolder + name]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void A_turned_byte_of_one_slot_of_the_positions_is_survived_by_the_other_and_of_both_named(int pattern)
    {
        for (var at = 0; at < 72; at++)
        {
            foreach (var slot in new[] { 0, 4096 })
            {
                using var open = TestLogs.Open(Turned(TestLogs.Root + "/positions", slot + at, pattern));
                Assert.Equal(_records, open.Log.Headers());
                Assert.Equal(Vlsn.Of(7), open.Log.Durable);
            }

            var both = Turned(TestLogs.Root + "/positions", at, pattern);
            Turn(both, TestLogs.Root + "/positions", 4096 + at, pattern);
            MustRefuse<DamageException>(both, "positions");
        }
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void A_turned_byte_of_the_identity_is_named(int pattern)
    {
        var path = TestLogs.Root + "/identity";
        for (var at = 0; at < LengthOf(path); at++) MustRefuse<StorageException>(Turned(path, at, pattern), "identity");
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void A_turned_byte_of_a_cut_intent_is_named_and_nothing_is_cut(int pattern)
    {
        var path = TestLogs.Root + "/cut";
        var files = Copy();
        new CutIntent(LogPosition.Start(TestLogs.Group), "undo.jsonl").Write(files, path);
        var length = Content(files)[path].Length;
        for (var at = 0; at < length; at++)
        {
            files = Copy();
            new CutIntent(LogPosition.Start(TestLogs.Group), "undo.jsonl").Write(files, path);
            Turn(files, path, at, pattern);
            MustRefuse<DamageException>(files, "cut");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_missing_segment_is_named(int which)
    {
        var files = Copy();
        files.Delete(LogFolder + _segments[which]);
        MustRefuse<DamageException>(files, LogFolder.TrimEnd('/'));
    }

    [Fact]
    public void Missing_segments_and_indexes_are_named()
    {
        var files = Copy();
        foreach (var name in files.ListFiles(LogFolder)) files.Delete(LogFolder + name);
        MustRefuse<DamageException>(files, LogFolder.TrimEnd('/'));
    }

    [Fact]
    public void A_missing_head_is_named_where_the_head_was_moved_before()
    {
        using (var open = TestLogs.Open(_sound)) Assert.Equal(1, open.Log.RemoveUpTo(Vlsn.Of(8)));
        using (var open = TestLogs.Open(_sound)) Assert.NotEqual(_records[0], open.Log.Headers()[0]);
        var files = Copy();
        files.Delete(LogFolder + _segments[1]);
        MustRefuse<DamageException>(files, LogFolder.TrimEnd('/'));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 100)]
    [InlineData(1, 300)]
    [InlineData(2, 1)]
    [InlineData(2, 90)]
    [InlineData(1, 1000)]
    public void A_shortened_segment_is_named(int which, int bytes)
    {
        var files = Copy();
        var path = LogFolder + _segments[which];
        using (var file = files.Open(path, FileOpening.ReadWrite)) file.SetLength(Math.Max(0, file.Length - bytes));
        MustRefuse<DamageException>(files, _segments[which]);
    }

    [Fact]
    public void Swapped_segments_are_named()
    {
        var files = Copy();
        files.Rename(LogFolder + _segments[0], LogFolder + "x");
        files.Rename(LogFolder + _segments[1], LogFolder + _segments[0]);
        files.Rename(LogFolder + "x", LogFolder + _segments[1]);
        MustRefuse<DamageException>(files, _segments[0]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_segment_of_another_group_is_foreign(int which)
    {
        var files = Copy();
        Patch(files, LogFolder + _segments[which], 16, Guid.NewGuid().ToByteArray());
        MustRefuse<ForeignException>(files, _segments[which]);
    }

    [Fact]
    public void A_segment_of_another_group_behind_a_torn_end_is_foreign()
    {
        var files = Copy();
        foreach (var slot in new[] { 0, 4096 })
        {
            Patch(files, TestLogs.Root + "/positions", 24, new byte[8], start: slot);
            Patch(files, TestLogs.Root + "/positions", 56, Guid.NewGuid().ToByteArray(), start: slot); // Only a new start of the machine tears there.
        }

        Turn(files, LogFolder + _segments[1], 100, 1);
        Patch(files, LogFolder + _segments[2], 16, Guid.NewGuid().ToByteArray());
        var before = Content(files);
        var refused = Assert.Throws<ForeignException>(() => ReadAll(files));
        Assert.Contains(_segments[2], refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, Content(files));
    }

    [Theory]
    [InlineData("log/00000000000000000000.log", 64)]
    [InlineData("identity", 48)]
    [InlineData("positions", 72)]
    [InlineData("cut", 48)]
    public void A_newer_format_is_foreign_and_not_damage(string name, int size)
    {
        var files = Copy();
        if (name == "cut") new CutIntent(LogPosition.Start(TestLogs.Group), "").Write(files, TestLogs.Root + "/cut");
        Patch(files, $"{TestLogs.Root}/{name}", 8, [2, 0, 0, 0], size: size);
        var refused = MustRefuse<ForeignException>(files, name);
        Assert.Contains("format 2", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_newer_index_is_made_anew()
    {
        var files = Copy();
        var path = Path.ChangeExtension(LogFolder + _segments[0], ".idx");
        Patch(files, path, 8, [2, 0, 0, 0], size: (int)LengthOf(path));
        using var open = TestLogs.Open(files);
        Assert.Equal(1, open.Log.OpenReport.RebuiltIndexes);
    }

    [Fact]
    public void Files_that_are_not_ours_are_left_alone()
    {
        var files = Copy();
        foreach (var name in new[] { "notes.txt", "log/1.log", "log/0000000000000000000x.log", "log/99999999999999999999.log", "log/core", "rollbacks/readme.md" })
            Put(files, $"{TestLogs.Root}/{name}", "mine"u8);
        using (var open = TestLogs.Open(files)) Assert.Equal(_records, open.Log.Headers());
        foreach (var (path, content) in Content(files).Where(file => file.Value.Length == 4)) Assert.Equal("mine"u8.ToArray(), content);
        Assert.Equal(6, Content(files).Count(file => file.Value.Length == 4));
    }

    [Fact]
    public void An_empty_or_a_foreign_directory_is_refused_and_left_as_it_is()
    {
        var files = new MemoryFiles();
        files.CreateDirectory("/empty");
        Put(files, "/foreign/letters.txt", "dear"u8);
        Assert.Throws<StorageException>(() => DataDirectory.Open(files, "/empty", "a test"));
        Assert.Throws<StorageException>(() => DataDirectory.OpenReadOnly(files, "/empty"));
        Assert.Throws<StorageException>(() => DataDirectory.OpenReadOnly(files, "/nowhere"));
        Assert.Throws<ForeignException>(() => DataDirectory.Open(files, "/foreign", "a test", TestLogs.Identity));
        Assert.Throws<ForeignException>(() => DataDirectory.OpenReadOnly(files, "/foreign"));
        Assert.Empty(files.ListFiles("/empty"));
        Assert.Equal(["letters.txt"], files.ListFiles("/foreign"));
        Assert.False(files.DirectoryExists("/nowhere"));
    }

    [Fact]
    public void A_log_without_positions_opens_and_says_what_it_forgot_and_damage_in_it_is_no_torn_tail()
    {
        using (var open = TestLogs.Open(_sound)) open.Log.RemoveUpTo(Vlsn.Of(8));
        var files = Copy();
        files.Delete(TestLogs.Root + "/positions");
        var damaged = new FaultyFiles(new Random(1), files);
        damaged.FlipBit(LogFolder + _segments[1], 100);
        for (var i = 0; i < 2; i++)
        {
            Assert.Throws<DamageException>(() => ReadAll(damaged));
            Assert.False(damaged.FileExists(TestLogs.Root + "/positions"));
        }

        using (var directory = DataDirectory.OpenReadOnly(damaged, TestLogs.Root))
            Assert.NotEmpty(LogVerifier.Verify(directory, CancellationToken.None).Damage);
        using (var open = TestLogs.Open(files))
        {
            Assert.True(open.Log.OpenReport.PositionsMissing);
            Assert.Equal(_records[^open.Log.Headers().Count..], open.Log.Headers());
        }

        using var again = TestLogs.Open(files);
        Assert.False(again.Log.OpenReport.PositionsMissing);
    }

    private static void ReadAll(IFileSystem files)
    {
        using var open = TestLogs.Open(files);
        var read = open.Log.Headers();
        using var view = open.Log.View();
        foreach (var header in read) Assert.True(view.TryGet(header.Vlsn, out _, out _));
    }

    private static T MustRefuse<T>(MemoryFiles files, string named)
        where T : StorageException
    {
        var before = Content(files);
        var refused = Assert.IsAssignableFrom<T>(Record.Exception(() => ReadAll(files)));
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, Content(files));
        if (named != "identity") Verified(files, verdict => Assert.NotEmpty(verdict.Damage));
        Assert.Equal(before, Content(files));
        return refused;
    }

    private static void Verified(IFileSystem files, Action<VerifyReport> check)
    {
        using var directory = DataDirectory.OpenReadOnly(files, TestLogs.Root);
        check(LogVerifier.Verify(directory, CancellationToken.None));
    }

    private static Dictionary<string, byte[]> Content(MemoryFiles files) => files.Copy().Files
        .Where(file => !file.Key.EndsWith("LOCK", StringComparison.Ordinal))
        .ToDictionary(file => file.Key, file =>
        {
            var bytes = new byte[file.Value.Length];
            file.Value.Read(0, bytes);
            return bytes;
        });

    private static void Put(MemoryFiles files, string path, ReadOnlySpan<byte> content)
    {
        files.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = files.Open(path, FileOpening.OpenOrCreate);
        file.Write(0, content);
    }

    private static void Turn(MemoryFiles files, string path, long at, int pattern)
    {
        using var file = files.Open(path, FileOpening.ReadWrite);
        var bytes = new byte[1];
        Assert.Equal(1, file.Read(at, bytes));
        file.Write(at, [(byte)(bytes[0] ^ pattern)]);
    }

    /// <summary>Changes a header and makes its CRC right again.</summary>
    private static void Patch(MemoryFiles files, string path, int at, byte[] with, int start = 0, int? size = null)
    {
        using var file = files.Open(path, FileOpening.ReadWrite);
        var bytes = new byte[size ?? (path.EndsWith("positions", StringComparison.Ordinal) ? 72 : SegmentHeader.Size)];
        file.Read(start, bytes);
        with.CopyTo(bytes, at);
        BitConverter.TryWriteBytes(bytes.AsSpan(12), Crc32C.AroundItself(bytes));
        file.Write(start, bytes);
    }

    private MemoryFiles Turned(string path, long at, int pattern)
    {
        var files = Copy();
        Turn(files, path, at, pattern);
        return files;
    }

    private MemoryFiles Copy()
    {
        var (files, directories) = _sound.Copy();
        var copy = new MemoryFiles();
        foreach (var directory in directories) copy.CreateDirectory(directory);
        foreach (var (path, pages) in files) copy.Put(path, pages);
        return copy;
    }

    private long LengthOf(string path)
    {
        using var file = _sound.Open(path, FileOpening.Read);
        return file.Length;
    }
}
