using System.Diagnostics;
using System.IO.Pipelines;
using System.Reflection;
using Matchpoint.Protocol;

namespace Matchpoint.Transport.Tests;

/// <summary>What channels cost. In a collection of its own: other tests would be measured too.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests
{
    private const int Frames = 10_000;

    [Fact]
    public async Task In_steady_state_a_frame_allocates_nothing()
    {
        // Inline, so that everything happens on this thread and its count tells all.
        var (left, right) = MemoryChannels.CreatePair(TimeProvider.System, scheduler: PipeScheduler.Inline);
        await using var a = left;
        await using var b = right;
        RunReady(a, b);
        var before = GC.GetAllocatedBytesForCurrentThread();
        RunReady(a, b);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000);
    }

    [Fact]
    public async Task A_frame_that_is_waited_for_allocates_nothing_either()
    {
        var isDebug = typeof(Channel).Assembly.GetCustomAttribute<DebuggableAttribute>()?.IsJITOptimizerDisabled == true;
        Assert.SkipWhen(isDebug, "The compiler makes asynchronous methods allocate in debug builds.");
        var (left, right) = MemoryChannels.CreatePair(TimeProvider.System, scheduler: PipeScheduler.Inline);
        await using var a = left;
        await using var b = right;
        using var cancel = new CancellationTokenSource();
        RunWaiting(a, b, cancel.Token);
        var before = GC.GetAllocatedBytesForCurrentThread();
        RunWaiting(a, b, cancel.Token);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000);
    }

    [Fact]
    public async Task A_garbage_length_allocates_nothing_for_itself()
    {
        var (carrier, raw) = MemoryChannels.CreateCarriers();
        await using var channel = new Channel(carrier, TimeProvider.System);
        await raw.Output.WriteAsync(BitConverter.GetBytes(Limits.HandshakeFrameBytes + 1));
        var before = GC.GetAllocatedBytesForCurrentThread();
        await Assert.ThrowsAsync<ProtocolException>(() => channel.ReceiveAsync(Pairs.Patience, default).AsTask());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 * 1024);
        raw.Abort();
    }

    [Fact]
    public async Task A_frame_that_was_only_announced_takes_as_much_memory_as_has_come()
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        var reader = new FrameReader(pipe.Reader, int.MaxValue);
        await pipe.Writer.WriteAsync(BitConverter.GetBytes(Limits.FrameBytes));
        var come = 0;
        foreach (var bytes in new[] { 1, 3000, 60_000, 500_000 })
        {
            await pipe.Writer.WriteAsync(new byte[bytes]);
            come += bytes;
            Assert.False(reader.TryTake((await pipe.Reader.ReadAsync()).Buffer, "frame", Limits.FrameBytes, out _));
            // Twice, by growing; and again, because the pool rounds up.
            Assert.InRange(reader.BufferBytes, come, Math.Max(4096, come * 4));
        }

        reader.Complete();
        Assert.Equal(0, reader.BufferBytes);
    }

    [Fact]
    public async Task A_large_frame_is_put_together_once()
    {
        var (left, right) = MemoryChannels.CreatePair(TimeProvider.System);
        await using var a = left;
        await using var b = right;
        b.MaxFrameBytes = Limits.FrameBytes;
        var payload = new byte[Limits.FrameBytes];
        payload[^1] = 7;
        var sending = a.SendAsync(payload, Pairs.Patience, default).AsTask();
        var frame = await b.ReceiveAsync(Pairs.Patience, default);
        Assert.Equal((Limits.FrameBytes, (byte)7), (frame.Length, frame.Span[^1]));
        await sending;
        Assert.Equal(0, a.UnflushedBytes);
    }

    [Fact]
    public async Task A_thousand_idle_connections_hold_little_memory()
    {
        // Where sessions of earlier tests end meanwhile, less is held afterwards than before: that tells nothing, and is measured again.
        var perChannel = await MeasureIdleAsync();
        for (var again = 0; again < 5 && perChannel < 0; again++) perChannel = await MeasureIdleAsync();
        TestContext.Current.SendDiagnosticMessage($"{perChannel} bytes for each idle TCP channel");
        Assert.InRange(perChannel, 0, 8 * 1024);
    }

    private static async Task<long> MeasureIdleAsync()
    {
        const int Connections = 1000;
        var pairs = new List<(Channel Left, Channel Right)>();
        var before = SettledMemory();
        for (var i = 0; i < Connections; i++)
        {
            var (left, right) = await TcpPair.CreateAsync();
            pairs.Add((new Channel(left, TimeProvider.System), new Channel(right, TimeProvider.System)));
        }

        var waiting = pairs.ConvertAll(pair => pair.Right.ReceiveAsync(Pairs.Patience, default).AsTask());
        var perChannel = (SettledMemory() - before) / (2 * Connections);
        foreach (var (left, _) in pairs) await left.SendAsync(new byte[] { 1 }, Pairs.Patience, default);
        foreach (var one in waiting) Assert.Equal(1, (await one).Length);
        foreach (var (left, right) in pairs)
        {
            await left.DisposeAsync();
            await right.DisposeAsync();
        }

        return perChannel;
    }

    /// <summary>What is held when what earlier tests left to be finalized is gone.</summary>
    private static long SettledMemory()
    {
        // Sessions of earlier tests may still be ending: it is settled when it no longer shrinks.
        var before = long.MaxValue;
        while (true)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var now = GC.GetTotalMemory(forceFullCollection: true);
            if (now > before - 4096) return now;
            before = now;
        }
    }

    [Fact]
    public async Task Throughput_over_loopback_is_told()
    {
        foreach (var bytes in new[] { 64, 4096, 256 * 1024 })
        {
            var (left, right) = await TcpPair.CreateAsync();
            await using var a = new Channel(left, TimeProvider.System);
            await using var b = new Channel(right, TimeProvider.System) { MaxFrameBytes = Limits.FrameBytes };
            var count = Math.Min(200_000, (128 << 20) / bytes);
            var payload = new byte[bytes];
            payload[0] = 1;
            var clock = Stopwatch.StartNew();
            var sending = Task.Run(async () =>
            {
                for (var i = 0; i < count; i++)
                {
                    if (bytes > 16 * 1024)
                    {
                        await a.SendAsync(payload, Pairs.Patience, default);
                        continue;
                    }

                    payload.CopyTo(a.GetFrame(bytes));
                    a.CommitFrame(bytes);
                    if (a.UnflushedBytes > 32 * 1024 || i == count - 1) await a.FlushAsync(Pairs.Patience, default);
                }
            });
            for (var i = 0; i < count; i++) await b.ReceiveAsync(Pairs.Patience, default);
            await sending;
            var seconds = clock.Elapsed.TotalSeconds;
            TestContext.Current.TestOutputHelper!.WriteLine(
                $"frames of {bytes} bytes: {count / seconds:N0} frames/s, {(long)count * bytes / seconds / (1 << 20):N0} MiB/s");
        }
    }

    private static void RunReady(Channel from, Channel to)
    {
        for (var i = 0; i < Frames; i++)
        {
            from.GetFrame(26).Fill(1);
            from.CommitFrame(26);
            var sending = from.FlushAsync(Pairs.Patience, CancellationToken.None);
            if (!sending.IsCompletedSuccessfully) throw new InvalidOperationException("no room");
            sending.GetAwaiter().GetResult();
            var receiving = to.ReceiveAsync(Pairs.Patience, CancellationToken.None);
            if (!receiving.IsCompletedSuccessfully || receiving.GetAwaiter().GetResult().Length != 26) throw new InvalidOperationException("no frame");
        }
    }

    private static void RunWaiting(Channel from, Channel to, CancellationToken cancellation)
    {
        for (var i = 0; i < Frames; i++)
        {
            var receiving = to.ReceiveAsync(Pairs.Patience, cancellation);
            if (receiving.IsCompleted) throw new InvalidOperationException("nothing was sent yet");
            from.GetFrame(26).Fill(1);
            from.CommitFrame(26);
            var sending = from.FlushAsync(Pairs.Patience, cancellation);
            if (!sending.IsCompletedSuccessfully) throw new InvalidOperationException("no room");
            sending.GetAwaiter().GetResult();
            if (!receiving.IsCompletedSuccessfully || receiving.GetAwaiter().GetResult().Length != 26) throw new InvalidOperationException("no frame");
        }
    }
}
