using Matchpoint.Server.Access;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Matchpoint.Server.Health;

/// <summary>An answer to whoever watches over processes: 200 when all is well, 503 otherwise. Nobody is asked for a token; of the data nothing is told.</summary>
/// <param name="Status">Healthy or Unhealthy.</param>
/// <param name="Description">Why.</param>
internal sealed record HealthAnswer(string Status, string? Description);

/// <summary>Health over HTTP.</summary>
internal static class HealthEndpoints
{
    /// <summary>Maps them.</summary>
    public static void Map(RouteGroupBuilder group)
    {
        foreach (var (name, what) in new[]
        {
            ("live", "Whether the node is to be left running."),
            ("ready", "Whether requests may be sent here: it takes writes, or follows a primary."),
            ("caught-up", "Whether it is current and counts in majorities: only then stop the next member."),
        })
        {
            group.MapGet($"health/{name}", (HttpContext context, HealthCheckService checks) => CheckAsync(context, checks, name))
                .WithTags("operations").WithSummary(what).WithMetadata(Door.Open).Produces<HealthAnswer>().Produces<HealthAnswer>(503);
        }
    }

    private static async Task<IResult> CheckAsync(HttpContext context, HealthCheckService checks, string name)
    {
        var report = await checks.CheckHealthAsync(check => check.Name == $"{MatchpointHealthChecks.Tag}-{name}", context.RequestAborted).ConfigureAwait(false);
        var entry = report.Entries.Values.Single();
        var answer = new HealthAnswer(entry.Status.ToString(), entry.Description);
        return Json.Answer(context, answer, entry.Status == HealthStatus.Healthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}
