using System.Threading.Tasks.Sources;

namespace Matchpoint.Streaming;

/// <summary>
/// Wakes one waiting task. Set while nobody waits, the next wait returns at once; set many times, it wakes once. Waiting and setting allocate nothing.
/// </summary>
internal sealed class Signal : IValueTaskSource
{
    private const int Idle = 0;
    private const int Set_ = 1;
    private const int Waiting = 2;

    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private int _state;

    /// <summary>Wakes whoever waits, or whoever waits next.</summary>
    public void Set()
    {
        while (true)
        {
            switch (Volatile.Read(ref _state))
            {
                case Set_:
                    return;
                case Waiting when Interlocked.CompareExchange(ref _state, Idle, Waiting) == Waiting:
                    _core.SetResult(result: true);
                    return;
                case Idle when Interlocked.CompareExchange(ref _state, Set_, Idle) == Idle:
                    return;
            }
        }
    }

    /// <summary>Returns when it is set, or at once when it was since the last wait. One task waits at a time.</summary>
    public ValueTask WaitAsync()
    {
        if (Interlocked.CompareExchange(ref _state, Idle, Set_) == Set_) return default;
        _core.Reset();
        var version = _core.Version;
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == Idle) return new ValueTask(this, version);
        Volatile.Write(ref _state, Idle); // It was set in between.
        return default;
    }

    /// <inheritdoc/>
    void IValueTaskSource.GetResult(short token) => _core.GetResult(token);

    /// <inheritdoc/>
    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    /// <inheritdoc/>
    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
