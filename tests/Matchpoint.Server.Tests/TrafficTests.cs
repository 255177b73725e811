using CsCheck;
using Matchpoint.Journal;
using Matchpoint.Server.Group;

namespace Matchpoint.Server.Tests;

/// <summary>What a node counts, and the rates that follow from it.</summary>
public class TrafficTests
{
    [Fact]
    public void A_quantile_is_never_below_the_latency_and_at_most_one_class_above() => Gen.Double[0.0001, 50_000].Sample(milliseconds =>
    {
        var traffic = new Traffic();
        traffic.Committed(TimeSpan.FromMilliseconds(milliseconds));
        var quantile = traffic.Take(0).Quantile(0.5)!.Value;
        Assert.True(quantile >= milliseconds * 0.999 && (quantile <= milliseconds * 1.4143 || quantile == Traffic.Bounds[0]), $"{milliseconds} -> {quantile}");
    });

    [Fact]
    public void Rates_are_what_was_added_in_the_time_and_a_count_that_began_anew_gives_none()
    {
        var book = new SampleBook();
        var at = DateTimeOffset.UnixEpoch;
        void Add(long commits, long bytes) => book.Add(at += TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2), [("a", new TrafficCounts(commits, 0, bytes, [commits]))]);
        Add(100, 1000);
        Add(300, 5000);
        Add(0, 5000);
        Add(10, 4000);
        var samples = book.Since(0);
        Assert.Equal([100.0, 5.0], samples.Select(sample => sample.Commits));
        Assert.Equal([2000.0, 0.0], samples.Select(sample => sample.Bytes));
        Assert.Empty(book.Since(samples[^1].At));
    }
}
