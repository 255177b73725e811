using Matchpoint.Node;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Matchpoint.Server.Health;

/// <summary>Three questions about a node: does it live, does it serve, is it current.</summary>
internal static class MatchpointHealthChecks
{
    /// <summary>Stands before the name of each check, and is their common tag.</summary>
    public const string Tag = "matchpoint-http";

    /// <summary>Adds them to the application's health checks.</summary>
    public static void Add(IServiceCollection services)
    {
        Add(services, "live", static (node, _) => Vitals.Live(node.GetStatus()));
        Add(services, "ready", static (node, _) => Vitals.Ready(node.GetStatus()));
        Add(services, "caught-up", static (node, options) => Vitals.CaughtUp(node.GetStatus(), options.CaughtUpWithin));
    }

    private static void Add(IServiceCollection services, string name, Func<MatchpointNode, MatchpointServerOptions, Vital> judge) => services.AddHealthChecks().Add(
        new HealthCheckRegistration(
            $"{Tag}-{name}",
            provider => new NodeCheck(() => judge(provider.GetRequiredService<MatchpointNode>(), provider.GetRequiredService<MatchpointServerOptions>())),
            failureStatus: null,
            [Tag, name]));

    private sealed class NodeCheck(Func<Vital> judge) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                var vital = judge();
                return Task.FromResult(vital.IsWell ? HealthCheckResult.Healthy(vital.Sentence) : HealthCheckResult.Unhealthy(vital.Sentence));
            }
            catch (ObjectDisposedException)
            {
                return Task.FromResult(HealthCheckResult.Unhealthy("The node was closed."));
            }
        }
    }
}
