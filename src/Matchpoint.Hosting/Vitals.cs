using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Matchpoint.Hosting;

/// <summary>What a check finds.</summary>
/// <param name="Health">How it is; what counts as unhealthy the application may soften.</param>
/// <param name="Sentence">Why.</param>
internal readonly record struct Vital(HealthStatus Health, string Sentence);

/// <summary>What the status of a node says about its health.</summary>
internal static class Vitals
{
    /// <summary>Whether there is any use in letting it run on: a failed node does not come back by itself.</summary>
    public static Vital Live(NodeStatus status) => status.State is NodeState.Failed or NodeState.Closed
        ? new Vital(HealthStatus.Unhealthy, Tell(status))
        : new Vital(HealthStatus.Healthy, Tell(status));

    /// <summary>Whether requests should be sent to it: it takes writes, or follows whoever does.</summary>
    public static Vital Ready(NodeStatus status) => status.State is NodeState.Primary or NodeState.Following
        ? new Vital(HealthStatus.Healthy, Tell(status))
        : new Vital(HealthStatus.Unhealthy, Tell(status));

    /// <summary>Whether it shows what the group has.</summary>
    public static Vital CaughtUp(NodeStatus status, TimeSpan maxLag) => status.Lag switch
    {
        null => new Vital(HealthStatus.Degraded, $"it is not known how current the node is: {Tell(status)}"),
        { } lag when lag > maxLag => new Vital(HealthStatus.Degraded, $"{lag.TotalSeconds:0.0} s behind, and {maxLag.TotalSeconds:0.0} s are allowed: {Tell(status)}"),
        { } lag => new Vital(HealthStatus.Healthy, $"{lag.TotalSeconds:0.0} s behind"),
    };

    private static string Tell(NodeStatus status) => $"{status.State}: {status.Step}";
}
