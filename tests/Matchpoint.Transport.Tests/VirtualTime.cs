namespace Matchpoint.Transport.Tests;

/// <summary>Time that stands still until a test moves it. It counts the timers that were ever started.</summary>
internal sealed class VirtualTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<VirtualTimer> _timers = [];
    private TimeSpan _now;

    /// <summary>How many timers were ever given a due time.</summary>
    public int TimersStarted { get; private set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp()
    {
        lock (_gate) return _now.Ticks;
    }

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(GetTimestamp());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(this, () => callback(state));
        lock (_gate) _timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves time on and runs what is due.</summary>
    public void Advance(TimeSpan by)
    {
        lock (_gate) _now += by;
        while (true)
        {
            VirtualTimer? due;
            lock (_gate)
            {
                due = _timers.Where(timer => timer.DueAt <= _now).MinBy(timer => timer.DueAt);
                if (due is not null) due.DueAt = null;
            }

            if (due is null) return;
            due.Run();
        }
    }

    private sealed class VirtualTimer(VirtualTime time, Action run) : ITimer
    {
        public TimeSpan? DueAt { get; set; }

        public void Run() => run();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._gate)
            {
                DueAt = dueTime == Timeout.InfiniteTimeSpan ? null : time._now + dueTime;
                if (DueAt is not null) time.TimersStarted++;
            }

            return true;
        }

        public void Dispose()
        {
            lock (time._gate) time._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
