using Matchpoint.Cli.Torture;

namespace Matchpoint.Cli.Tests;

/// <summary>A torture would find a loss: false answers are told from true ones.</summary>
public sealed class CounterTruthTests
{
    private readonly CounterTruth _truth = new(7);

    [Fact]
    public void What_was_acknowledged_and_is_there_is_right()
    {
        Acknowledge(3);
        Assert.Null(_truth.OnRead("3", "a"));
        Assert.Null(_truth.WhyWrong("3", Entries(3)));
    }

    [Fact]
    public void Nothing_is_right_where_nothing_was_written()
    {
        Assert.Null(_truth.OnRead(null, "a"));
        Assert.Null(_truth.WhyWrong(null, []));
    }

    [Theory]
    [InlineData("2", "counter/7 is 2, and 3 was acknowledged")]
    [InlineData(null, "counter/7 is 0, and 3 was acknowledged")]
    [InlineData("4", "counter/7 is 4, and was never written: it was known to be 3")]
    [InlineData("three", "counter/7 is 'three', and that was never written")]
    [InlineData("-3", "counter/7 is '-3', and that was never written")]
    public void A_counter_that_lost_what_was_acknowledged_or_holds_what_was_never_written_is_told(string? counter, string told)
    {
        Acknowledge(3);
        Assert.Equal(told, _truth.WhyWrong(counter, Entries(counter is null ? 0 : int.TryParse(counter, out var count) ? count : 3)));
    }

    [Fact]
    public void An_acknowledged_entry_that_is_gone_is_told()
    {
        Acknowledge(3);
        Assert.Equal("entry/7/0000000003 was found where entry/7/0000000002 has to be", _truth.WhyWrong("3", Entries(3).Where(static (_, i) => i != 1)));
        Assert.Equal("counter/7 is 3, and there are 2 entries", _truth.WhyWrong("3", Entries(2)));
        Assert.Equal("counter/7 is 3, and there are 0 entries", _truth.WhyWrong("3", []));
    }

    [Fact]
    public void An_entry_that_was_never_written_is_told()
    {
        Acknowledge(3);
        Assert.Equal("counter/7 is 3, and there are 4 entries", _truth.WhyWrong("3", Entries(4)));
        Assert.Equal("entry/7/0000000002 is '9', and '2' was written", _truth.WhyWrong("3", Entries(3).Select(static (entry, i) => i == 1 ? (entry.Key, "9") : entry)));
        Assert.Equal("entry/7/x was found where entry/7/0000000004 has to be", _truth.WhyWrong("3", Entries(3).Append(("entry/7/x", "4"))));
    }

    [Theory]
    [InlineData("2")]
    [InlineData("4")]
    [InlineData(null)]
    public void A_read_that_is_led_back_or_ahead_is_told(string? found)
    {
        Acknowledge(3);
        Assert.Equal($"counter/7 is {found ?? "0"}, read linearizably at b; it was known to be 3", _truth.OnRead(found, "b"));
    }

    [Fact]
    public void A_read_that_is_undone_is_told_by_the_next()
    {
        Acknowledge(2);
        Lose();
        Assert.Null(_truth.OnRead("3", "a"));
        Assert.Equal("counter/7 is 2, read linearizably at b; it was known to be 3", _truth.OnRead("2", "b"));
    }

    [Fact]
    public void A_read_that_is_undone_is_told_by_the_check()
    {
        Acknowledge(2);
        Lose();
        Assert.Null(_truth.OnRead("3", "a"));
        Assert.Equal("counter/7 is 2, and 3 was acknowledged", _truth.WhyWrong("2", Entries(2)));
    }

    [Fact]
    public void What_was_never_written_is_told_by_a_read()
    {
        Acknowledge(1);
        Assert.Equal("counter/7 is 'x', read linearizably at c, and that was never written", _truth.OnRead("x", "c"));
    }

    [Fact]
    public void What_nobody_knows_may_be_there_or_not_but_no_more_than_that()
    {
        Acknowledge(2);
        Lose();
        Assert.Null(_truth.WhyWrong("2", Entries(2)));
        Assert.Null(_truth.WhyWrong("3", Entries(3)));
        Assert.Equal("counter/7 is 4, and was never written: it was known to be 2, or one more", _truth.WhyWrong("4", Entries(4)));
    }

    [Fact]
    public void What_nobody_knew_cannot_be_there_any_more_once_its_successor_is()
    {
        Acknowledge(2);
        Lose();
        Assert.Null(_truth.OnRead("2", "a"));
        Acknowledge(1);
        Assert.Equal("counter/7 is 4, read linearizably at a; it was known to be 3", _truth.OnRead("4", "a"));
    }

    [Fact]
    public void What_was_refused_was_not_written()
    {
        Acknowledge(2);
        _truth.OnAsked();
        Assert.False(_truth.IsKnown);
        _truth.OnRefused();
        Assert.True(_truth.IsKnown);
        Assert.Equal("counter/7 is 3, read linearizably at a; it was known to be 2", _truth.OnRead("3", "a"));
    }

    private void Acknowledge(int times)
    {
        for (var i = 0; i < times; i++)
        {
            _truth.OnAsked();
            _truth.OnAcknowledged();
        }
    }

    private void Lose()
    {
        _truth.OnAsked();
        _truth.OnUnknown();
    }

    private IEnumerable<(string Key, string Value)> Entries(int count) => Enumerable.Range(1, Math.Max(0, count)).Select(value => (_truth.Entry(value), CounterTruth.Text(value)));
}
