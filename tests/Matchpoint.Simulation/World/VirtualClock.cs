namespace Matchpoint.Simulation.World;

/// <summary>The clock of one machine: it may run a little fast or slow, and its wall clock may be wrong and jump. What it wakes, it wakes as long as its owner lives.</summary>
/// <param name="scheduler">Where true time comes from.</param>
/// <param name="owner">Who dies, or stands still.</param>
/// <param name="rate">How fast it runs; 1 for right.</param>
internal sealed class VirtualClock(Scheduler scheduler, IOwner owner, double rate) : TimeProvider
{
    private static readonly DateTimeOffset Beginning = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>How wrong the wall clock is.</summary>
    public TimeSpan Skew { get; set; }

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override long GetTimestamp() => (long)(scheduler.Now * rate);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => Beginning + TimeSpan.FromTicks(GetTimestamp()) + Skew;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>The true time at which this clock will have gone on so far.</summary>
    private long After(TimeSpan time) => scheduler.Now + (long)Math.Ceiling(time.Ticks / rate);

    private sealed class Timer(VirtualClock clock, TimerCallback callback, object? state) : ITimer
    {
        private const long Never = long.MaxValue;

        private long _due = Never;
        private long _queued = Never;
        private TimeSpan _period;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _period = period;
            _due = dueTime < TimeSpan.Zero ? Never : clock.After(dueTime);
            // An entry that comes too early looks again; so a deadline that is moved a thousand times takes one entry.
            if (_due < _queued) Queue();
            return true;
        }

        public void Dispose() => _due = Never;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void Queue()
        {
            _queued = _due;
            var at = _due;
            clock.Enqueue(at, () => OnDue(at));
        }

        private void OnDue(long at)
        {
            if (at != _queued) return;
            _queued = Never;
            if (_due == Never) return;
            if (_due > at)
            {
                Queue();
                return;
            }

            _due = _period > TimeSpan.Zero ? clock.After(_period) : Never;
            if (_due != Never) Queue();
            callback(state);
        }
    }

    private void Enqueue(long at, Action action) => scheduler.At(at, owner, action, isTimer: true);
}
