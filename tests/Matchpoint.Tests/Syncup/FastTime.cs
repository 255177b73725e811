namespace Matchpoint.Tests.Syncup;

/// <summary>Time that runs so many times as fast: a deadline of half a minute is over in a moment. It may begin as usual and be quickened.</summary>
internal sealed class FastTime(int times) : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly DateTimeOffset _startedAt = System.GetUtcNow();
    private readonly List<Fast> _timers = [];
    private int _times = times;
    private long _changedAt = System.GetTimestamp();
    private long _timestampThen;

    public override DateTimeOffset GetUtcNow() => _startedAt + GetElapsedTime(0);

    public override long GetTimestamp()
    {
        lock (_gate) return Timestamp_Locked();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Fast(this, () => callback(state));
        lock (_gate) _timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>From now on time runs so many times as fast, for the waits that are under way too.</summary>
    public void Quicken(int times)
    {
        lock (_gate)
        {
            _timestampThen = Timestamp_Locked();
            _changedAt = System.GetTimestamp();
            _times = times;
            foreach (var timer in _timers) timer.Arm_Locked();
        }
    }

    private long Timestamp_Locked() => _timestampThen + ((System.GetTimestamp() - _changedAt) * _times);

    /// <summary>A timer of one shot: nobody here asks for another.</summary>
    private sealed class Fast : ITimer
    {
        private readonly FastTime _time;
        private readonly Action _run;
        private readonly ITimer _timer;
        private TimeSpan? _wait;
        private long _setAt;

        public Fast(FastTime time, Action run)
        {
            _time = time;
            _run = run;
            _timer = System.CreateTimer(_ => Run(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Assert.Equal(Timeout.InfiniteTimeSpan, period);
            lock (_time._gate)
            {
                _wait = dueTime == Timeout.InfiniteTimeSpan ? null : dueTime;
                _setAt = _time.Timestamp_Locked();
                return Arm_Locked();
            }
        }

        public bool Arm_Locked()
        {
            if (_wait is not { } wait) return _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            var left = wait - _time.GetElapsedTime(_setAt, _time.Timestamp_Locked());
            return _timer.Change(left > TimeSpan.Zero ? left / _time._times : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            lock (_time._gate) _time._timers.Remove(this);
            _timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            lock (_time._gate) _time._timers.Remove(this);
            return _timer.DisposeAsync();
        }

        private void Run()
        {
            lock (_time._gate) _wait = null;
            _run();
        }
    }
}
