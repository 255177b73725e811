using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Matchpoint.Hosting;

/// <summary>
/// A node for as long as its host runs: it is opened before any service starts, and closed when all have stopped, in whatever order they were added. Whoever needs it
/// before that opens it.
/// </summary>
internal sealed class NodeLifetime : IHostedLifecycleService, IAsyncDisposable
{
    private readonly Lazy<Task<MatchpointNode>> _opening;

    /// <summary>A node that is not open yet.</summary>
    public NodeLifetime(string name, IOptionsMonitor<MatchpointOptions> options)
    {
        // Not on the caller's context: whoever asks in a constructor waits for it without one.
        _opening = new Lazy<Task<MatchpointNode>>(() => Task.Run(() => MatchpointNode.OpenAsync(options.Get(name))));
    }

    /// <summary>The node; it is opened where it is not open yet.</summary>
    public MatchpointNode Node => _opening.Value.GetAwaiter().GetResult();

    /// <summary>The node where it is open; null before, and where it could not be opened.</summary>
    public MatchpointNode? IfOpen => _opening.IsValueCreated && _opening.Value.IsCompletedSuccessfully ? _opening.Value.Result : null;

    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => _opening.Value.WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => CloseAsync().WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(CloseAsync());

    private async Task CloseAsync()
    {
        if (!_opening.IsValueCreated) return;
        MatchpointNode node;
        try
        {
            node = await _opening.Value.ConfigureAwait(false);
        }
        catch (Exception error) when (error is MatchpointException or OptionsValidationException)
        {
            return; // It was told to whoever wanted it open. There is nothing to close.
        }

        await node.DisposeAsync().ConfigureAwait(false);
    }
}
