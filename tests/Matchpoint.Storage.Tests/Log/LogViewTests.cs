using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>What a view keeps, and what it says when the log is cut or trimmed under it.</summary>
public class LogViewTests
{
    private readonly MemoryFiles _files = new();

    [Fact]
    public void A_view_tells_of_a_cut_whatever_it_is_asked()
    {
        using var open = Filled(60);
        using var view = open.Log.View();
        Assert.True(view.TryGet(Vlsn.Of(50), out _, out var lsn));
        Assert.Equal(Vlsn.Of(50), view.SyncPointAtOrBelow(Vlsn.Of(50)));
        Assert.True(view.TryGet(Vlsn.Of(10), out _, out var low));
        Assert.True(view.TryGet(Vlsn.Of(32), out _, out var inCutSegment));
        open.Log.CutAfter(Vlsn.Of(31), "");
        for (var i = 0; i < 40; i++) open.Log.Commit("other", "history", term: 2);
        open.Log.FlushAll();
        var buffer = new byte[1000];
        Assert.Throws<LogCutException>(() => view.TryGet(Vlsn.Of(50), out _, out _));
        Assert.Throws<LogCutException>(() => view.SyncPointAtOrBelow(Vlsn.Of(50)));
        Assert.Throws<LogCutException>(() => view.TryCopy(lsn, buffer, out _));
        Assert.Throws<LogCutException>(() => view.TryCopy(inCutSegment, buffer, out _));
        Assert.Throws<LogCutException>(() => view.CountAbove(Vlsn.Of(5)));
        Assert.Throws<LogCutException>(() => view.TermEnds());
        Assert.Throws<LogCutException>(() => TestLogs.Headers(view));
        Assert.True(view.TryCopy(low, buffer, out var length));
        Assert.NotEqual(0, length);
        Assert.True(view.TryGet(Vlsn.Of(31), out _, out _));
        Assert.Equal(Vlsn.Of(20), view.SyncPointAtOrBelow(Vlsn.Of(20)));
    }

    [Fact]
    public void A_copy_stops_before_the_records_of_another_history()
    {
        using var open = Filled(8);
        using var view = open.Log.View();
        open.Log.CutAfter(Vlsn.Of(3), "");
        for (var i = 0; i < 8; i++) open.Log.Commit("key0", "value0", term: 2);
        open.Log.FlushAll();
        Assert.Throws<LogCutException>(() => view.TryCopy(Lsn.Zero, new byte[512], out _));
        Assert.True(view.TryCopy(Lsn.Zero, new byte[3 * 86], out var length));
        Assert.Equal(3 * 86, length);
    }

    [Theory]
    [InlineData("write cut.tmp")]
    [InlineData("flush cut.tmp")]
    [InlineData("delete")]
    [InlineData("set length")]
    [InlineData("flush positions")]
    [InlineData("rename undo")]
    [InlineData("delete cut")]
    public void A_view_taken_in_the_middle_of_a_cut_reads_below_it_and_tells_above(string moment)
    {
        var files = new HookedFiles(_files);
        using var open = TestLogs.Open(files);
        for (var i = 0; i < 60; i++) open.Log.Commit($"key{i % 10}", "value");
        open.Log.FlushAll();
        _files.Open($"{TestLogs.Root}/rollbacks/undo.jsonl.pending", FileOpening.CreateNew).Dispose();
        LogView? view = null;
        files.Before = effect =>
        {
            if (effect.StartsWith(moment, StringComparison.Ordinal)) view ??= open.Log.View();
        };
        open.Log.CutAfter(Vlsn.Of(31), "undo.jsonl");
        files.Before = _ => { };
        using (view!)
        {
            for (var vlsn = 1; vlsn <= 31; vlsn++) Assert.True(view!.TryGet(Vlsn.Of(vlsn), out _, out _));
            for (var vlsn = 32; vlsn <= view!.Last.Value; vlsn++)
                Assert.Throws<LogCutException>(() => view!.TryGet(Vlsn.Of(vlsn), out _, out _));
            if (view.Last > Vlsn.Of(31)) Assert.Throws<LogCutException>(() => TestLogs.Headers(view));
            else Assert.Equal(31, TestLogs.Headers(view).Count);
        }

        using var after = open.Log.View();
        Assert.Equal(Vlsn.Of(31), after.Last);
        Assert.Equal(31, TestLogs.Headers(after).Count);
    }

    [Theory]
    [InlineData("write positions")]
    [InlineData("flush positions")]
    [InlineData("delete")]
    public void A_view_taken_while_the_head_goes_holds_all_that_it_shows(string moment)
    {
        var files = new HookedFiles(_files);
        using var open = TestLogs.Open(files);
        for (var i = 0; i < 60; i++) open.Log.Commit($"key{i % 10}", "value");
        LogView? view = null;
        files.Before = effect =>
        {
            if (effect.StartsWith(moment, StringComparison.Ordinal)) view ??= open.Log.View();
        };
        open.Log.RemoveUpTo(Vlsn.Of(40));
        using (view!) Assert.Equal(view!.Last.DistanceFrom(view.First) + 1, TestLogs.Headers(view).Count);
    }

    [Fact]
    public void The_log_is_cut_at_a_sync_point_only()
    {
        using var open = TestLogs.Open(_files);
        var piece = new TransactionWriter().Payload(0, Vlsn.Null, Vlsn.Null).ToArray();
        open.Log.Append(RecordKind.Piece, piece);
        open.Log.Commit("a", "b");
        Assert.Throws<InvariantException>(() => open.Log.CutAfter(Vlsn.First, ""));
        Assert.Equal(2, open.Log.Headers().Count);
        Assert.Throws<InvariantException>(() => open.Log.CutAfter(Vlsn.Of(3), ""));
        Assert.Throws<InvariantException>(() => open.Log.CutAfter(Vlsn.Null, "not-there.jsonl"));
        Assert.Null(open.Log.Failure);
        open.Log.CutAfter(Vlsn.Null, "");
        Assert.Empty(open.Log.Headers());
    }

