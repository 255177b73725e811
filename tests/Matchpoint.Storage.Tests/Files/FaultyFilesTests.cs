using System.Numerics;
using System.Text;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Tests.Files;

/// <summary>The disk that the other tests trust to fail in the ways it says.</summary>
public sealed class FaultyFilesTests
{
    private readonly FaultyFiles _files = new(new Random(7));

    public FaultyFilesTests()
    {
        _files.CreateDirectory("log");
        _files.Settle();
        _files.ClearTrace();
    }

    [Fact]
    public void Effects_are_told_in_order()
    {
        using (var file = _files.Open("log/a.tmp", FileOpening.CreateNew))
        {
            file.SetLength(8192);
            file.Write(4096, new byte[64]);
            file.Write(0, []);
            file.Flush();
        }

        _files.Rename("log/a.tmp", "log/a.mlog");
        _files.FlushDirectory("log");
        _files.Delete("log/a.mlog");
        _files.Delete("log/a.mlog");
        _files.CreateDirectory("log/x/y");
        Assert.Equal(
            [
                "create a.tmp", "set length a.tmp 8192", "write a.tmp 4096+64", "flush a.tmp", "rename a.tmp a.mlog",
                "flush dir log", "delete a.mlog", "create dir x", "create dir y",
            ],
            _files.Trace);
        Assert.Equal(10, _files.Effects);
    }

    [Fact]
    public void Unflushed_writes_are_kept_or_lost_each_on_its_own()
    {
        using var file = Durable("a", "....");
        file.Write(0, "A"u8);
        file.Write(3, "D"u8);
        file.Write(4, "EF"u8);

        Assert.Equal(["write a 0+1", "write a 3+1", "write a 4+2"], _files.PowerCut().Changes);
        Assert.Equal(
            ["....", "A...", "...D", "A..D", "....EF", "A...EF", "...DEF", "A..DEF"],
            _files.PowerCut().Images().Select(left => Text(left.Image, "a")));

        file.Flush();
        Assert.Equal(["A..DEF"], _files.PowerCut().Images().Select(left => Text(left.Image, "a")));
    }

    [Fact]
    public void A_cut_and_what_was_written_behind_it_are_independent()
    {
        using var file = Durable("a", "abcd");
        file.SetLength(1);
        file.Write(1, "X"u8);
        Assert.Equal(["abcd", "a", "aXcd", "aX"], _files.PowerCut().Images().Select(left => Text(left.Image, "a")));
    }

    [Fact]
    public void Sectors_of_one_write_are_kept_or_lost_each_on_its_own()
    {
        using var file = Durable("a", new string('.', 2000));
        file.Write(500, Enumerable.Repeat((byte)'x', 600).ToArray());
        var cut = _files.PowerCut(bySector: true);
        Assert.Equal(["write a 500+600 [0..12)", "write a 500+600 [12..524)", "write a 500+600 [524..600)"], cut.Changes);
        Assert.Equal(8, cut.Images().Select(left => Text(left.Image, "a")).Distinct().Count());
        Assert.Equal(new string('.', 512) + new string('x', 512) + new string('.', 976), Text(cut.Image(0b010), "a"));
    }

    [Fact]
    public void A_name_is_durable_with_its_directory_and_not_with_its_file()
    {
        using var file = _files.Open("log/a", FileOpening.CreateNew);
        file.Write(0, "x"u8);
        file.Flush();
        Assert.Equal([null, "x"], _files.PowerCut().Images().Select(left => Text(left.Image, "log/a")));
        _files.FlushDirectory("log");
        Assert.Equal("x", Text(_files.PowerCut().Nothing, "log/a"));
    }

    [Fact]
    public void A_new_file_whose_directory_was_flushed_may_still_be_empty()
    {
        using var file = _files.Open("log/a", FileOpening.CreateNew);
        file.Write(0, "x"u8);
        _files.FlushDirectory("log");
        Assert.Equal("", Text(_files.PowerCut().Nothing, "log/a"));
    }

    [Fact]
    public void A_rename_is_done_or_undone_and_never_half()
    {
        Durable("log/new", "new").Dispose();
        Durable("log/old", "old").Dispose();
        _files.Rename("log/new", "log/old");
        Assert.Equal(
            [("new", "old"), (null, "new")],
            _files.PowerCut().Images().Select(left => (Text(left.Image, "log/new"), Text(left.Image, "log/old"))));
        _files.FlushDirectory("log");
        Assert.Equal(1, _files.PowerCut().Count);
        Assert.Equal("new", Text(_files.PowerCut().Nothing, "log/old"));
    }

