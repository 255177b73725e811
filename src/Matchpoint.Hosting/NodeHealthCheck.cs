using Matchpoint.Node;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Matchpoint.Hosting;

/// <summary>Judges a node by its status.</summary>
/// <param name="lifetime">The node, once it is open.</param>
/// <param name="judge">The question.</param>
/// <param name="otherwise">How it is where it is not well; what counts as unhealthy the application may soften.</param>
internal sealed class NodeHealthCheck(NodeLifetime lifetime, Func<NodeStatus, Vital> judge, HealthStatus otherwise) : IHealthCheck
{
    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (lifetime.IfOpen is not { } node) return Task.FromResult(new HealthCheckResult(context.Registration.FailureStatus, "the node is not open"));
        var status = node.GetStatus();
        var vital = judge(status);
        var bad = otherwise == HealthStatus.Unhealthy ? context.Registration.FailureStatus : otherwise;
        return Task.FromResult(new HealthCheckResult(vital.IsWell ? HealthStatus.Healthy : bad, vital.Sentence, data: new Dictionary<string, object>
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