    [Fact]
    public void A_cut_below_the_durable_record_lowers_what_is_known_durable()
    {
        using (var open = Filled(30))
        {
            open.Log.NoteDurable(Vlsn.Of(25));
            open.Log.CutAfter(Vlsn.Of(26), "");
            Assert.Equal(Vlsn.Of(25), open.Log.Durable);
            open.Log.CutAfter(Vlsn.Of(12), "");
            // Records 13 to 25 of another history are not durable yet.
            Assert.Equal(Vlsn.Of(12), open.Log.Durable);
            for (var i = 0; i < 20; i++) open.Log.Commit("other", "history", term: 2);
        }

        using var again = TestLogs.Open(_files);
        Assert.Equal(Vlsn.Of(12), again.Log.Durable);
    }

    [Fact]
    public void Looking_at_a_log_that_is_being_written_torn_or_half_cut_changes_nothing()
    {
        var files = new FaultyFiles(new Random(3));
        var options = TestLogs.Stepped with { SegmentBytes = 100_000 };
        var open = TestLogs.Open(files, options);
        for (var i = 0; i < 40; i++) open.Log.Commit($"key{i}", "value");
        open.Log.FlushAll();
        Assert.Equal(Vlsn.Of(40), Look(files).Last);
        for (var i = 0; i < 3; i++) open.Log.Commit($"key{i}", "value");
        open.Log.Drain();
        Assert.Equal(Vlsn.Of(43), Look(files).Last);
        open.Log.Commit("torn", new string('x', 300));
        files.CrashWithin(files.Effects + 1, bytes: 100);
        open.Log.Drain();
        open.Kill();
        files = files.AfterKill();
        var (last, report) = Look(files);
        Assert.Equal(Vlsn.Of(43), last);
        Assert.NotNull(report.Torn);

        open = TestLogs.Open(files, options);
        files.CrashBefore(files.Effects + 9);
        Assert.Throws<SimulatedCrashException>(() => open.Log.CutAfter(Vlsn.Of(21), ""));
        open.Kill();
        files = files.AfterKill();
        Assert.True(files.FileExists($"{TestLogs.Root}/cut"));
        Assert.Equal(Vlsn.Of(21), Look(files).Last);
        Assert.True(files.FileExists($"{TestLogs.Root}/cut"));
    }

    [Theory]
    [InlineData("cut", 1, 31)]
    [InlineData("remove", 41, 60)]
    public void Looking_while_the_log_is_cut_or_trimmed_sees_it_as_it_is_afterwards(string what, long first, long last)
    {
        using var open = Filled(60);
        var files = new HookedFiles(_files);
        var done = false;
        files.Before = effect =>
        {
            if (done || !effect.EndsWith(".log", StringComparison.Ordinal)) return;
            done = true;
            if (what == "cut") open.Log.CutAfter(Vlsn.Of(last), "");
            else open.Log.RemoveUpTo(Vlsn.Of(first));
        };
        using var directory = DataDirectory.OpenReadOnly(files, TestLogs.Root);
        using var view = LogView.Look(directory);
        Assert.True(done);
        Assert.InRange(view.First.Value, Math.Max(1, first - 5), first);
        Assert.Equal(Vlsn.Of(last), view.Last);
        Assert.Equal(view.Last.DistanceFrom(view.First) + 1, TestLogs.Headers(view).Count);
    }

    [Fact]
    public void Removed_records_are_those_that_no_view_holds()
    {
        using var open = Filled(60);
        using var low = open.Log.View();
        using var high = open.Log.View();
        low.Release(Vlsn.Of(20));
        high.Release(Vlsn.Of(45));
        Assert.NotEqual(0, open.Log.RemoveUpTo(Vlsn.Of(60)));
        using (var now = open.Log.View()) Assert.InRange(now.First.Value, 10, 21);
        Assert.True(low.TryGet(Vlsn.Of(21), out _, out _));
        low.Dispose();
        Assert.NotEqual(0, open.Log.RemoveUpTo(Vlsn.Of(60)));
        using (var now = open.Log.View()) Assert.InRange(now.First.Value, 30, 46);
        high.Dispose();
        Assert.NotEqual(0, open.Log.RemoveUpTo(Vlsn.Of(1000)));
        using var last = open.Log.View();
        Assert.Single(last.Segments);
        Assert.Equal(Vlsn.Of(60), last.Last);
    }

    private static (Vlsn Last, LogOpenReport OpenReport) Look(FaultyFiles files)
    {
        var effects = files.Effects;
        using var directory = DataDirectory.OpenReadOnly(files, TestLogs.Root);
        using var view = LogView.Look(directory);
        Assert.Equal(view.Last.Value, TestLogs.Headers(view).Count);
        Assert.Empty(LogVerifier.Verify(directory, CancellationToken.None).Damage);
        Assert.Equal(effects, files.Effects);
        return (view.Last, view.OpenReport);
    }

    private TestLogs.OpenLog Filled(int records)
    {
        var open = TestLogs.Open(_files);
        for (var i = 0; i < records; i++) open.Log.Commit($"key{i % 10}", $"value{i % 10}");
        open.Log.FlushAll();
        return open;
    }
}
