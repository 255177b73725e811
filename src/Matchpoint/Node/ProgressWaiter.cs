using System.Threading.Tasks.Sources;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Node;

/// <summary>How a wait ended.</summary>
internal enum WaitResult
{
    /// <summary>What was waited for is there.</summary>
    Reached,

    /// <summary>The deadline came first.</summary>
    TimedOut,

    /// <summary>It cannot come any more: the reign, or the node, has ended.</summary>
    Ended,

    /// <summary>The caller no longer waits.</summary>
    Cancelled,
}

/// <summary>One wait for records to get somewhere. Pooled: waiting allocates nothing.</summary>
internal sealed class ProgressWaiter(Progress owner) : IValueTaskSource<WaitResult>
{
    private ManualResetValueTaskSourceCore<WaitResult> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _cancellation;

    /// <summary>The next one in whatever list it is in.</summary>
    public ProgressWaiter? Next { get; set; }

    /// <summary>What it waits for.</summary>
    public Goal Goal { get; set; }

    /// <summary>The record it waits for.</summary>
    public Vlsn Target { get; set; }

    /// <summary>When it gives up.</summary>
    public TimeSpan Deadline { get; set; }

    /// <summary>The wait as a task.</summary>
    public ValueTask<WaitResult> Task => new(this, _core.Version);

    /// <summary>Watches the token; called outside the lock, as the callback may run at once.</summary>
    public void Watch(CancellationToken cancellation)
    {
        if (cancellation.CanBeCanceled)
            _cancellation = cancellation.UnsafeRegister(static state => ((ProgressWaiter)state!).Cancel(), this);
    }

    /// <summary>Hands over the result, on the thread pool.</summary>
    public void Complete(WaitResult result) => _core.SetResult(result);

    /// <inheritdoc/>
    WaitResult IValueTaskSource<WaitResult>.GetResult(short token)
    {
        var result = _core.GetResult(token);
        _cancellation.Dispose(); // Waits for a callback under way, so that it cannot hit the next user.
        _cancellation = default;
        _core.Reset();
        owner.Return(this);
        return result;
    }

    /// <inheritdoc/>
    ValueTaskSourceStatus IValueTaskSource<WaitResult>.GetStatus(short token) => _core.GetStatus(token);

    /// <inheritdoc/>
    void IValueTaskSource<WaitResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Cancel()
    {
        if (owner.Remove(this)) Complete(WaitResult.Cancelled);
    }
}
