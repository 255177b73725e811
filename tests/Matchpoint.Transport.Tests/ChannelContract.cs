using System.Diagnostics;
using CsCheck;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport.Tests;

/// <summary>The contract over pipes in memory.</summary>
public sealed class MemoryChannelTests : ChannelContract
{
    internal override ValueTask<(ByteCarrier Left, ByteCarrier Right)> CarriersAsync() => ValueTask.FromResult(MemoryPair.Create());
}

/// <summary>The contract over TCP.</summary>
public sealed class TcpChannelTests : ChannelContract
{
    internal override ValueTask<(ByteCarrier Left, ByteCarrier Right)> CarriersAsync() => TcpPair.CreateAsync();
}

/// <summary>The contract over TLS.</summary>
public sealed class TlsChannelTests : ChannelContract
{
    internal override ValueTask<(ByteCarrier Left, ByteCarrier Right)> CarriersAsync() => TlsPair.CreateAsync();
}

/// <summary>What every channel promises, whatever carries its bytes.</summary>
public abstract class ChannelContract : Pairs
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(50);

    /// <summary>Time for a close on a machine that is busy, and less than any deadline a send or a receive has here.</summary>
    private static readonly TimeSpan Promptly = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_service_name_and_frames_have_these_bytes()
    {
        var (channel, raw) = await HalfAsync();
        await using var _ = channel;
        channel.OpenService("REP_SYNCUP");
        byte[] request = [1, 7, 0, 0, 0, 0, 0, 0, 0];
        request.CopyTo(channel.GetFrame(100));
        channel.CommitFrame(request.Length);
        await channel.FlushAsync(Patience, default);
        await channel.SendAsync(new byte[] { 3 }, Patience, default);
        const string golden = "0a0000005245505f53594e435550" + "09000000010700000000000000" + "0100000003";
        Assert.Equal(golden, Convert.ToHexStringLower(await ReadAsync(raw, golden.Length / 2)));
        raw.Abort();
    }

    [Fact]
    public async Task Frames_come_as_they_were_sent()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        b.MaxFrameBytes = Limits.FrameBytes;
        int[] sizes = [1, 2, 508, 509, 4096, 65_535, 65_536, 65_537, 1_000_000, 3, 5_000_000];
        var sending = Task.Run(async () =>
        {
            foreach (var size in sizes) await a.SendAsync(Bytes(size), Patience, default);
        });
        foreach (var size in sizes) Same(Bytes(size), await b.ReceiveAsync(Patience, default));
        await sending;
    }

    [Fact]
    public async Task Two_sessions_that_answer_each_other_before_they_receive_again_do_not_wait_for_each_other()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        a.MaxFrameBytes = b.MaxFrameBytes = Limits.FrameBytes;
        async Task AnswerAsync(Channel channel)
        {
            for (var i = 0; i < 20; i++) await channel.SendAsync(await channel.ReceiveAsync(Patience, default), Patience, default);
        }

        var answering = Task.Run(() => AnswerAsync(b));
        foreach (var size in new[] { 20_000, 31_000, 32_000, 33_000, 50_000, 65_000, 70_000, 100_000, 300_000, 1_000_000 })
        {
            await a.SendAsync(Bytes(size), Patience, default);
            await a.SendAsync((await a.ReceiveAsync(Patience, default)).ToArray(), Patience, default);
            Same(Bytes(size), await a.ReceiveAsync(Patience, default));
        }

        await answering;
    }

    [Fact]
    public async Task Many_frames_go_with_one_flush()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        for (var i = 1; i <= 100; i++)
        {
            a.GetFrame(i).Fill((byte)(i + 100));
            a.CommitFrame(i);
        }

        Assert.Equal((100 * 4) + 5050, a.UnflushedBytes);
        await a.FlushAsync(Patience, default);
        for (var i = 1; i <= 100; i++)
        {
            var frame = await b.ReceiveAsync(Patience, default);
            Assert.Equal((i, (byte)(i + 100)), (frame.Length, frame.Span[^1]));
        }
    }

    [Fact]
    public async Task However_the_bytes_are_split_the_same_frames_come_out() =>
        await Gen.Select(Gen.Int[1, 3000].Array[1, 12], Gen.Int[1, 400].Array[1, 40]).SampleAsync(async (sizes, splits) =>
        {
            var (channel, raw) = await HalfAsync();
            await using var _ = channel;
            var bytes = sizes.SelectMany(size => Framed(Bytes(size))).ToArray();
            var writing = Task.Run(async () =>
            {
                for (int at = 0, i = 0; at < bytes.Length; i++)
                {
                    var piece = Math.Min(splits[i % splits.Length], bytes.Length - at);
                    await raw.Output.WriteAsync(bytes.AsMemory(at, piece));
                    at += piece;
                }

                raw.CloseOutput();
            });
            foreach (var size in sizes) Same(Bytes(size), await channel.ReceiveAsync(Patience, default));
            await writing;
            Assert.Equal(ChannelEnd.Silent, (await ClosedAsync(channel)).End);
            raw.Abort();
        }, iter: 60, threads: 1);

    [Fact]
    public async Task Every_truncation_is_told_from_a_clean_end_with_its_byte_counts()
    {
        var bytes = Framed([1, 7, 0, 0, 0, 0, 0, 0, 0]);
        for (var cut = 0; cut < bytes.Length; cut++)
        {
            var (channel, raw) = await HalfAsync();
            await using var _ = channel;
            await raw.Output.WriteAsync(bytes.AsMemory(0, cut));
            raw.CloseOutput();
            var closed = await ClosedAsync(channel);
            Assert.Equal(cut == 0 ? ChannelEnd.Silent : ChannelEnd.Cut, closed.End);
            if (cut > 0) Assert.Contains(cut < 4 ? $"{cut} of 4 bytes" : $"{cut - 4} of 9 bytes", closed.Message, StringComparison.Ordinal);
            Assert.Equal(closed.End, (await ClosedAsync(channel)).End);
            raw.Abort();
        }
    }

    [Theory]
    [InlineData(0u)]
    [InlineData((uint)Limits.HandshakeFrameBytes + 1)]
    [InlineData((uint)Limits.FrameBytes)]
    [InlineData(0x7fffffffu)]
    [InlineData(0x80000000u)]
    [InlineData(0xffffffffu)]
    [InlineData(0x20544547u)] // "GET ": somebody's browser
    public async Task A_length_that_cannot_be_is_refused_before_anything_is_made_for_it(uint length)
    {
        var (channel, raw) = await HalfAsync();
        await using var _ = channel;
        await raw.Output.WriteAsync(BitConverter.GetBytes(length));
        var error = await Assert.ThrowsAsync<ProtocolException>(() => channel.ReceiveAsync(Patience, default).AsTask());
        Assert.Equal(("frame", "length", $"1 to {Limits.HandshakeFrameBytes}", $"{length}"), (error.MessageName, error.Field, error.Expected, error.Found));
        await channel.CloseAsync(GoodbyeCode.ProtocolFault, error.Message);
        raw.Abort();
    }

    [Fact]
    public async Task The_limit_rises_when_the_session_raises_it()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        b.MaxFrameBytes = 2 * Limits.HandshakeFrameBytes;
        var sending = a.SendAsync(Bytes(2 * Limits.HandshakeFrameBytes), Patience, default).AsTask();
        Assert.Equal(2 * Limits.HandshakeFrameBytes, (await b.ReceiveAsync(Patience, default)).Length);
        await sending;
        sending = a.SendAsync(Bytes((2 * Limits.HandshakeFrameBytes) + 1), Patience, default).AsTask();
        await Assert.ThrowsAsync<ProtocolException>(() => b.ReceiveAsync(Patience, default).AsTask());
        await b.CloseAsync(GoodbyeCode.ProtocolFault, "too long");
        await Task.WhenAny(sending);
    }

    [Theory]
    [InlineData("01000000ff", "bytes")]
    [InlineData("02000000c080", "bytes")]
    [InlineData("00000000", "length")]
    [InlineData("01010000", "length")]
    public async Task A_service_name_that_is_none_is_refused(string bytes, string field)
    {
        var (channel, raw) = await HalfAsync();
        await using var _ = channel;
        await raw.Output.WriteAsync(Convert.FromHexString(bytes));
        var error = await Assert.ThrowsAsync<ProtocolException>(() => channel.AcceptServiceAsync(Patience, default).AsTask());
        Assert.Equal(("service name", field), (error.MessageName, error.Field));
        raw.Abort();
    }

    [Fact]
    public async Task A_service_name_may_be_as_long_as_the_limit_and_be_followed_by_frames()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        var name = string.Concat(Enumerable.Repeat("ü", Limits.ServiceNameBytes / 2));
        a.OpenService(name);
        await a.SendAsync(Bytes(600), Patience, default);
        Assert.Equal(name, await b.AcceptServiceAsync(Patience, default));
        Assert.Equal(600, (await b.ReceiveAsync(Patience, default)).Length);
        Assert.Throws<InvariantException>(() => a.OpenService(name + "x"));
        Assert.Throws<InvariantException>(() => a.OpenService(""));
    }

    [Fact]
    public async Task A_receive_that_missed_its_deadline_loses_no_byte()
    {
        var (channel, raw) = await HalfAsync();
        await using var _ = channel;
        var bytes = Framed(Bytes(40));
        for (var i = 0; i < bytes.Length - 1; i += 9)
        {
            await raw.Output.WriteAsync(bytes.AsMemory(i, Math.Min(9, bytes.Length - 1 - i)));
            var error = await Assert.ThrowsAsync<ChannelTimeoutException>(() => channel.ReceiveAsync(TimeSpan.FromMilliseconds(5), default).AsTask());
            Assert.StartsWith($"{channel.Peer}: waited 0.005 s for a frame", error.Message, StringComparison.Ordinal);
        }

        await raw.Output.WriteAsync(bytes.AsMemory(bytes.Length - 1));
        Same(Bytes(40), await channel.ReceiveAsync(Patience, default));
        raw.Abort();
    }

    [Fact]
    public async Task A_cancelled_receive_ends_and_the_next_one_works()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        using var cancel = new CancellationTokenSource();
        var receiving = b.ReceiveAsync(Patience, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receiving);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => b.ReceiveAsync(Patience, cancel.Token).AsTask());
        await a.SendAsync(Bytes(3), Patience, default);
        Assert.Equal(3, (await b.ReceiveAsync(Patience, default)).Length);
    }

    [Fact]
    public async Task A_sender_to_a_peer_that_never_reads_waits_and_then_says_so()
    {
        var (channel, raw) = await HalfAsync();
        await using var _ = channel;
        var sent = 0L;
        var error = await Assert.ThrowsAsync<ChannelTimeoutException>(async () =>
        {
            for (; sent < 1L << 30; sent += 60_000) await channel.SendAsync(Bytes(60_000), TimeSpan.FromMilliseconds(200), default);
        });
        Assert.StartsWith($"{channel.Peer}: waited 0.2 s for room to send", error.Message, StringComparison.Ordinal);
        // Kernel buffers of loopback sockets included.
        Assert.InRange(sent, 0, 64L << 20);
        var closed = await Assert.ThrowsAsync<ChannelClosedException>(() => channel.SendAsync(Bytes(1), Patience, default).AsTask());
        Assert.Equal(ChannelEnd.Here, closed.End);
        raw.Abort();
    }

    [Fact]
    public async Task Both_sides_hear_a_goodbye_within_a_second()
    {
        // Time stands still: what ends here did not wait for the second to pass.
        var (left, right) = await ChannelsAsync(new VirtualTime());
        await using var a = left;
        await using var b = right;
        var receiving = Task.Run(() => ClosedAsync(b));
        var closing = a.CloseAsync(GoodbyeCode.Demoted, "no longer the primary").AsTask();
        var heard = await receiving.WaitAsync(Patience);
        Assert.Equal((ChannelEnd.Goodbye, GoodbyeCode.Demoted, "no longer the primary"), (heard.End, heard.Goodbye!.Value.Code, heard.Goodbye.Value.Reason));
        Assert.Contains("no longer the primary", heard.Message, StringComparison.Ordinal);
        Assert.Equal(GoodbyeCode.Demoted, (await ClosedAsync(b)).Goodbye!.Value.Code);
        Assert.Equal(GoodbyeCode.Demoted, (await Assert.ThrowsAsync<ChannelClosedException>(() => b.SendAsync(Bytes(1), Patience, default).AsTask())).Goodbye!.Value.Code);
        await b.CloseAsync(GoodbyeCode.Done, "").AsTask().WaitAsync(Patience);
        await closing.WaitAsync(Patience);
        Assert.Equal(ChannelEnd.Here, (await ClosedAsync(a)).End);
    }

    [Fact]
    public async Task Frames_sent_before_a_goodbye_still_come()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        for (var i = 0; i < 20; i++) await a.SendAsync(Bytes(1000), Patience, default);
        var closing = a.CloseAsync(GoodbyeCode.Done, "").AsTask();
        for (var i = 0; i < 20; i++) Assert.Equal(1000, (await b.ReceiveAsync(Patience, default)).Length);
        Assert.Equal(GoodbyeCode.Done, (await ClosedAsync(b)).Goodbye!.Value.Code);
        await b.DisposeAsync();
        await closing;
    }

    [Fact]
    public async Task A_peer_blocked_in_sending_learns_why_within_a_second()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        var sending = Task.Run(async () =>
        {
            while (true) await b.SendAsync(Bytes(60_000), Patience, default);
        });
        await BlockedAsync(b, sending);
        var clock = Stopwatch.StartNew();
        await a.CloseAsync(GoodbyeCode.Busy, "enough");
        var closed = await Assert.ThrowsAsync<ChannelClosedException>(() => sending);
        Assert.True(clock.Elapsed < Promptly, $"{clock.Elapsed}");
        Assert.Equal(GoodbyeCode.Busy, closed.Goodbye?.Code);
    }

    [Fact]
    public async Task A_goodbye_that_is_received_ends_the_send_that_is_under_way()
    {
        // Time stands still: what ends here did not wait for any time-out.
        var (left, right) = await ChannelsAsync(new VirtualTime());
        await using var a = left;
        await using var b = right;
        var sending = Task.Run(async () =>
        {
            while (true) await b.SendAsync(Bytes(60_000), Patience, default);
        });
        await BlockedAsync(b, sending);
        var receiving = ClosedAsync(b);
        var closing = a.CloseAsync(GoodbyeCode.Refused, "go away").AsTask();
        Assert.Equal(GoodbyeCode.Refused, (await receiving.WaitAsync(Patience)).Goodbye!.Value.Code);
        Assert.Equal(GoodbyeCode.Refused, (await Assert.ThrowsAsync<ChannelClosedException>(() => sending.WaitAsync(Patience))).Goodbye!.Value.Code);
        await b.DisposeAsync();
        await closing.WaitAsync(Patience);
    }

    [Fact]
    public async Task Two_sides_blocked_in_sending_to_each_other_part_within_a_second()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        async Task FloodAsync(Channel channel, TimeSpan deadline)
        {
            while (true) await channel.SendAsync(Bytes(60_000), deadline, default);
        }

        var fromA = Task.Run(() => FloodAsync(a, TimeSpan.FromMilliseconds(300)));
        var fromB = Task.Run(() => FloodAsync(b, Patience));
        await Assert.ThrowsAsync<ChannelTimeoutException>(() => fromA);
        var clock = Stopwatch.StartNew();
        await a.CloseAsync(GoodbyeCode.Timeout, "too slow");
        await Assert.ThrowsAsync<ChannelClosedException>(() => fromB);
        Assert.True(clock.Elapsed < Promptly, $"{clock.Elapsed}");
    }

    [Fact]
    public async Task Closing_towards_a_peer_that_does_nothing_takes_no_more_than_its_second()
    {
        var (channel, raw) = await HalfAsync();
        await using var _ = channel;
        var clock = Stopwatch.StartNew();
        await channel.CloseAsync(GoodbyeCode.Done, "");
        Assert.InRange(clock.Elapsed, TimeSpan.FromMilliseconds(900), Promptly);
        raw.Abort();
    }

    [Fact]
    public async Task Dropping_a_channel_ends_all_waits_on_both_sides()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        var mine = ClosedAsync(a);
        var theirs = ClosedAsync(b);
        a.Abort();
        Assert.Equal(ChannelEnd.Here, (await mine).End);
        Assert.Equal(ChannelEnd.Reset, (await theirs).End);
        Assert.Equal(ChannelEnd.Here, (await Assert.ThrowsAsync<ChannelClosedException>(() => a.FlushAsync(Patience, default).AsTask())).End);
        a.Abort();
        await a.CloseAsync(GoodbyeCode.Done, "");
    }

    [Fact]
    public async Task A_reset_ends_a_blocked_send()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        var sending = Task.Run(async () =>
        {
            while (true) await b.SendAsync(Bytes(60_000), Patience, default);
        });
        await BlockedAsync(b, sending);
        a.Abort();
        Assert.Equal(ChannelEnd.Reset, (await Assert.ThrowsAsync<ChannelClosedException>(() => sending)).End);
    }

    [Fact]
    public async Task A_frame_at_hand_stays_as_it_is_when_the_channel_is_dropped_under_it()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        await a.SendAsync(Bytes(300), Patience, default);
        var frame = await b.ReceiveAsync(Patience, default);
        b.Abort();
        for (var i = 0; i < 50; i++)
        {
            var (left2, right2) = await ChannelsAsync();
            await using var c = left2;
            await using var d = right2;
            await c.SendAsync(new byte[300], Patience, default);
            await d.ReceiveAsync(Patience, default);
        }

        Same(Bytes(300), frame);
    }

    [Fact]
    public async Task A_damaged_goodbye_is_the_peers_fault()
    {
        var (channel, raw) = await HalfAsync();
        await using var _ = channel;
        await raw.Output.WriteAsync(Framed([18, 0, 0, 1, 0, 0xff]));
        await Assert.ThrowsAsync<ProtocolException>(() => channel.ReceiveAsync(Patience, default).AsTask());
        raw.Abort();
    }

    [Fact]
    public async Task Many_pairs_close_in_every_order_without_hanging() =>
        await Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[0, 3], Gen.Bool).SampleAsync(async (first, second, frames, isTogether) =>
        {
            var (left, right) = await ChannelsAsync();
            for (var i = 0; i < frames; i++) await left.SendAsync(Bytes(100), Patience, default);
            var reading = Task.Run(async () =>
            {
                while (true) await right.ReceiveAsync(Patience, default);
            });
            Task Do(Channel channel, int how) => how switch
            {
                0 => channel.CloseAsync(GoodbyeCode.Done, "").AsTask(),
                1 => Task.Run(channel.Abort),
                2 => channel.DisposeAsync().AsTask(),
                _ => Task.CompletedTask,
            };
            var one = Do(left, first);
            if (!isTogether) await one.WaitAsync(Patience);
            await Task.WhenAll(one, Do(right, second)).WaitAsync(Patience);
            await left.DisposeAsync();
            await right.DisposeAsync();
            await Assert.ThrowsAsync<ChannelClosedException>(() => reading.WaitAsync(Patience));
        }, iter: 20, threads: 1);

    private static async Task BlockedAsync(Channel channel, Task sending)
    {
        // A sender is blocked when nothing gets flushed between two looks.
        while (true)
        {
            var before = channel.UnflushedBytes;
            await Task.WhenAny(sending, Task.Delay(Short, TimeProvider.System));
            Assert.False(sending.IsCompleted, sending.Exception?.ToString());
            if (channel.UnflushedBytes == before) return;
        }
    }

    private static Task<ChannelClosedException> ClosedAsync(Channel channel) =>
        Assert.ThrowsAsync<ChannelClosedException>(() => channel.ReceiveAsync(Patience, default).AsTask());

    private static byte[] Bytes(int count)
    {
        // Never a goodbye's opcode first.
        var bytes = new byte[count];
        for (var i = 0; i < count; i++) bytes[i] = (byte)((i * 31) + 100 + (count % 97));
        return bytes;
    }

    private static void Same(byte[] expected, ReadOnlyMemory<byte> found) =>
        Assert.True(expected.AsSpan().SequenceEqual(found.Span), $"{found.Length} bytes came that are not the {expected.Length} that were sent");

    private static byte[] Framed(byte[] payload) => [.. BitConverter.GetBytes(payload.Length), .. payload];

    private static async Task<byte[]> ReadAsync(ByteCarrier raw, int count)
    {
        var result = await raw.Input.ReadAtLeastAsync(count);
        return System.Buffers.BuffersExtensions.ToArray(result.Buffer);
    }
}
