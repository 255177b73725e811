using Matchpoint.Protocol;

namespace Matchpoint.Copies;

/// <summary>
/// How fast one transfer may go: at the operator's rate where one is set, else as fast as commits bear it. What they pay is seen in the log's flushes: one that takes longer than <see cref="Bound"/>
/// takes a fifth off the rate, every other adds a little, so that about one of a hundred is slow in the end, and one of a hundred is what the 99th percentile leaves out. Without commits there is
/// nothing to be careful of. Not for two threads at once: <see cref="CopyPacing"/> sees to that.
/// </summary>
/// <param name="most">The operator's rate in bytes per second; null for as many as commits bear.</param>
/// <param name="bound">A flush that takes longer is slow.</param>
/// <param name="now">The time at which the transfer begins.</param>
internal sealed class CopyPacer(long? most, TimeSpan bound, TimeSpan now)
{
    /// <summary>It goes on this fast at least, in bytes per second, whatever it costs.</summary>
    public const double Least = 8 * 1024 * 1024;

    /// <summary>How fast it begins beside commits, in bytes per second. Where nobody suffers it is twice as fast a second later.</summary>
    public const double First = 16 * 1024 * 1024;

    /// <summary>It is at least so many times as fast as the log grows, or the log that is held behind the copy would run out.</summary>
    public const double OverGrowth = 2;

    /// <summary>How much time that was not used is made up for under the operator's rate.</summary>
    public static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(250);

    private const double AfterSlow = 0.8;
    private const double AfterQuick = 1.002;
    private const double Unbounded = 1e12;

    /// <summary>Less than <see cref="Slack"/>: a pause is not made up for by a burst, which is what commits suffer from.</summary>
    private static readonly TimeSpan PaceSlack = TimeSpan.FromMilliseconds(20);

    private readonly CopyThrottle _throttle = new(most is null ? PaceSlack : Slack, now);
    private TimeSpan _flushedAt = now;

    /// <summary>A flush that takes longer is slow.</summary>
    public TimeSpan Bound { get; } = bound;

    /// <summary>The rate in bytes per second for the sake of commits; null while there are none.</summary>
    public double? BytesPerSecond { get; private set; }

    /// <summary>The log was flushed while commits come one after another.</summary>
    /// <param name="took">How long it took.</param>
    /// <param name="now">The time.</param>
    public void Flushed(TimeSpan took, TimeSpan now)
    {
        // Thousands of flushes a second would have it overshoot before the disk has anything to say to it: it takes a second at least to double.
        var quick = Math.Min(AfterQuick, Math.Pow(2, (now - _flushedAt).TotalSeconds));
        _flushedAt = now;
        BytesPerSecond = BytesPerSecond is not { } rate ? First : Math.Clamp(rate * (took > Bound ? AfterSlow : quick), Least, Unbounded);
    }

    /// <summary>Nobody commits any more.</summary>
    public void Quiet() => BytesPerSecond = null;

    /// <summary>How long so many bytes must wait before they are sent.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="growth">How fast the log grows, in bytes per second.</param>
    /// <param name="now">The time.</param>
    public TimeSpan WaitFor(int bytes, double growth, TimeSpan now)
    {
        Invariant.Holds(growth >= 0, $"the log grows by {growth} bytes a second.");
        if (most is { } given) return _throttle.WaitFor(bytes, given, now);
        return BytesPerSecond is { } rate ? _throttle.WaitFor(bytes, Math.Max(rate, OverGrowth * growth), now) : TimeSpan.Zero;
    }
}
