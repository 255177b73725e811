using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Matchpoint.Caching;

/// <summary>Removes what has expired, now and then, on the primary.</summary>
internal sealed partial class CacheSweeper(MatchpointCache cache, MatchpointNode node, IOptions<MatchpointCacheOptions> options, ILogger<CacheSweeper> log) : BackgroundService
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
            catch (Exception error)
            {
                // A node that failed, or was closed: the application decides what becomes of it, and must not be ended by what only tidies up.
                Failed(log, options.Value.SweepInterval, error);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Expired cache entries could not be removed; it is tried again in {Interval}.")]
    private static partial void Failed(ILogger log, TimeSpan interval, Exception error);
}