    [Fact]
    public void A_renamed_file_that_was_not_flushed_may_be_empty_under_its_new_name()
    {
        Durable("log/old", "old").Dispose();
        using var file = _files.Open("log/new", FileOpening.CreateNew);
        file.Write(0, "new"u8);
        _files.Rename("log/new", "log/old");
        _files.FlushDirectory("log");
        Assert.Equal(["", "new"], _files.PowerCut().Images().Select(left => Text(left.Image, "log/old")));
    }

    [Fact]
    public void A_rename_between_directories_takes_a_flush_of_both()
    {
        _files.CreateDirectory("other");
        _files.Settle();
        Durable("log/a", "x").Dispose();
        _files.Rename("log/a", "other/a");
        _files.FlushDirectory("log");
        Assert.Equal([null, "x"], _files.PowerCut().Images().Select(left => Text(left.Image, "other/a")));
        Assert.All(_files.PowerCut().Images(), left => Assert.Null(Text(left.Image, "log/a")));
        _files.FlushDirectory("other");
        Assert.Equal("x", Text(_files.PowerCut().Nothing, "other/a"));
    }

    [Fact]
    public void A_deleted_file_may_come_back()
    {
        Durable("log/a", "x").Dispose();
        _files.Delete("log/a");
        Assert.Equal(["x", null], _files.PowerCut().Images().Select(left => Text(left.Image, "log/a")));
        _files.FlushDirectory("log");
        Assert.Null(Text(_files.PowerCut().Nothing, "log/a"));
    }

    [Fact]
    public void A_directory_that_was_not_flushed_vanishes_with_all_in_it()
    {
        _files.CreateDirectory("new");
        using var file = _files.Open("new/a", FileOpening.CreateNew);
        _files.FlushDirectory("new");
        Assert.False(_files.PowerCut().Nothing.DirectoryExists("new"));
        Assert.Null(Text(_files.PowerCut().Nothing, "new/a"));
        _files.FlushDirectory("");
        Assert.Equal("", Text(_files.PowerCut().Nothing, "new/a"));
    }

    [Fact]
    public void After_a_failed_flush_the_bytes_are_seen_and_never_durable()
    {
        using var file = Durable("a", "....");
        file.Write(0, "A"u8);
        _files.Faults.FailFlush("a");
        Assert.Contains("EIO", Assert.Throws<DiskException>(file.Flush).Message);
        Assert.Equal("A...", Text(_files, "a"));

        file.Write(3, "D"u8);
        file.Flush();
        Assert.Equal("A..D", Text(_files, "a"));
        Assert.Equal("...D", Text(_files.PowerCut().Everything, "a"));
        Assert.Equal(["write a 0+1", "flush a failed", "write a 3+1", "flush a"], _files.Trace);
        Assert.Equal("A..D", Text(_files.AfterKill(), "a"));
    }

    [Fact]
    public void After_a_failed_flush_of_a_directory_its_names_are_seen_and_never_durable()
    {
        _files.Open("log/a", FileOpening.CreateNew).Dispose();
        var error = new IOException("the cable");
        _files.Faults.FailFlush("log", error: error);
        Assert.Same(error, Assert.Throws<IOException>(() => _files.FlushDirectory("log")));
        _files.FlushDirectory("log");
        Assert.True(_files.FileExists("log/a"));
        Assert.False(_files.PowerCut().Everything.FileExists("log/a"));

        _files.Faults.FailFlush("log");
        Assert.Contains("flush of the directory failed: EIO", Assert.Throws<DiskException>(() => _files.FlushDirectory("log")).Message);
    }

    [Fact]
    public void The_nth_matching_write_fails_and_leaves_a_prefix()
    {
        using var file = Durable("log/1.mlog", "");
        using var other = Durable("log/other", "");
        _files.Faults.FailWrite("*.mlog", nth: 2, keep: 3);
        file.Write(0, "one"u8);
        other.Write(0, "two"u8);
        Assert.Equal(DiskFault.Device, Assert.Throws<DiskException>(() => file.Write(3, "three"u8)).Fault);
        Assert.Equal("onethr", Text(_files, "log/1.mlog"));
        file.Write(3, "THREE"u8);
        Assert.Equal("oneTHREE", Text(_files, "log/1.mlog"));
        Assert.Equal(["write 1.mlog 0+3", "write other 0+3", "write 1.mlog 3+5 failed", "write 1.mlog 3+5"], _files.Trace);
    }

