using Matchpoint.Cli.Bench;

namespace Matchpoint.Cli.Tests;

/// <summary>What is said of many measurements.</summary>
public class BenchFiguresTests
{
    [Theory]
    [InlineData(new[] { 5.0 }, 5, 5, 5)]
    [InlineData(new[] { 9.0, 1, 5 }, 5, 1, 9)]
    [InlineData(new[] { 4.0, 1, 8, 2 }, 3, 1, 8)]
    [InlineData(new[] { 7.0, 7, 1, 7 }, 7, 1, 7)]
    public void Typical_of_runs_is_the_one_in_the_middle_with_the_least_and_the_most(double[] runs, double median, double least, double most) =>
        Assert.Equal(new Typical(median, least, most), Typical.Of(runs));

    [Fact]
    public void Nothing_is_typical_of_no_runs() => Assert.Throws<ArgumentException>(() => Typical.Of([]));

    [Fact]
    public void Half_took_no_longer_than_the_p50_and_of_a_hundred_ninety_nine_no_longer_than_the_p99()
    {
        // 1 to 200, in no order.
        var microseconds = Enumerable.Range(1, 200).Select(static i => (double)(i * 77 % 201)).ToList();
        var spread = Spread.Of(microseconds);
        Assert.Equal(200, spread.Count);
        Assert.InRange(microseconds.Count(time => time <= spread.P50), 100, 101);
        Assert.InRange(microseconds.Count(time => time <= spread.P99), 198, 199);
    }

    [Fact]
    public void A_spread_of_nothing_is_all_zero() => Assert.Equal(default, Spread.Of([]));
}
