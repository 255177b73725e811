namespace Matchpoint.Tests.Syncup;

/// <summary>Time that runs so many times as fast: a deadline of half a minute is over in a moment.</summary>
internal sealed class FastTime(int times) : TimeProvider
{
    private readonly DateTimeOffset _startedAt = System.GetUtcNow();
    private readonly long _began = System.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => _startedAt + (System.GetElapsedTime(_began) * times);

    public override long GetTimestamp() => (System.GetTimestamp() - _began) * times;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Fast(System.CreateTimer(callback, state, Shorter(dueTime), Shorter(period)), this);

    /// <summary>A little longer than asked for: a timer must not come early, and what is early by a hair is early by seconds here.</summary>
    private TimeSpan Shorter(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? time : (time / times) + TimeSpan.FromMilliseconds(2);

    private sealed class Fast(ITimer timer, FastTime time) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(time.Shorter(dueTime), time.Shorter(period));

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();
    }
}
