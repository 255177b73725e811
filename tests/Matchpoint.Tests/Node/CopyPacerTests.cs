using Matchpoint.Copies;
using Matchpoint.Node;

namespace Matchpoint.Tests.Node;

/// <summary>A transfer gives way to commits that pay for it, to no others, and never stands still.</summary>
public class CopyPacerTests
{
    private const int Chunk = 1024 * 1024;

    private static readonly TimeSpan Usual = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(20);

    [Fact]
    public void Without_commits_it_never_waits()
    {
        var pacer = new CopyPacer(null, Usual, TimeSpan.Zero);
        for (var i = 0; i < 1000; i++) Assert.Equal(TimeSpan.Zero, pacer.WaitFor(Chunk, 0, TimeSpan.Zero));
        Assert.Null(pacer.BytesPerSecond);
    }

    [Fact]
    public void Beside_commits_that_do_not_suffer_it_is_at_full_speed_soon()
    {
        var pacer = new CopyPacer(null, Usual, TimeSpan.Zero);
        for (var i = 0; i < 2500; i++) pacer.Flushed(Usual, At(i));
        Assert.True(pacer.BytesPerSecond > 1e9, $"{pacer.BytesPerSecond}");
    }

    [Fact]
    public void Many_flushes_in_a_moment_do_not_make_it_much_faster()
    {
        var pacer = new CopyPacer(null, Usual, TimeSpan.Zero);
        for (var i = 0; i < 10_000; i++) pacer.Flushed(Usual, TimeSpan.FromMilliseconds(0.1 * i));
        Assert.InRange(pacer.BytesPerSecond!.Value, CopyPacer.First * 1.99, CopyPacer.First * 2);
    }

    [Theory]
    [InlineData(50)]
    [InlineData(200)]
    public void Every_hundredth_slow_flush_is_what_it_settles_at(int oneOf)
    {
        var pacer = new CopyPacer(null, Usual, TimeSpan.Zero);
        for (var i = 0; i < 20_000; i++) pacer.Flushed(i % oneOf == 0 ? Slow : Usual, At(i));
        Assert.Equal(oneOf < 100, pacer.BytesPerSecond < CopyPacer.First);
    }

    [Fact]
    public void However_slow_flushes_are_it_goes_on_at_its_least_rate()
    {
        var pacer = new CopyPacer(null, Usual, TimeSpan.Zero);
        for (var i = 0; i < 1000; i++) pacer.Flushed(Slow, At(i));
        Assert.InRange(RateOf(pacer, growth: 0), CopyPacer.Least * 0.95, CopyPacer.Least * 1.05);
    }

    [Fact]
    public void It_outruns_the_log_that_is_held_behind_it()
    {
        var pacer = new CopyPacer(null, Usual, TimeSpan.Zero);
        for (var i = 0; i < 1000; i++) pacer.Flushed(Slow, At(i));
        Assert.InRange(RateOf(pacer, growth: 40e6), 2 * 40e6 * 0.95, 2 * 40e6 * 1.05);
    }

    [Theory]
    [InlineData(10_000_000L)]
    [InlineData(100_000L)]
    [InlineData(100_000_000L)]
    public void The_operators_rate_is_kept_whatever_commits_pay(long rate)
    {
        var pacer = new CopyPacer(rate, Usual, TimeSpan.Zero);
        for (var i = 0; i < 1000; i++) pacer.Flushed(Slow, At(i));
        Assert.InRange(RateOf(pacer, growth: 0), rate * 0.95, rate * 1.001);
    }

    [Fact]
    public void The_operators_rate_is_never_exceeded_however_much_is_written()
    {
        var pacer = new CopyPacer(1_000_000, Usual, TimeSpan.Zero);
        for (var i = 0; i < 1000; i++) pacer.Flushed(Slow, At(i));
        Assert.InRange(RateOf(pacer, growth: 40e6), 950_000, 1_001_000);
    }

    [Fact]
    public void Single_flushes_hold_up_nothing_and_many_do_until_they_stop()
    {
        var time = new ManualTime();
        var pacing = new CopyPacing(new NodeClock(time));
        var pacer = pacing.Begin(null);
        for (var i = 0; i < 100; i++) Flush(CopyPacing.Pause * 2);
        Assert.Null(pacer.BytesPerSecond);
        for (var i = 1; i < CopyPacing.Run; i++) Flush(CopyPacing.Pause / 2); // The last before them is the first of them.
        Assert.Equal(CopyPacer.First, pacer.BytesPerSecond);
        Assert.True(pacing.WaitFor(pacer, Chunk) > TimeSpan.Zero);
        time.Advance(CopyPacing.Pause * 2);
        Assert.Equal(TimeSpan.Zero, pacing.WaitFor(pacer, Chunk));
        Assert.Null(pacer.BytesPerSecond);

        void Flush(TimeSpan after)
        {
            time.Advance(after);
            pacing.Flushed(Slow);
        }
    }

    [Fact]
    public void What_is_slow_is_measured_before_a_transfer_and_not_during_one()
    {
        var time = new ManualTime();
        var pacing = new CopyPacing(new NodeClock(time));
        Assert.Equal(CopyPacing.Unknown, Begun());
        for (var i = 0; i < 2000; i++) pacing.Flushed(Usual);
        var pacer = pacing.Begin(null);
        Assert.Equal(CopyPacer.First, pacer.BytesPerSecond); // Commits came one after another when it began.
        Assert.Equal(Usual * 1.5, pacer.Bound);
        for (var i = 0; i < 2000; i++) pacing.Flushed(Slow);
        Assert.Equal(CopyPacer.Least, pacer.BytesPerSecond);
        Assert.Equal(Usual * 1.5, Begun());
        pacing.End(pacer);
        for (var i = 0; i < 2000; i++) pacing.Flushed(TimeSpan.FromMicroseconds(100));
        Assert.Equal(CopyPacer.Least, pacer.BytesPerSecond); // It has ended, and hears no more.
        Assert.Equal(CopyPacing.Quick, Begun());

        TimeSpan Begun()
        {
            var begun = pacing.Begin(null);
            pacing.End(begun);
            return begun.Bound;
        }
    }

    [Fact]
    public void What_is_written_to_the_log_is_outrun()
    {
        var time = new ManualTime();
        var pacing = new CopyPacing(new NodeClock(time));
        var pacer = pacing.Begin(null);
        for (var i = 0; i < 5000; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            pacing.Wrote(40_000);
            pacing.Flushed(Slow);
        }

        var began = time.GetUtcNow();
        for (var i = 0; i < 100; i++) Step();
        Assert.InRange(100.0 * Chunk / (time.GetUtcNow() - began).TotalSeconds, 70e6, 90e6);

        void Step()
        {
            var until = time.GetUtcNow() + pacing.WaitFor(pacer, Chunk);
            while (time.GetUtcNow() < until)
            {
                time.Advance(TimeSpan.FromMilliseconds(1));
                pacing.Wrote(40_000);
                pacing.Flushed(Slow);
            }
        }
    }

    /// <summary>When the nth flush is done: a hundred in a second.</summary>
    private static TimeSpan At(int n) => TimeSpan.FromMilliseconds(10 * n);

    private static double RateOf(CopyPacer pacer, double growth)
    {
        var now = TimeSpan.Zero;
        for (var i = 0; i < 200; i++) now += pacer.WaitFor(Chunk, growth, now);
        return 200.0 * Chunk / now.TotalSeconds;
    }
}
