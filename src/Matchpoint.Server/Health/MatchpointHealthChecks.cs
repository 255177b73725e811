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
        Add(services, "live", static (node, _) => Live(node.GetStatus()));
        Add(services, "ready", static (node, _) => Ready(node.GetStatus()));
        Add(services, "caught-up", static (node, options) => CaughtUp(node.GetStatus(), options.CaughtUpWithin));
    }

    /// <summary>Whether the process is to be left running: a failed node does not come back by itself.</summary>
    public static HealthCheckResult Live(NodeStatus status) => status.State is NodeState.Failed or NodeState.Closed
        ? HealthCheckResult.Unhealthy($"{status.State}: {status.Step}. Mend the cause and start the node again.")
        : HealthCheckResult.Healthy($"{status.State}: {status.Step}");

    /// <summary>Whether requests may be sent here: it takes writes, or knows who does and follows.</summary>
    public static HealthCheckResult Ready(NodeStatus status) => status.State is NodeState.Primary or NodeState.Following
        ? HealthCheckResult.Healthy($"{status.State}: {status.Step}")
        : HealthCheckResult.Unhealthy($"{status.State}: {status.Step}. It neither takes writes nor follows a primary now.");

    /// <summary>Whether what it shows is current, and it counts: only then the next member may be stopped.</summary>
    public static HealthCheckResult CaughtUp(NodeStatus status, TimeSpan within)
    {
        if (Ready(status) is { Status: not HealthStatus.Healthy } notReady) return notReady;
        if (!status.Counts) return HealthCheckResult.Unhealthy("It does not count in majorities yet.");
        return status.Lag is { } lag && lag <= within
            ? HealthCheckResult.Healthy($"{lag.TotalMilliseconds:0} ms behind")
            : HealthCheckResult.Unhealthy(status.Lag is { } far ? $"{far.TotalSeconds:0.0} s behind; {within.TotalSeconds:0.0} s are allowed." : "How far it is behind is not known.");
    }

    private static void Add(IServiceCollection services, string name, Func<MatchpointNode, MatchpointServerOptions, HealthCheckResult> judge) => services.AddHealthChecks().Add(
        new HealthCheckRegistration(
            $"{Tag}-{name}",
            provider => new NodeCheck(() => judge(provider.GetRequiredService<MatchpointNode>(), provider.GetRequiredService<MatchpointServerOptions>())),
            failureStatus: null,
            [Tag, name]));

    private sealed class NodeCheck(Func<HealthCheckResult> judge) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                return Task.FromResult(judge());
            }
            catch (ObjectDisposedException)
            {
                return Task.FromResult(HealthCheckResult.Unhealthy("The node was closed."));
            }
        }
    }
}
