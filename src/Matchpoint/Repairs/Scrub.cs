using Matchpoint.Node;
using Matchpoint.Storage;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Repairs;

/// <summary>
/// Reads the whole log and the whole state again, slowly, now and then: so that what a disk has lost is found, and mended, while other members have it. It waits while the node is busy with
/// something else than its group's writes.
/// </summary>
internal sealed class Scrub(RecordLog log, IState state, NodeClock clock, long? bytesPerSecond, NodeParts parts) : IAsyncDisposable
{
    private const long SliceBytes = 256 * 1024;

    private static readonly TimeSpan BusyPause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;
    private volatile ScrubStatus? _status;

    /// <summary>How the last pass went, or goes; null before the first.</summary>
    public ScrubStatus? Status => _status;

    /// <summary>Whether the node is busy with something else.</summary>
    public Func<bool> IsBusy { get; init; } = static () => false;

    /// <summary>Hears what was found.</summary>
    public Action<DamageException> Found { get; init; } = static _ => { };

    /// <summary>Begins, unless it is not wanted.</summary>
    public void Start()
    {
        if (bytesPerSecond is not null) _running = Task.Run(RunAsync);
    }

    /// <summary>Stops in the middle of a pass.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        var pause = parts.ScrubAfter;
        while (await WaitAsync(pause).ConfigureAwait(false))
        {
            var began = clock.Now;
            _status = new ScrubStatus(clock.Time.GetUtcNow(), null, 0, null);
            var found = await PassAsync().ConfigureAwait(false);
            if (_stopping.IsCancellationRequested) return;
            _status = _status with { EndedAt = clock.Time.GetUtcNow(), Found = found?.Message };
            if (found is DamageException damage) Found(damage);
            var left = began + parts.ScrubInterval - clock.Now;
            pause = left > parts.ScrubAfter ? left : parts.ScrubAfter;
        }
    }

    /// <summary>One pass.</summary>
    /// <returns>What was found, or why it came to no end; null for nothing.</returns>
    private async Task<Exception?> PassAsync()
    {
        try
        {
            var scrub = new LogScrub(log);
            for (var hasMore = true; hasMore;)
            {
                hasMore = scrub.Read(SliceBytes, out var read);
                if (!await NextAsync(read).ConfigureAwait(false)) return null;
            }

            for (byte[]? from = [0]; from is not null;)
            {
                from = state.Verify(from, SliceBytes, out var read);
                if (!await NextAsync(read).ConfigureAwait(false)) return null;
            }

            return null;
        }
        catch (Exception error) when (error is StorageException or IOException or ObjectDisposedException)
        {
            return error;
        }
    }

    /// <summary>Waits as long as what was read may take, and as long as the node is busy; false when it is to stop.</summary>
    private async ValueTask<bool> NextAsync(long read)
    {
        _status = _status! with { Bytes = _status.Bytes + read };
        if (!await WaitAsync(TimeSpan.FromSeconds((double)read / bytesPerSecond!.Value)).ConfigureAwait(false)) return false;
        while (IsBusy())
        {
            if (!await WaitAsync(BusyPause).ConfigureAwait(false)) return false;
        }

        return true;
    }

    private async ValueTask<bool> WaitAsync(TimeSpan pause)
    {
        await Task.Delay(pause, clock.Time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !_stopping.IsCancellationRequested;
    }
}
