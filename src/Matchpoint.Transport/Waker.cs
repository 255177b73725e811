namespace Matchpoint.Transport;

/// <summary>
/// Interrupts one wait at a time when its deadline comes or its token is cancelled, and never without either. One timer for all the waits of a direction, made when
/// the first finite deadline asks for it: waiting allocates nothing.
/// </summary>
internal sealed class Waker(TimeProvider time, Action interrupt) : IDisposable
{
    private const long Idle = 0;
    private const long Armed = 1;
    private const long Over = 2;
    private const long Statuses = 3;
    private const long OneWait = 4;

    // The number of the wait and its status in one word: a callback that is late for its own wait cannot end the next one.
    private long _state;
    private ITimer? _timer;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;
    private long _startedAt;
    private TimeSpan _deadline;

    /// <summary>Whether the last wait was interrupted.</summary>
    public bool IsOver => (Volatile.Read(ref _state) & Statuses) == Over;

    /// <summary>Begins a wait.</summary>
    public void Arm(TimeSpan deadline, CancellationToken cancellation)
    {
        _startedAt = time.GetTimestamp();
        _deadline = deadline;
        _cancellation = cancellation;
        Volatile.Write(ref _state, ((_state & ~Statuses) + OneWait) | Armed);
        if (deadline != Timeout.InfiniteTimeSpan)
        {
            _timer ??= time.CreateTimer(static state => ((Waker)state!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(deadline > TimeSpan.Zero ? deadline : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }

        if (cancellation.CanBeCanceled) _registration = cancellation.UnsafeRegister(static state => ((Waker)state!).Wake(), this);
    }

    /// <summary>The wait has ended by itself or by an interruption: whether it was interrupted.</summary>
    public bool Disarm()
    {
        var state = Volatile.Read(ref _state);
        var isOver = (state & Statuses) == Over || Interlocked.CompareExchange(ref _state, (state & ~Statuses) | Idle, state) != state;
        if (_deadline != Timeout.InfiniteTimeSpan) _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _registration.Unregister();
        _registration = default;
        return isOver;
    }

    /// <summary>Why the wait was interrupted.</summary>
    public Exception Failure(string peer, string awaited) =>
        _cancellation.IsCancellationRequested ? new OperationCanceledException(_cancellation) : new ChannelTimeoutException(peer, awaited, _deadline);

    /// <summary>Stops the timer.</summary>
    public void Dispose()
    {
        _timer?.Dispose();
        _registration.Unregister();
    }

    private void Wake()
    {
        var state = Volatile.Read(ref _state);
        if ((state & Statuses) != Armed) return;
        if (!_cancellation.IsCancellationRequested)
        {
            if (_deadline == Timeout.InfiniteTimeSpan) return;
            // Timers are coarser than timestamps and may come a little early.
            var left = _deadline - time.GetElapsedTime(_startedAt);
            if (left > TimeSpan.Zero)
            {
                _timer?.Change(left + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
                return;
            }
        }

        if (Interlocked.CompareExchange(ref _state, (state & ~Statuses) | Over, state) == state) interrupt();
    }
}
