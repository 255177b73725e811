using System.Threading.Tasks.Sources;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Storage.Log;

/// <summary>What a waiter waits for.</summary>
internal enum WaitFor : byte
{
    /// <summary>Room to append.</summary>
    Room,

    /// <summary>A record to be handed to the operating system.</summary>
    Written,

    /// <summary>A record to be on the device.</summary>
    Flushed,
}

/// <summary>
/// One wait for the log to get somewhere. Pooled: waiting allocates nothing. It is completed on the thread pool, never on the
/// thread that writes the log.
/// </summary>
internal sealed class LogWaiter : IValueTaskSource, IThreadPoolWorkItem
{
    private readonly LogWaiters _owner;
    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _cancellation;
    private Exception? _error;

    /// <summary>A waiter of a pool.</summary>
    public LogWaiter(LogWaiters owner) => _owner = owner;

    /// <summary>The next one in whatever list it is in.</summary>
    public LogWaiter? Next { get; set; }

    /// <summary>What it waits for.</summary>
    public WaitFor For { get; set; }

    /// <summary>The record it waits for.</summary>
    public Vlsn Target { get; set; }

    /// <summary>The wait as a task.</summary>
    public ValueTask Task => new(this, _core.Version);

    /// <summary>Watches the token; called outside the lock, as the callback may run at once.</summary>
    public void WatchCancellation(CancellationToken cancellation)
    {
        if (!cancellation.CanBeCanceled) return;
        _cancellation = cancellation.UnsafeRegister(
            static (state, token) => ((LogWaiter)state!).Cancel(token), this);
    }

    /// <summary>Hands the result over on the thread pool.</summary>
    public void Complete(Exception? error)
    {
        _error = error;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <inheritdoc/>
    void IThreadPoolWorkItem.Execute()
    {
        if (_error is null) _core.SetResult(result: true);
        else _core.SetException(_error);
    }

    /// <inheritdoc/>
    void IValueTaskSource.GetResult(short token)
    {
        // Asked too early, or a second time, it must not go back to the pool: it would be in use twice. A second time throws here.
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending)
            throw new InvalidOperationException("The wait is not over: await it.");
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            _cancellation.Dispose(); // Waits for a callback under way, so that it cannot hit the next user.
            _cancellation = default;
            _error = null;
            _core.Reset();
            _owner.Return(this);
        }
    }

    /// <inheritdoc/>
    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    /// <inheritdoc/>
    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken cancellation)
    {
        if (_owner.Remove(this)) Complete(new OperationCanceledException(cancellation));
    }
}

/// <summary>The waits for a log, and the pool of spent ones. Members ending in <c>_Locked</c> need the lock it was given.</summary>
internal sealed class LogWaiters
{
    private const int Pooled = 1024;

    private readonly Lock _gate;
    private LogWaiter? _waiting;
    private LogWaiter? _pool;
    private int _pooled;

    /// <summary>Waiters guarded by their log's lock.</summary>
    public LogWaiters(Lock gate) => _gate = gate;

    /// <summary>A new wait.</summary>
    public LogWaiter Add_Locked(WaitFor what, Vlsn target)
    {
        var waiter = _pool;
        if (waiter is null)
        {
            waiter = new LogWaiter(this);
        }
        else
        {
            _pool = waiter.Next;
            _pooled--;
        }

        waiter.For = what;
        waiter.Target = target;
        waiter.Next = _waiting;
        _waiting = waiter;
        return waiter;
    }

    /// <summary>Takes out the waits that are over: a list to be completed outside the lock.</summary>
    public LogWaiter? Take_Locked(WaitFor what, Vlsn reached)
    {
        LogWaiter? taken = null;
        LogWaiter? kept = null;
        for (var waiter = _waiting; waiter is not null;)
        {
            var next = waiter.Next;
            if (waiter.For == what && waiter.Target <= reached)
            {
                // Waits are kept newest first; pushing them here turns them round: oldest first.
                waiter.Next = taken;
                taken = waiter;
            }
            else
            {
                waiter.Next = kept;
                kept = waiter;
            }

            waiter = next;
        }

        _waiting = Reverse(kept);
        return taken;
    }

    /// <summary>Takes out all waits.</summary>
    public LogWaiter? TakeAll_Locked()
    {
        var all = _waiting;
        _waiting = null;
        return all;
    }

    /// <summary>Completes a list of waits that were taken out.</summary>
    public static void CompleteAll(LogWaiter? waiters, Exception? error)
    {
        while (waiters is not null)
        {
            var next = waiters.Next; // Once completed, a waiter may be used again at any moment.
            waiters.Next = null;
            waiters.Complete(error);
            waiters = next;
        }
    }

    /// <summary>Takes out one wait; false when it is over already.</summary>
    public bool Remove(LogWaiter waiter)
    {
        lock (_gate)
        {
            LogWaiter? previous = null;
            for (var at = _waiting; at is not null; previous = at, at = at.Next)
            {
                if (at != waiter) continue;
                if (previous is null) _waiting = at.Next;
                else previous.Next = at.Next;
                at.Next = null;
                return true;
            }

            return false;
        }
    }

    /// <summary>Gives a spent waiter back to the pool.</summary>
    public void Return(LogWaiter waiter)
    {
        lock (_gate)
        {
            if (_pooled >= Pooled) return;
            waiter.Next = _pool;
            _pool = waiter;
            _pooled++;
        }
    }

    private static LogWaiter? Reverse(LogWaiter? list)
    {
        LogWaiter? reversed = null;
        while (list is not null)
        {
            var next = list.Next;
            list.Next = reversed;
            reversed = list;
            list = next;
        }

        return reversed;
    }
}
