using System.Runtime.InteropServices;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>Waiting for the log, from many threads, with the log's own threads at work.</summary>
public sealed class LogWaitTests : IDisposable
{
    /// <summary>Longer than any of these takes, on a slow disk too: a hang becomes a failure.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private readonly string _disk = System.IO.Directory.CreateTempSubdirectory("matchpoint-log-").FullName;

    private static LogOptions Threaded { get; } = new() { SegmentBytes = 64 * 1024, PendingBytes = 16 * 1024 };

    public void Dispose() => System.IO.Directory.Delete(_disk, recursive: true);

    [Theory]
    [InlineData("memory")]
    [InlineData("disk")]
    public async Task Many_writers_readers_and_a_cutter_share_a_log(string where)
    {
        IFileSystem files = where == "disk" ? PhysicalFiles.Instance : new MemoryFiles();
        var root = where == "disk" ? Path.Combine(_disk, "data") : TestLogs.Root;
        using (var open = TestLogs.Open(files, Threaded, root))
        {
            for (var round = 0; round < 3; round++)
            {
                using var stop = new CancellationTokenSource();
                var readers = Enumerable.Range(0, 2).Select(_ => Task.Run(() => Read(open.Log, stop.Token))).ToArray();
                var writers = Enumerable.Range(0, 6).Select(i => Task.Run(() => WriteAsync(open.Log, (FlushPolicy)(i % 3), 120))).ToArray();
                await Task.WhenAll(writers).WaitAsync(Deadline, TestContext.Current.CancellationToken);
                open.Log.RemoveUpTo(Vlsn.Of(200 * round + 1));
                // Readers go on while the log is cut; only its writers have to be still.
                var last = open.Log.Appended.Vlsn;
                open.Log.CutAfter(last.Plus(-100), "");
                await stop.CancelAsync();
                Assert.All(await Task.WhenAll(readers).WaitAsync(Deadline, TestContext.Current.CancellationToken), count => Assert.NotEqual(0, count));
            }

            Assert.Null(open.Log.Failure);
            Assert.Equal(Vlsn.Of(3 * (720 - 100)), open.Log.Flushed);
        }

        using var again = TestLogs.Open(files, Threaded, root);
        Assert.Equal(0, again.Log.OpenReport.ScannedBytes);
        Assert.Equal(Vlsn.Of(3 * (720 - 100)), again.Log.Appended.Vlsn);
        Assert.Empty(LogVerifier.Verify(again.Directory, CancellationToken.None).Damage);
    }

