using Matchpoint.Copies;

namespace Matchpoint.Tests.Node;

/// <summary>What a donor gives away keeps to the rate, whatever timers and disks do.</summary>
public class CopyThrottleTests
{
    private const int Chunk = 1024 * 1024;
    private const long Rate = 10_000_000;

    [Theory]
    [InlineData(0, 0)]
    [InlineData(4, 3)]
    [InlineData(60, 20)]
    public void A_steady_transfer_keeps_the_rate_though_timers_ring_late_and_sending_takes_time(int lateMilliseconds, int sendingMilliseconds)
    {
        var throttle = new CopyThrottle(CopyPacer.Slack, TimeSpan.Zero);
        var now = TimeSpan.Zero;
        const int chunks = 300;
        for (var i = 0; i < chunks; i++)
        {
            var wait = throttle.WaitFor(Chunk, Rate, now);
            if (wait > TimeSpan.Zero) now += wait + TimeSpan.FromMilliseconds(lateMilliseconds);
            Assert.True((i + 1L) * Chunk <= Rate * now.TotalSeconds + 1, $"{i + 1} chunks after {now}");
            now += TimeSpan.FromMilliseconds(sendingMilliseconds);
        }

        Assert.InRange(chunks * (double)Chunk / now.TotalSeconds, Rate * 0.98, Rate);
    }

    [Fact]
    public void A_pause_is_made_up_for_by_no_more_than_the_slack()
    {
        var throttle = new CopyThrottle(CopyPacer.Slack, TimeSpan.Zero);
        var now = TimeSpan.FromMinutes(5);
        var sent = 0L;
        for (; throttle.WaitFor(Chunk, Rate, now) == TimeSpan.Zero; sent += Chunk) Assert.True(sent < Rate);
        Assert.InRange(sent, 0, Rate * CopyPacer.Slack.TotalSeconds);
    }
}
