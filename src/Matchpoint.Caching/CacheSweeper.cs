using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Matchpoint.Caching;

/// <summary>Removes what has expired, now and then, on the primary.</summary>
internal sealed class CacheSweeper(MatchpointCache cache, MatchpointNode node, IOptions<MatchpointCacheOptions> options) : BackgroundService
{
    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(options.Value.SweepInterval, node.Options.Time, stoppingToken).ConfigureAwait(false);
                while (node.IsPrimary && await cache.Sweep.StepAsync(stoppingToken).ConfigureAwait(false) == CacheSweep.StepSize)
                {
                    // One step after another, each by itself.
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (error is NotPrimaryException or InsufficientAcksException or ConflictException or TailFullException or StaleReadException)
            {
                // Whoever is the primary next does it, or this node the next time. Expired entries are returned by nobody meanwhile.
            }
        }
    }
}