    [Fact]
    public async Task A_cancelled_wait_is_over_and_the_others_are_not_disturbed()
    {
        using var open = TestLogs.Open(new MemoryFiles(), Threaded);
        var cancelled = 0;
        var reached = 0;
        await Task.WhenAll(Enumerable.Range(0, 6).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            for (var i = 0; i < 1500; i++)
            {
                using var cancellation = new CancellationTokenSource();
                if (random.Next(8) == 0) await cancellation.CancelAsync();
                Vlsn vlsn;
                while (!TryCommit(open.Log, FlushPolicy.NoSync, out vlsn)) await open.Log.WaitForRoomAsync(CancellationToken.None);
                var wait = open.Log.WaitAsync(vlsn, FlushPolicy.Sync, cancellation.Token);
                if (random.Next(3) == 0) await cancellation.CancelAsync();
                try
                {
                    await wait;
                    Assert.True(open.Log.Flushed >= vlsn);
                    Interlocked.Increment(ref reached);
                }
                catch (OperationCanceledException error)
                {
                    Assert.Equal(cancellation.Token, error.CancellationToken);
                    Interlocked.Increment(ref cancelled);
                }
            }
        }))).WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.Equal(9000, cancelled + reached);
        Assert.NotEqual(0, cancelled);
        Assert.NotEqual(0, reached);
    }

    [Fact]
    public async Task A_wait_that_is_asked_too_early_or_twice_says_so_and_harms_no_other()
    {
        using var open = TestLogs.Open(new MemoryFiles());
        var vlsn = open.Log.Commit("a", "1");
        var wait = open.Log.WaitAsync(vlsn, FlushPolicy.Sync, CancellationToken.None);
        Assert.Throws<InvalidOperationException>(() => AskNow(wait));
        open.Log.Drain();
        await wait;
        Assert.Throws<InvalidOperationException>(() => AskNow(wait));
        Assert.Throws<InvalidOperationException>(() => AskNow(wait));
        var next = open.Log.Commit("a", "2");
        var first = open.Log.WaitAsync(next, FlushPolicy.Sync, CancellationToken.None);
        var second = open.Log.WaitAsync(next, FlushPolicy.Write, CancellationToken.None);
        Assert.False(first.IsCompleted || second.IsCompleted);
        open.Log.Drain();
        await first;
        await second;
    }

    [Fact]
    public async Task Waits_are_over_when_the_log_is_closed_and_what_was_appended_is_there()
    {
        var files = new MemoryFiles();
        var waits = new List<Task>();
        using (var open = TestLogs.Open(files))
        {
            var vlsn = open.Log.Commit("a", "1");
            for (var i = 0; i < 5; i++) waits.Add(open.Log.WaitAsync(vlsn, (FlushPolicy)(1 + (i % 2)), CancellationToken.None).AsTask());
            open.Log.Dispose();
            await Task.WhenAll(waits).WaitAsync(Deadline, TestContext.Current.CancellationToken);
            Assert.Throws<ObjectDisposedException>(() => open.Log.Commit("b", "2"));
            Assert.Throws<ObjectDisposedException>(open.Log.FlushAll);
            await open.Log.WaitAsync(vlsn, FlushPolicy.Sync, CancellationToken.None);
        }

        using var again = TestLogs.Open(files);
        Assert.Equal(Vlsn.First, again.Log.Appended.Vlsn);
    }

    [Fact]
    public async Task Closing_ends_while_others_go_on_appending()
    {
        var open = TestLogs.Open(new MemoryFiles(), Threaded);
        var writers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    while (!TryCommit(open.Log, FlushPolicy.NoSync, out Vlsn _)) await open.Log.WaitForRoomAsync(CancellationToken.None);
                }
            }
            catch (ObjectDisposedException)
            {
                // Closed: so it should be.
            }
        })).ToArray();
        while (open.Log.Written < Vlsn.Of(1000)) await Task.Yield();
        await Task.Run(open.Log.FlushAll).WaitAsync(Deadline, TestContext.Current.CancellationToken);
        await Task.Run(open.Dispose).WaitAsync(Deadline, TestContext.Current.CancellationToken);
        await Task.WhenAll(writers).WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Appending_and_reading_allocate_nothing_per_record()
    {
        using var open = TestLogs.Open(new MemoryFiles(), Threaded with { OwnThread = false, SegmentBytes = 64 * 1024 * 1024 });
        var payload = new byte[100];
        const int records = 2000;
        Append(records * 4);
        var appended = Allocated(() => Append(records)) / records;
        // What is left is the index's growth, the file's pages, and now and then a list's doubling.
        Assert.InRange(appended, 0, 200 + payload.Length);
        using var view = open.Log.View();
        var count = 0;
        Read();
        // A collection that other tests cause may empty the pool in between, and the buffer is made anew: not so each time.
        var read = long.MaxValue;
        for (var i = 0; i < 3; i++)
        {
            count = 0;
            read = Math.Min(read, Allocated(Read));
            Assert.Equal(records * 5, count);
        }

        Assert.InRange(read, 0, 2000);

        void Append(int number)
        {
            for (var i = 0; i < number; i++)
            {
                Assert.True(open.Log.TryAppend(new Term(1), RecordKind.Membership, AckPolicy.None, payload, FlushPolicy.NoSync, out _));
                if (i % 50 == 49) open.Log.Drain();
            }
        }

        void Read()
        {
            using var reader = view.ReadFrom(Vlsn.First);
            while (reader.MoveNext()) count++;
        }
    }

    [Fact]
    public void A_huge_record_does_not_keep_its_buffer()
    {
        var pending = new PendingRecords(LogPosition.Start(TestLogs.Group), Vlsn.Null, 1000);
        foreach (var bytes in new[] { 50_000, 50_000, 10, 10, 10 })
        {
            pending.Add(new Term(1), 0, RecordKind.Membership, AckPolicy.None, new byte[bytes]);
            Assert.True(MemoryMarshal.TryGetArray(pending.Take(), out var buffer));
            if (bytes == 10) Assert.Equal(1000, buffer.Array!.Length);
        }
    }

    private static void AskNow(ValueTask wait)
    {
#pragma warning disable CA2012 // To be wrong is the point.
        wait.GetAwaiter().GetResult();
#pragma warning restore CA2012
    }

    private static long Allocated(Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static async Task WriteAsync(RecordLog log, FlushPolicy policy, int count)
    {
        for (var i = 0; i < count; i++)
        {
            Vlsn vlsn;
            while (!TryCommit(log, policy, out vlsn)) await log.WaitForRoomAsync(CancellationToken.None);
            await log.WaitAsync(vlsn, policy, CancellationToken.None);
            if (policy == FlushPolicy.Sync) Assert.True(log.Flushed >= vlsn);
            if (policy == FlushPolicy.Write) Assert.True(log.Written >= vlsn);
        }
    }

    private static bool TryCommit(RecordLog log, FlushPolicy policy, out Vlsn vlsn)
    {
        var writer = new TransactionWriter();
        writer.Put("some key"u8, "and some value"u8);
        var done = log.TryAppend(new Term(1), RecordKind.Commit, AckPolicy.Majority, writer.Payload(0, Vlsn.Null, Vlsn.Null).Span, policy, out var header);
        vlsn = header.Vlsn;
        return done;
    }

    /// <summary>Scans views until told to stop. A view is whole, or says that the log was cut.</summary>
    private static int Read(RecordLog log, CancellationToken stop)
    {
        var views = 0;
        while (!stop.IsCancellationRequested || views == 0)
        {
            using var view = log.View();
            try
            {
                Assert.Equal(view.First.IsNull ? 0 : view.Last.DistanceFrom(view.First) + 1, TestLogs.Headers(view).Count);
                if (!view.Last.IsNull) Assert.True(view.TryGet(view.Last, out _, out _));
            }
            catch (LogCutException)
            {
                // As promised.
            }

            views++;
        }

        return views;
    }
}
