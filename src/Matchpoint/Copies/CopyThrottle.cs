namespace Matchpoint.Copies;

/// <summary>
/// Spreads bytes over time: never more than the rate since it began, and, over any time after a pause, than the rate and the slack of it. Timers that ring late and disks that stall
/// take their part of that slack, so that a steady transfer keeps its rate. The rate may be another with every call.
/// </summary>
/// <param name="slack">How much time that was not used is made up for.</param>
/// <param name="now">The time at which it begins.</param>
internal sealed class CopyThrottle(TimeSpan slack, TimeSpan now)
{
    private TimeSpan _nextAt = now;

    /// <summary>How long so many bytes must wait before they are sent.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="bytesPerSecond">The rate; infinity for as many as go.</param>
    /// <param name="now">The time.</param>
    public TimeSpan WaitFor(int bytes, double bytesPerSecond, TimeSpan now)
    {
        if (_nextAt < now - slack) _nextAt = now - slack;
        _nextAt += TimeSpan.FromSeconds(bytes / bytesPerSecond);
        return _nextAt > now ? _nextAt - now : TimeSpan.Zero;
    }
}
