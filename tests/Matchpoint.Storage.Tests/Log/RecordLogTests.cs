using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;

namespace Matchpoint.Storage.Tests.Log;

public class RecordLogTests
{
    private readonly MemoryFiles _files = new();

    [Fact]
    public void A_new_log_is_empty_and_closes_and_opens_again()
    {
        for (var i = 0; i < 2; i++)
        {
            using var open = TestLogs.Open(_files);
            using var view = open.Log.View();
            Assert.True(view.First.IsNull);
            Assert.True(view.Last.IsNull);
            Assert.Equal(LogPosition.Start(TestLogs.Group), view.End);
            Assert.Empty(open.Log.OpenReport.Sentences());
        }
    }

    [Fact]
    public void What_was_appended_is_read_back_across_segments_and_after_a_clean_close()
    {
        List<RecordHeader> written;
        using (var open = TestLogs.Open(_files))
        {
            open.Log.StartTerm(1);
            for (var i = 0; i < 50; i++) open.Log.Commit($"key{i}", $"value{i}");
            open.Log.FlushAll();
            written = open.Log.Headers();
            Assert.Equal(51, written.Count);
            Assert.True(_files.ListFiles($"{TestLogs.Root}/log").Count > 5);
        }

        using (var open = TestLogs.Open(_files))
        {
            Assert.Equal(written, open.Log.Headers());
            Assert.Equal(0, open.Log.OpenReport.ScannedBytes);
            Assert.Empty(open.Log.OpenReport.Sentences());
            Assert.Equal(Vlsn.Of(52), open.Log.Commit("more", "of it", term: 2));
        }
    }

    [Fact]
    public void Readers_see_a_record_when_it_is_written_not_before()
    {
        using var open = TestLogs.Open(_files);
        open.Log.Commit("a", "1");
        using (var before = open.Log.View()) Assert.True(before.Last.IsNull);
        open.Log.Drain();
        using var after = open.Log.View();
        Assert.Equal(Vlsn.First, after.Last);
        Assert.Equal(Vlsn.Null, open.Log.Flushed);
        open.Log.Commit("b", "2");
        open.Log.Drain();
        Assert.Equal(Vlsn.First, after.Last);
        Assert.False(after.TryGet(Vlsn.Of(2), out _, out _));
    }

    [Fact]
    public void Every_record_is_found_by_its_number_with_its_place()
    {
        using var open = TestLogs.Open(_files);
        for (var i = 0; i < 200; i++) open.Log.Commit($"key{i}", new string('x', i));
        open.Log.FlushAll();
        var headers = open.Log.Headers();
        using var view = open.Log.View();
        var lsn = Lsn.Zero;
        foreach (var expected in headers)
        {
            Assert.True(view.TryGet(expected.Vlsn, out var found, out var at));
            Assert.Equal(expected, found);
            Assert.Equal(lsn, at);
            lsn = lsn.Plus(expected.Length);
            Assert.Equal(new LogPosition(found.Vlsn, lsn, found.Fingerprint, found.Term), view.PositionAt(found.Vlsn));
        }
    }

    [Fact]
    public void A_cut_leaves_the_records_below_and_the_log_goes_on_from_there()
    {
        using var open = TestLogs.Open(_files);
        for (var i = 0; i < 60; i++) open.Log.Commit($"key{i}", $"value{i}");
        open.Log.FlushAll();
        var before = open.Log.Headers();
        using var view = open.Log.View();
        open.Log.CutAfter(Vlsn.Of(23), export: "");
        Assert.Equal(before[..23], open.Log.Headers());
        Assert.True(view.TryGet(Vlsn.Of(20), out _, out _));
        Assert.Throws<LogCutException>(() => view.TryGet(Vlsn.Of(24), out _, out _));
        Assert.Equal(Vlsn.Of(24), open.Log.Commit("other", "history", term: 2));
        open.Log.FlushAll();
        Assert.Equal(24, open.Log.Headers().Count);
        Assert.Throws<LogCutException>(() => view.TryGet(Vlsn.Of(24), out _, out _));
        Assert.False(_files.FileExists($"{TestLogs.Root}/cut"));
    }

    [Fact]
    public void A_log_cut_wholly_begins_again_at_one()
    {
        using var open = TestLogs.Open(_files);
        for (var i = 0; i < 30; i++) open.Log.Commit("key", "value");
        open.Log.FlushAll();
        open.Log.CutAfter(Vlsn.Null, export: "");
        Assert.Empty(open.Log.Headers());
        Assert.Equal(Vlsn.First, open.Log.Commit("a", "b"));
        open.Log.FlushAll();
        Assert.Single(open.Log.Headers());
    }

    [Fact]
    public void The_oldest_segments_go_but_not_under_a_view()
    {
        using var open = TestLogs.Open(_files);
        for (var i = 0; i < 60; i++) open.Log.Commit($"key{i}", $"value{i}");
        open.Log.FlushAll();
        Vlsn first;
        using (var view = open.Log.View())
        {
            Assert.Equal(0, open.Log.RemoveUpTo(Vlsn.Of(40)));
            view.Release(Vlsn.Of(20));
            Assert.NotEqual(0, open.Log.RemoveUpTo(Vlsn.Of(40)));
            using var now = open.Log.View();
            first = now.First;
            Assert.InRange(first.Value, 2, 21);
            Assert.False(now.TryGet(first.Previous, out _, out _));
        }

        Assert.NotEqual(0, open.Log.RemoveUpTo(Vlsn.Of(40)));
        using var later = open.Log.View();
        Assert.InRange(later.First.Value, first.Value, 41);
        Assert.Equal(Vlsn.Of(60), later.Last);
    }

    [Fact]
    public void A_new_log_on_a_machine_that_tells_no_boot_id_takes_and_keeps_records()
    {
        var files = new MemoryFiles { BootId = Guid.Empty };
        using (var open = TestLogs.Open(files))
        {
            Assert.True(files.FileExists(open.Directory.PositionsPath));
            open.Log.Commit("a", "1");
            open.Log.FlushAll();
            Assert.Null(open.Log.Failure);
            Assert.Equal(Vlsn.First, open.Log.Flushed);
        }

        using (var open = TestLogs.Open(files)) Assert.Equal(Vlsn.First, open.Log.Appended.Vlsn);
    }
}