    [Fact]
    public void A_misdirected_write_lands_elsewhere_and_succeeds()
    {
        using var file = Durable("a", "........");
        _files.Faults.MisdirectWrite("a", position: 4);
        file.Write(0, "XY"u8);
        file.Flush();
        Assert.Equal("....XY..", Text(_files.PowerCut().Nothing, "a"));
        Assert.Equal("write a 0+2 landed at 4", _files.Trace[0]);
    }

    [Fact]
    public void A_flipped_bit_is_flipped_for_reads_and_after_a_power_cut_written_or_not()
    {
        using var file = Durable("a", "@@@@");
        file.Write(1, "@"u8);
        _files.FlipBit("a", 0);
        _files.FlipBit("a", 1, bit: 1);
        Assert.Equal("AB@@", Text(_files, "a"));
        Assert.All(_files.PowerCut().Images(), left => Assert.Equal("AB@@", Text(left.Image, "a")));
        Assert.Throws<ArgumentOutOfRangeException>(() => _files.FlipBit("a", 4));
    }

    [Fact]
    public void A_full_disk_takes_what_fits_and_room_can_be_made()
    {
        using var a = Durable("a", "12345");
        using var b = Durable("b", "");
        _files.Faults.Capacity = 8;
        var e = Assert.Throws<DiskException>(() => b.Write(0, "67890"u8));
        Assert.True(e.IsFull);
        Assert.Contains("ENOSPC", e.Message);
        Assert.Equal("678", Text(_files, "b"));
        b.Write(0, "abc"u8);
        Assert.True(Assert.Throws<DiskException>(() => b.SetLength(4)).IsFull);
        Assert.True(Assert.Throws<DiskException>(() => b.Write(100, "x"u8)).IsFull);
        a.SetLength(0);
        b.Write(3, "defgh"u8);
        Assert.Equal("abcdefgh", Text(_files, "b"));
    }

    [Fact]
    public void A_bad_range_fails_reads_that_touch_it()
    {
        using var file = Durable("a", "0123456789");
        _files.Faults.FailReads("a", from: 4, to: 6);
        Assert.Equal(4, file.Read(0, new byte[4]));
        Assert.Equal(4, file.Read(6, new byte[10]));
        var e = Assert.Throws<DiskException>(() => file.Read(5, new byte[1]));
        Assert.Equal((DiskFault.Device, "a"), (e.Fault, e.Path));
        Assert.Throws<DiskException>(() => file.Read(0, new byte[10]));
        _files.Faults.Clear();
        Assert.Equal(10, file.Read(0, new byte[10]));
    }

    [Fact]
    public void A_read_only_disk_refuses_every_change_and_loses_what_was_not_flushed()
    {
        using var file = Durable("log/a", "x");
        file.Write(1, "y"u8);
        _files.Open("log/new", FileOpening.CreateNew).Dispose();
        _files.Faults.ReadOnly = true;
        Action[] changes =
        [
            () => file.Write(0, "z"u8), () => file.SetLength(0), () => _files.Delete("log/a"), file.Flush,
            () => _files.Rename("log/a", "log/b"), () => _files.Open("log/b", FileOpening.OpenOrCreate),
            () => _files.CreateDirectory("d"), () => _files.FlushDirectory("log"), () => _files.Lock("log/lock", "n"),
        ];
        Assert.All(changes, change => Assert.Equal(DiskFault.ReadOnly, Assert.Throws<DiskException>(change).Fault));
        Assert.Equal("xy", Text(_files, "log/a"));
        Assert.Equal("x", Text(_files.PowerCut().Everything, "log/a"));
        Assert.False(_files.PowerCut().Everything.FileExists("log/new"));
        file.Flush();
        _files.FlushDirectory("log");
    }

    [Fact]
    public void After_a_crash_nothing_happens_any_more()
    {
        using var file = Durable("log/a", "x");
        using var held = _files.Lock("log/lock", "n1");
        _files.CrashBefore(_files.Effects + 2);
        file.Write(0, "y"u8);
        Assert.Contains("write a 0+1", Assert.Throws<SimulatedCrashException>(() => file.Write(0, "z"u8)).Message);
        Action[] calls =
        [
            () => file.Write(0, "z"u8), () => file.Read(0, new byte[1]), file.Flush, () => file.SetLength(0),
            () => _ = file.Length, () => _files.FileExists("log/a"), () => _files.DirectoryExists("log"),
            () => _files.ListFiles("log"), () => _files.Delete("log/a"), () => _files.Rename("log/a", "log/b"),
            () => _files.CreateDirectory("d"), () => _files.FlushDirectory("log"), () => _files.LockHolder("log/lock"),
            () => _files.Lock("log/lock", "n2"), () => _files.Open("log/a", FileOpening.Read),
        ];
        Assert.All(calls, call => Assert.Throws<SimulatedCrashException>(call));

        var next = _files.AfterKill();
        Assert.Equal("y", Text(next, "log/a"));
        Assert.Equal(["x", "y"], next.PowerCut().Images().Select(left => Text(left.Image, "log/a")));
        using (next.Lock("log/lock", "n2")) Assert.Equal("n2", next.LockHolder("log/lock"));
        Assert.Throws<SimulatedCrashException>(() => _files.FileExists("log/a"));
    }

