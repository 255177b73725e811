using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport.Tests;

/// <summary>Deadlines are the time provider's, to the tick.</summary>
public sealed class VirtualTimeTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_deadline_comes_when_the_time_provider_says_and_not_before()
    {
        var time = new VirtualTime();
        var (left, right) = MemoryChannels.CreatePair(time);
        await using var a = left;
        await using var b = right;
        var receiving = b.ReceiveAsync(Deadline, default).AsTask();
        time.Advance(Deadline - TimeSpan.FromTicks(1));
        Assert.False(receiving.IsCompleted);
        time.Advance(TimeSpan.FromTicks(1));
        var error = await Assert.ThrowsAsync<ChannelTimeoutException>(() => receiving.WaitAsync(Pairs.Patience));
        Assert.Equal("left: waited 30 s for a frame, in vain. The peer is stopped, overloaded or cut off.", error.Message);
    }

    [Fact]
    public async Task A_new_wait_has_a_new_deadline()
    {
        var time = new VirtualTime();
        var (left, right) = MemoryChannels.CreatePair(time);
        await using var a = left;
        await using var b = right;
        for (var i = 0; i < 3; i++)
        {
            var receiving = b.ReceiveAsync(Deadline, default).AsTask();
            time.Advance(Deadline - TimeSpan.FromSeconds(1));
            Assert.False(receiving.IsCompleted);
            await a.SendAsync(new byte[] { 1 }, Deadline, default);
            Assert.Equal(1, (await receiving.WaitAsync(Pairs.Patience)).Length);
        }
    }

    [Fact]
    public async Task A_frame_that_trickles_in_has_one_deadline_in_all()
    {
        var time = new VirtualTime();
        var (carrier, raw) = MemoryChannels.CreateCarriers();
        await using var channel = new Channel(carrier, time);
        var receiving = channel.AcceptServiceAsync(TimeSpan.FromSeconds(10), default).AsTask();
        byte[] bytes = [10, 0, 0, 0, .. "REP_SYNCU"u8];
        foreach (var one in bytes.Take(9))
        {
            await raw.Output.WriteAsync(new[] { one });
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.False(receiving.IsCompleted);
        }

        time.Advance(TimeSpan.FromSeconds(1));
        var error = await Assert.ThrowsAsync<ChannelTimeoutException>(() => receiving.WaitAsync(Pairs.Patience));
        Assert.Equal("a service name", error.Awaited);
    }

    [Fact]
    public async Task A_deadline_that_has_passed_already_still_takes_what_is_there()
    {
        var (left, right) = MemoryChannels.CreatePair(new VirtualTime());
        await using var a = left;
        await using var b = right;
        await a.SendAsync(new byte[] { 1 }, Deadline, default);
        Assert.Equal(1, (await b.ReceiveAsync(TimeSpan.FromSeconds(-5), default)).Length);
        await Assert.ThrowsAsync<ChannelTimeoutException>(() => b.ReceiveAsync(TimeSpan.FromSeconds(-5), default).AsTask());
        await Assert.ThrowsAsync<ChannelTimeoutException>(() => b.ReceiveAsync(TimeSpan.Zero, default).AsTask());
    }

    [Fact]
    public async Task A_sender_waits_for_room_until_its_deadline()
    {
        var time = new VirtualTime();
        var (left, right) = MemoryChannels.CreatePair(time, bytesAhead: 1024);
        await using var a = left;
        await using var b = right;
        var sending = a.SendAsync(new byte[2000], Deadline, default).AsTask();
        Assert.False(sending.IsCompleted);
        time.Advance(Deadline);
        var error = await Assert.ThrowsAsync<ChannelTimeoutException>(() => sending.WaitAsync(Pairs.Patience));
        Assert.Equal("room to send", error.Awaited);
    }

    [Fact]
    public async Task Without_a_deadline_no_timer_is_started()
    {
        var time = new VirtualTime();
        var (left, right) = MemoryChannels.CreatePair(time, bytesAhead: 1024);
        await using var a = left;
        await using var b = right;
        var receiving = b.ReceiveAsync(Timeout.InfiniteTimeSpan, default).AsTask();
        var sending = a.SendAsync(new byte[5000], Timeout.InfiniteTimeSpan, default).AsTask();
        Assert.Equal(5000, (await receiving.WaitAsync(Pairs.Patience)).Length);
        await sending.WaitAsync(Pairs.Patience);
        Assert.Equal(0, time.TimersStarted);
    }

    [Fact]
    public async Task A_close_waits_for_the_peer_by_the_time_provider()
    {
        var time = new VirtualTime();
        var (left, right) = MemoryChannels.CreatePair(time);
        await using var b = right;
        var closing = left.CloseAsync(GoodbyeCode.Done, "").AsTask();
        time.Advance(Channel.CloseTimeout - TimeSpan.FromTicks(1));
        Assert.False(closing.IsCompleted);
        time.Advance(TimeSpan.FromTicks(1));
        await closing.WaitAsync(Pairs.Patience);
        Assert.Equal(GoodbyeCode.Done, (await Assert.ThrowsAsync<ChannelClosedException>(() => b.ReceiveAsync(Deadline, default).AsTask())).Goodbye!.Value.Code);
    }
}
