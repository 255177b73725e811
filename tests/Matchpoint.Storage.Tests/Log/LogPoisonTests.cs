using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>Disks that fail under a living log.</summary>
public class LogPoisonTests
{
    private readonly FaultyFiles _files = new(new Random(1));

    public static TheoryData<string, int, string> Faults()
    {
        var data = new TheoryData<string, int, string>();
        foreach (var owns in new[] { "stepped", "own thread" })
        {
            // Of the writes to a segment the first is its header, the second a record, and the third room made ahead, which may fail.
            foreach (var nth in new[] { 1, 2, 4, 5 }) data.Add("write *.log", nth, owns);
            foreach (var nth in new[] { 1, 2, 3, 7 }) data.Add("flush *.log", nth, owns);

            data.Add("write positions", 2, owns);
            data.Add("flush positions", 2, owns);
            data.Add("flush log", 1, owns);
            data.Add("full", 1, owns);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_failed_disk_ends_the_log_and_all_that_was_acknowledged_is_there_when_it_opens_again(string fault, int nth, string thread)
    {
        var ownThread = thread == "own thread";
        var options = TestLogs.Stepped with { OwnThread = ownThread, PositionsFlushInterval = TimeSpan.Zero, SegmentBytes = 4096 };
        var open = TestLogs.Open(_files, options);
        Break(fault, nth);
        var acknowledged = 0L;
        Exception? refused = null;
        for (var i = 0; i < 60 && refused is null; i++)
        {
            try
            {
                var vlsn = open.Log.Commit($"key{i}", new string('v', 900), flush: FlushPolicy.Sync);
                var wait = open.Log.WaitAsync(vlsn, FlushPolicy.Sync, TestContext.Current.CancellationToken);
                if (!ownThread) open.Log.Drain();
                await wait.AsTask().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
                acknowledged = i + 1;
            }
            catch (LogPoisonedException error)
            {
                refused = error;
            }
        }

        // Who waits is told of a written record before the positions fail: the next one finds out.
        Assert.NotNull(refused);
        Assert.Contains(TestLogs.Root, refused.Message, StringComparison.Ordinal);
        Assert.IsType<LogPoisonedException>(open.Log.Failure);
        Assert.Throws<LogPoisonedException>(() => open.Log.Commit("more", "of it"));
        Assert.Throws<LogPoisonedException>(open.Log.FlushAll);
        Assert.Throws<LogPoisonedException>(() => { open.Log.RemoveUpTo(Vlsn.First); });
        Assert.Throws<LogPoisonedException>(() => open.Log.CutAfter(Vlsn.Null, ""));
        var flushed = open.Log.Flushed;
        Assert.False(open.Log.Drain());
        Assert.Equal(flushed, open.Log.Flushed);
        var effects = _files.Effects;
        open.Dispose();
        Assert.Equal(effects, _files.Effects);

        _files.Faults.Clear();
        MustHold(_files.PowerCut().Nothing, acknowledged);
        MustHold(_files.PowerCut().Everything, acknowledged);
        MustHold(_files.AfterKill(), acknowledged);
    }

    [Fact]
    public async Task Every_waiter_fails_when_the_log_does()
    {
        using var open = TestLogs.Open(_files);
        var first = open.Log.Commit("a", "1");
        var waits = new[] { FlushPolicy.Write, FlushPolicy.Sync, FlushPolicy.Sync }
            .Select(policy => open.Log.WaitAsync(first, policy, CancellationToken.None).AsTask()).ToArray();
        var room = open.Log.WaitForRoomAsync(CancellationToken.None).AsTask();
        _files.Faults.FailWrite("*.log");
        Assert.False(open.Log.Drain());
        foreach (var wait in waits) await Assert.ThrowsAsync<LogPoisonedException>(() => wait);
        await room; // There was room when the writing began.
        await Assert.ThrowsAsync<LogPoisonedException>(() => open.Log.WaitAsync(first, FlushPolicy.Write, CancellationToken.None).AsTask());
        await Assert.ThrowsAsync<LogPoisonedException>(() => open.Log.WaitForRoomAsync(CancellationToken.None).AsTask());
    }

    [Fact]
    public void Room_ahead_that_does_not_fit_is_gone_without()
    {
        var options = TestLogs.Stepped with { SegmentBytes = 64 * 1024 };
        using var open = TestLogs.Open(_files, options);
        var used = 4096 + 48 + 48 + 4096; // What the directory takes, with something to spare.
        _files.Faults.Capacity = used + 2000;
        for (var i = 0; i < 10; i++)
        {
            open.Log.Commit($"key{i}", "value", flush: FlushPolicy.Sync);
            Assert.True(open.Log.Drain());
        }

        Assert.Null(open.Log.Failure);
        Assert.Contains(_files.Trace, line => line.EndsWith("failed", StringComparison.Ordinal));
        Assert.Equal(Vlsn.Of(10), open.Log.Flushed);
        open.Log.Commit("large", new string('x', 30_000), flush: FlushPolicy.Sync);
        Assert.False(open.Log.Drain());
        Assert.Contains("ENOSPC", open.Log.Failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_that_cannot_be_written_costs_a_scan_and_nothing_else()
    {
        using (var open = TestLogs.Open(_files))
        {
            for (var i = 1; i < 6; i++) _files.Faults.FailWrite("*.idx", keep: 20, nth: i);
            for (var i = 0; i < 40; i++) open.Log.Commit($"key{i}", "value");
            open.Log.FlushAll();
        }

        using (var again = TestLogs.Open(_files))
        {
            Assert.Equal(40, again.Log.Headers().Count);
            Assert.NotEqual(0, again.Log.OpenReport.RebuiltIndexes);
        }

        using var third = TestLogs.Open(_files);
        Assert.Equal(0, third.Log.OpenReport.RebuiltIndexes);
    }

    [Fact]
    public void A_failed_flush_of_a_complete_segment_is_not_tried_again()
    {
        using var directory = DataDirectory.Open(_files, TestLogs.Root, "a test", TestLogs.Identity);
        using var store = new SegmentStore(directory, TestLogs.Stepped, [], Lsn.Zero);
        var pending = new PendingRecords(LogPosition.Start(TestLogs.Group), Vlsn.Null, 8192);
        for (var i = 0; i < 12; i++) pending.Add(new Term(1), 0, RecordKind.Membership, AckPolicy.None, new byte[50]);
        store.Write(pending.Take().Span, willFlush: false);
        Assert.True(store.HasUnflushed);
        _files.Faults.FailFlush("00000000000000000000.log");
        Assert.Throws<DiskException>(store.FlushCompleteSegments);
        // The pages that the first flush lost count as clean: the device would say yes now.
        Assert.Throws<DiskException>(store.FlushCompleteSegments);
        Assert.Throws<DiskException>(store.Flush);
        Assert.True(store.HasUnflushed);
    }

    [Fact]
    public void A_failure_while_closing_is_quiet_and_is_told()
    {
        var open = TestLogs.Open(_files);
        open.Log.Commit("a", "1");
        _files.Faults.FailFlush("*.log");
        open.Log.Dispose();
        open.Log.Dispose();
        Assert.IsType<LogPoisonedException>(open.Log.Failure);
        open.Directory.Dispose();
    }

    [Fact]
    public void A_failed_removal_of_the_head_ends_the_log()
    {
        using var open = TestLogs.Open(_files);
        for (var i = 0; i < 40; i++) open.Log.Commit($"key{i}", "value");
        open.Log.FlushAll();
        _files.Faults.FailFlush("positions");
        Assert.Throws<DiskException>(() => { open.Log.RemoveUpTo(Vlsn.Of(30)); });
        Assert.IsType<LogPoisonedException>(open.Log.Failure);
        MustHold(_files.PowerCut().Nothing, 40);
        MustHold(_files.PowerCut().Everything, 40);
    }

    [Fact]
    public void A_failed_cut_ends_the_log_and_opening_finishes_it()
    {
        var open = TestLogs.Open(_files);
        for (var i = 0; i < 40; i++) open.Log.Commit($"key{i}", "value");
        open.Log.FlushAll();
        _files.Faults.FailFlush("positions");
        Assert.Throws<DiskException>(() => open.Log.CutAfter(Vlsn.Of(21), ""));
        Assert.IsType<LogPoisonedException>(open.Log.Failure);
        open.Dispose();
        using var again = TestLogs.Open(_files.AfterKill());
        Assert.Equal(Vlsn.Of(21), again.Log.OpenReport.FinishedCut);
        Assert.Equal(21, again.Log.Headers().Count);
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void What_a_failed_flush_left_in_the_cache_is_durable_before_it_counts(string fault, int nth, string thread)
    {
        if (thread != "stepped") return; // The same threads write in either case.
        var options = TestLogs.Stepped with { PositionsFlushInterval = TimeSpan.Zero, SegmentBytes = 4096 };
        using (var open = TestLogs.Open(_files, options))
        {
            Break(fault, nth);
            for (var i = 0; i < 60 && open.Log.Failure is null; i++)
            {
                open.Log.Commit($"key{i}", new string('v', 900), flush: FlushPolicy.Sync);
                open.Log.Drain();
            }

            Assert.NotNull(open.Log.Failure);
        }

        // The next process sees in the cache what the device lost, and a flush of clean pages succeeds.
        _files.Faults.Clear();
        var next = _files.AfterKill();
        long flushed;
        using (var again = TestLogs.Open(next, options))
        {
            again.Log.Commit("one more", "value", flush: FlushPolicy.Sync);
            Assert.True(again.Log.Drain());
            flushed = again.Log.Flushed.DistanceFrom(Vlsn.Null);
            Assert.Equal(again.Log.Appended.Vlsn, again.Log.Flushed);
            MustHold(next.PowerCut().Nothing, flushed);
        }
    }

    private static void MustHold(IFileSystem files, long acknowledged)
    {
        using var again = TestLogs.Open(files);
        Assert.True(again.Log.Appended.Vlsn.DistanceFrom(Vlsn.Null) >= acknowledged, $"{acknowledged} were acknowledged, and it ends at {again.Log.Appended.Vlsn}");
        Assert.Empty(LogVerifier.Verify(again.Directory, CancellationToken.None).Damage);
    }

    private void Break(string fault, int nth)
    {
        switch (fault.Split(' '))
        {
            case ["write", var pattern]: _files.Faults.FailWrite(pattern, nth, keep: 17); break;
            case ["flush", var pattern]: _files.Faults.FailFlush(pattern, nth); break;
            default: _files.Faults.Capacity = 24_000; break;
        }
    }
}
