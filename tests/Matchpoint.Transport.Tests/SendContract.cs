using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport.Tests;

/// <summary>The contract over pipes in memory.</summary>
public sealed class MemorySendTests : SendContract
{
    internal override ValueTask<(ByteCarrier Left, ByteCarrier Right)> CarriersAsync() => ValueTask.FromResult(MemoryPair.Create());
}

/// <summary>The contract over TCP.</summary>
public sealed class TcpSendTests : SendContract
{
    internal override ValueTask<(ByteCarrier Left, ByteCarrier Right)> CarriersAsync() => TcpPair.CreateAsync();
}

/// <summary>The contract over TLS.</summary>
public sealed class TlsSendTests : SendContract
{
    internal override ValueTask<(ByteCarrier Left, ByteCarrier Right)> CarriersAsync() => TlsPair.CreateAsync();
}

/// <summary>What a send that fails leaves behind, whatever carries the bytes.</summary>
public abstract class SendContract : Pairs
{
    [Fact]
    public async Task A_send_that_is_given_up_ends_the_receive_that_waits_beside_it()
    {
        var (channel, raw) = await HalfAsync();
        await using var _ = channel;
        var receiving = channel.ReceiveAsync(Timeout.InfiniteTimeSpan, default).AsTask();
        await Assert.ThrowsAsync<ChannelTimeoutException>(async () =>
        {
            while (true) await channel.SendAsync(new byte[60_000], TimeSpan.FromMilliseconds(200), default);
        });
        var closed = await Assert.ThrowsAsync<ChannelClosedException>(() => receiving.WaitAsync(Patience));
        Assert.Equal(ChannelEnd.Here, closed.End);
        Assert.Contains("a send was given up half-way", closed.Message, StringComparison.Ordinal);
        raw.Abort();
    }

    [Fact]
    public async Task A_frame_that_is_too_long_to_send_leaves_the_channel_as_it_was()
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        await Assert.ThrowsAsync<InvariantException>(() => a.SendAsync(new byte[Limits.FrameBytes + 1], Patience, default).AsTask());
        Assert.Equal(0, a.UnflushedBytes);
        await a.SendAsync(new byte[3], Patience, default);
        Assert.Equal(3, (await b.ReceiveAsync(Patience, default)).Length);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(100_000)]
    public async Task A_send_that_was_cancelled_before_it_began_sends_nothing(int size)
    {
        var (left, right) = await ChannelsAsync();
        await using var a = left;
        await using var b = right;
        await Assert.ThrowsAsync<OperationCanceledException>(() => a.SendAsync(new byte[size], Patience, new CancellationToken(canceled: true)).AsTask());
        Assert.Equal(0, a.UnflushedBytes);
        await a.SendAsync(new byte[5], Patience, default);
        Assert.Equal(5, (await b.ReceiveAsync(Patience, default)).Length);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(100_000)]
    public async Task A_send_behind_the_end_says_how_the_channel_ended(int size)
    {
        var (left, right) = await ChannelsAsync();
        await using var b = right;
        await left.CloseAsync(GoodbyeCode.Done, "enough");
        var closed = await Assert.ThrowsAsync<ChannelClosedException>(() => left.SendAsync(new byte[size], Patience, default).AsTask());
        Assert.Equal(ChannelEnd.Here, closed.End);
        Assert.Contains("enough", closed.Message, StringComparison.Ordinal);
    }
}
