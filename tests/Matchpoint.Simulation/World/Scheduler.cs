namespace Matchpoint.Simulation.World;

/// <summary>
/// Virtual time. Events happen one after the other, ordered by time and, within it, by when they were asked for. What an event sets going in the program under
/// test runs on the thread pool, which here has one thread: it runs dry before the next event, in an order that
/// depends on nothing but the seed.
/// </summary>
internal sealed class Scheduler : IThreadPoolWorkItem
{
    private readonly PriorityQueue<(IOwner? Owner, Action Action, bool IsTimer), (long At, long Sequence)> _queue = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _sequence;
    private Exception? _failure;
    private bool _isSettling;
    private bool _isEnding;

    /// <summary>Ticks since the beginning.</summary>
    public long Now { get; private set; }

    /// <summary>Time since the beginning.</summary>
    public TimeSpan Elapsed => TimeSpan.FromTicks(Now);

    /// <summary>How many events there were.</summary>
    public long Events { get; private set; }

    /// <summary>Called after every event, when everything that it set going has come to rest.</summary>
    public Action AfterEvent { get; set; } = static () => { };

    /// <summary>Whose the event was that happened last; null for nobody's.</summary>
    public IOwner? Owner { get; private set; }

    /// <summary>Has something happen after a while.</summary>
    public void After(TimeSpan delay, IOwner? owner, Action action) => At(Now + Math.Max(0, delay.Ticks), owner, action);

    /// <summary>Has something happen at a time.</summary>
    public void At(long at, IOwner? owner, Action action, bool isTimer = false) => _queue.Enqueue((owner, action, isTimer), (Math.Max(at, Now), _sequence++));

    /// <summary>Returns after a while.</summary>
    public Task WaitAsync(TimeSpan delay)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        After(delay, owner: null, done.SetResult);
        return done.Task;
    }

    /// <summary>Runs until <see cref="End"/> is called, or nothing is left to happen.</summary>
    public Task RunAsync()
    {
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return _ended.Task;
    }

    /// <summary>Nothing more happens.</summary>
    public void End() => _isEnding = true;

    /// <summary>Ends with an error if a task has one.</summary>
    public void Watch(Task task) => _ = WatchAsync(task);

    /// <inheritdoc/>
    void IThreadPoolWorkItem.Execute()
    {
        try
        {
            while (ThreadPool.PendingWorkItemCount == 0)
            {
                if (_isSettling)
                {
                    _isSettling = false;
                    AfterEvent();
                    continue;
                }

                if (_failure is not null) throw _failure;
                if (_isEnding || !_queue.TryDequeue(out var next, out var key))
                {
                    _ended.TrySetResult();
                    return;
                }

                Now = key.At;
                if (next.Owner is { IsAlive: false }) continue;
                if (next.Owner is { IsPaused: true } paused)
                {
                    paused.Defer(next.Action, next.IsTimer);
                    continue;
                }

                Events++;
                Owner = next.Owner;
                _isSettling = true;
                next.Action();
            }
        }
        catch (Exception error)
        {
            _ended.TrySetException(error);
            return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private async Task WatchAsync(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (Exception error)
        {
            _failure ??= error;
        }
    }
}
