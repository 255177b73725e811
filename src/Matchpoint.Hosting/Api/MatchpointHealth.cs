using Matchpoint.Hosting;
using Matchpoint.Node;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Matchpoint;

/// <summary>Adds the health checks of a node: whether it lives, whether it is ready, whether it has caught up.</summary>
public static class MatchpointHealth
{
    /// <summary>
    /// Adds three checks of a node. <c>matchpoint-live</c> (tag <c>live</c>) fails when the node has failed: start the process anew. <c>matchpoint-ready</c> (tag <c>ready</c>) fails while the node
    /// neither takes writes nor follows a primary: send it no requests. <c>matchpoint-caught-up</c> (tag <c>caught-up</c>) is degraded while it is not ready, does not count in majorities yet,
    /// or shows what is older than <paramref name="maxLag"/>: wait before you stop the next member. Of a node with a name, it stands behind each: <c>matchpoint-ready-orders</c>.
    /// </summary>
    /// <param name="builder">Where to.</param>
    /// <param name="name">The node's name in this application; null for the one without.</param>
    /// <param name="maxLag">How far a node that has caught up may be behind; ten seconds where not given.</param>
    public static IHealthChecksBuilder AddMatchpoint(this IHealthChecksBuilder builder, string? name = null, TimeSpan? maxLag = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var node = name ?? Options.DefaultName;
        var suffix = node.Length == 0 ? "" : $"-{node}";
        var lag = maxLag ?? TimeSpan.FromSeconds(10);
        Add(builder, node, $"matchpoint-live{suffix}", "live", Vitals.Live, HealthStatus.Unhealthy);
        Add(builder, node, $"matchpoint-ready{suffix}", "ready", Vitals.Ready, HealthStatus.Unhealthy);
        Add(builder, node, $"matchpoint-caught-up{suffix}", "caught-up", status => Vitals.CaughtUp(status, lag), HealthStatus.Degraded);
        return builder;
    }

    private static void Add(IHealthChecksBuilder builder, string node, string name, string tag, Func<NodeStatus, Vital> judge, HealthStatus otherwise) => builder.Add(new HealthCheckRegistration(
        name, provider => new NodeHealthCheck(provider.GetRequiredKeyedService<NodeLifetime>(node), judge, otherwise), failureStatus: null, [tag, "matchpoint"]));
}
