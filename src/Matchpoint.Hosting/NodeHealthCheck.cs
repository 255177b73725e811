using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Matchpoint.Hosting;

/// <summary>Judges a node by its status.</summary>
internal sealed class NodeHealthCheck(NodeLifetime lifetime, Func<NodeStatus, Vital> judge) : IHealthCheck
{
    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (lifetime.IfOpen is not { } node) return Task.FromResult(new HealthCheckResult(context.Registration.FailureStatus, "the node is not open"));
        var status = node.GetStatus();
        var vital = judge(status);
        var health = vital.Health == HealthStatus.Unhealthy ? context.Registration.FailureStatus : vital.Health;
        return Task.FromResult(new HealthCheckResult(health, vital.Sentence, data: new Dictionary<string, object>
        {
            ["node"] = status.Name,
            ["state"] = $"{status.State}",
            ["term"] = status.Term,
            ["primary"] = status.Primary ?? "",
            ["durable"] = status.Durable,
            ["last"] = status.Last,
            ["warnings"] = status.Warnings,
        }));
    }
}
