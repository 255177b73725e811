namespace Matchpoint.Copies;

/// <summary>
/// Spreads bytes over time: never more than the rate since it began, and, over any time after a pause, than the rate and <see cref="Slack"/> of it. Timers that ring late and disks that stall
/// take their part of that slack, so that a steady transfer keeps its rate.
/// </summary>
/// <param name="bytesPerSecond">The rate.</param>
/// <param name="now">The time at which it begins.</param>
internal sealed class CopyThrottle(long bytesPerSecond, TimeSpan now)
{
    /// <summary>How much time that was not used is made up for.</summary>
    public static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(250);

    private TimeSpan _nextAt = now;

    /// <summary>How long so many bytes must wait before they are sent.</summary>
    public TimeSpan WaitFor(int bytes, TimeSpan now)
    {
        if (_nextAt < now - Slack) _nextAt = now - Slack;
        _nextAt += TimeSpan.FromSeconds((double)bytes / bytesPerSecond);
        return _nextAt > now ? _nextAt - now : TimeSpan.Zero;
    }
}