    [Theory]
    [InlineData(0, "....")]
    [InlineData(3, "ABC.")]
    [InlineData(9, "ABCD")]
    public void A_write_can_be_torn_at_any_byte(int bytes, string seen)
    {
        using var file = Durable("a", "....");
        _files.CrashWithin(_files.Effects + 1, bytes);
        Assert.Throws<SimulatedCrashException>(() => file.Write(0, "ABCD"u8));
        Assert.Equal("write a 0+4 torn", _files.Trace[^1]);
        Assert.Equal("....", Text(_files.PowerCut().Nothing, "a"));
        Assert.Equal(seen, Text(_files.AfterKill(), "a"));
    }

    [Fact]
    public void A_write_can_be_torn_into_any_of_its_sectors()
    {
        var seen = new HashSet<string>();
        for (var mask = 0; mask < 8; mask++)
        {
            var files = new FaultyFiles(new Random(1));
            using var file = files.Open("a", FileOpening.CreateNew);
            files.CrashWithinSectors(2, mask);
            Assert.Throws<SimulatedCrashException>(() => file.Write(100, Enumerable.Repeat((byte)'x', 1200).ToArray()));
            seen.Add(Text(files.AfterKill(), "a")!);
        }

        Assert.Equal(8, seen.Count);
    }

    [Fact]
    public void A_crash_within_a_flush_may_have_kept_any_part()
    {
        using var file = Durable("a", "..");
        file.Write(0, "A"u8);
        file.Write(1, "B"u8);
        _files.CrashWithin(_files.Effects + 1);
        Assert.Throws<SimulatedCrashException>(file.Flush);
        Assert.Equal(["..", "A.", ".B", "AB"], _files.PowerCut().Images().Select(left => Text(left.Image, "a")));
    }

    [Fact]
    public void A_crash_within_a_change_of_names_leaves_it_done_and_unflushed()
    {
        Durable("log/a", "x").Dispose();
        _files.CrashWithin(_files.Effects + 1);
        Assert.Throws<SimulatedCrashException>(() => _files.Rename("log/a", "log/b"));
        Assert.Equal(["x", null], _files.PowerCut().Images().Select(left => Text(left.Image, "log/a")));
        Assert.True(_files.AfterKill().FileExists("log/b"));
    }

    [Fact]
    public void Too_many_images_are_refused_and_samples_repeat_with_their_seed()
    {
        using var file = Durable("a", "");
        for (var i = 0; i < 100; i++) file.Write(i, [(byte)('0' + (i % 10))]);
        var cut = _files.PowerCut();
        Assert.Equal(BigInteger.One << 100, cut.Count);
        Assert.Throws<InvalidOperationException>(() => cut.Images().Count());
        Assert.Equal(100, Text(cut.Everything, "a")!.Length);
        Assert.Equal(Text(cut.Sample(new Random(3)), "a"), Text(cut.Sample(new Random(3)), "a"));
        Assert.NotEqual(Text(cut.Sample(new Random(3)), "a"), Text(cut.Sample(new Random(4)), "a"));
    }

    [Fact]
    public void A_survivor_is_a_disk_of_its_own()
    {
        using var file = Durable("a", "old");
        var image = _files.PowerCut().Nothing;
        var next = new FaultyFiles(new Random(1), image);
        using (var again = next.Open("a", FileOpening.ReadWrite)) again.Write(0, "new"u8);
        Assert.Equal(("old", "old", "new"), (Text(_files, "a"), Text(image, "a"), Text(next, "a")));
        Assert.Equal("old", Text(next.PowerCut().Nothing, "a"));
    }

    /// <summary>A file with durable name and bytes; the effects so far are not told.</summary>
    private IFile Durable(string path, string text)
    {
        var file = _files.Open(path, FileOpening.CreateNew);
        file.Write(0, Encoding.ASCII.GetBytes(text));
        _files.Settle();
        _files.ClearTrace();
        return file;
    }

    private static string? Text(IFileSystem files, string path)
    {
        if (!files.FileExists(path)) return null;
        using var file = files.Open(path, FileOpening.Read);
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        return Encoding.ASCII.GetString(bytes);
    }
}
