using Matchpoint.Server.Tests;

namespace Matchpoint.Dashboard.Tests;

/// <summary>Somebody who writes all the time, a little.</summary>
internal sealed class Load : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _writing;

    private Load(ServedGroup group) => _writing = Task.Run(() => WriteAsync(group, _stopping.Token));

    /// <summary>Begins to write to a group's primary, whoever that is.</summary>
    public static Load On(ServedGroup group) => new(group);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _writing;
        _stopping.Dispose();
    }

    private static async Task WriteAsync(ServedGroup group, CancellationToken cancellation)
    {
        for (var i = 0; !cancellation.IsCancellationRequested; i++)
        {
            try
            {
                var primary = group.Nodes.Nodes.FirstOrDefault(node => node.IsPrimary);
                if (primary is not null) await primary.Default.PutAsync($"load/{i % 1000:000}", $"value {i}", new CommitOptions { Timeout = TimeSpan.FromSeconds(1) }, cancellation);
                await Task.Delay(Pause, TimeProvider.System, cancellation);
            }
            catch (MatchpointException)
            {
                // A failover: the next one is asked.
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
        }
    }
}
