namespace Matchpoint.Server.Data;

/// <summary>Changes one after another, of which the next may be waited for in parts: a wait that ends before it comes leaves nothing behind, and is taken up again.</summary>
internal sealed class PendingChanges : IAsyncDisposable
{
    private readonly IAsyncEnumerator<ChangeSet> _changes;
    private readonly TimeProvider _time;
    private readonly CancellationToken _cancellation;
    private Task<bool> _next;

    /// <summary>Begins to wait for the first.</summary>
    public PendingChanges(IAsyncEnumerable<ChangeSet> changes, TimeProvider time, CancellationToken cancellation)
    {
        _changes = changes.GetAsyncEnumerator(cancellation);
        _time = time;
        _cancellation = cancellation;
        _next = _changes.MoveNextAsync().AsTask();
    }

    /// <summary>Waits for the next, or for its failure.</summary>
    /// <returns>Whether it is there.</returns>
    /// <exception cref="OperationCanceledException">Nobody waits for it any more.</exception>
    public async ValueTask<bool> ComesWithinAsync(TimeSpan time)
    {
        if (_next.IsCompleted) return true;
        _cancellation.ThrowIfCancellationRequested();
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        if (time > TimeSpan.Zero) await Task.WhenAny(_next, Task.Delay(time, _time, waiting.Token)).ConfigureAwait(false);
        await waiting.CancelAsync().ConfigureAwait(false); // Takes the delay away.
        return _next.IsCompleted;
    }

    /// <summary>Throws what the next failed with, if it did.</summary>
    public Task PeekAsync() => _next;

    /// <summary>Takes the next, and begins to wait for the one behind it.</summary>
    /// <returns>Null when there are no more.</returns>
    public async ValueTask<ChangeSet?> TakeAsync()
    {
        if (!await _next.ConfigureAwait(false)) return null;
        var set = _changes.Current;
        _next = _changes.MoveNextAsync().AsTask();
        return set;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ((Task)_next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _changes.DisposeAsync().ConfigureAwait(false);
    }
}
