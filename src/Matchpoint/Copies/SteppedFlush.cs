using Matchpoint.Protocol;
using Matchpoint.Storage;
using Matchpoint.Storage.Copies;

namespace Matchpoint.Copies;

/// <summary>
/// Flushes what comes of a copy in steps beside what comes next, one step at a time, each as soon as the one before it is done: so a slow copy is flushed chunk by chunk, and a fast one keeps the
/// disk busy. Who writes waits for the disk when it is <see cref="CopyTarget.FlushStep"/> ahead, and little is left to flush in the end. One large flush made every commit on the same disk wait
/// for all of it.
/// </summary>
internal sealed class SteppedFlush(CopyTarget target) : IAsyncDisposable
{
    private Task _step = Task.CompletedTask;

    /// <summary>A chunk was written.</summary>
    /// <exception cref="StorageException">The disk did not take what was written before.</exception>
    public async ValueTask WroteAsync()
    {
        if (target.Unflushed < CopyTarget.FlushStep && (target.Unflushed < Limits.ChunkBytes || !_step.IsCompleted)) return;
        await _step.ConfigureAwait(false);
        _step = Task.Run(target.BeginFlush(), CancellationToken.None);
    }

    /// <summary>Waits for the step that is under way.</summary>
    /// <exception cref="StorageException">The disk did not take what was written before.</exception>
    public Task EndAsync() => _step;

    /// <summary>Waits for the step that is under way; whether it went well no longer matters then.</summary>
    public async ValueTask DisposeAsync() => await _step.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
