namespace Matchpoint.Transport;

/// <summary>
/// Interrupts one wait at a time when its deadline comes or its token is cancelled. One timer for all the waits of a direction: waiting allocates nothing. A wake that comes too
/// late hits the next wait, which looks again and goes on.
/// </summary>
internal sealed class Waker : IDisposable
{
    private readonly TimeProvider _time;
    private readonly Action _interrupt;
    private readonly ITimer _timer;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;
    private long _startedAt;
    private TimeSpan _deadline;

    /// <summary>A waker that interrupts by the given call.</summary>
    public Waker(TimeProvider time, Action interrupt)
    {
        _time = time;
        _interrupt = interrupt;
        _timer = time.CreateTimer(static state => ((Waker)state!)._interrupt(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Begins a wait.</summary>
    public void Arm(TimeSpan deadline, CancellationToken cancellation)
    {
        _startedAt = _time.GetTimestamp();
        _deadline = deadline;
        _cancellation = cancellation;
        if (deadline != Timeout.InfiniteTimeSpan) _timer.Change(deadline > TimeSpan.Zero ? deadline : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        if (cancellation.CanBeCanceled) _registration = cancellation.UnsafeRegister(static state => ((Waker)state!)._interrupt(), this);
    }

    /// <summary>The wait is over.</summary>
    public void Disarm()
    {
        if (_deadline != Timeout.InfiniteTimeSpan) _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _registration.Dispose();
        _registration = default;
    }

    /// <summary>After an interruption: throws when the wait is over for good, returns when it was meant for an earlier one.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ChannelTimeoutException">The deadline has come.</exception>
    public void ThrowIfOver(string peer, string awaited)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (_deadline == Timeout.InfiniteTimeSpan) return;

        // Timers are a little coarser than timestamps: a wake just before the deadline counts.
        var slack = TimeSpan.FromMilliseconds(20);
        var left = _deadline - _time.GetElapsedTime(_startedAt);
        if (left <= slack) throw new ChannelTimeoutException(peer, awaited, _deadline);

        // This wake may have been the timer's own, come too early: without another the wait would never end.
        _timer.Change(left, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Stops the timer.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        _registration.Dispose();
    }
}
