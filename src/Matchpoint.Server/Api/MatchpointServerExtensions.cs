using Matchpoint.Server.Access;
using Matchpoint.Server.Dashboard;
using Matchpoint.Server.Data;
using Matchpoint.Server.Group;
using Matchpoint.Server.Health;
using Matchpoint.Server.Metrics;
using Matchpoint.Server.Operations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Matchpoint;

/// <summary>Serves a node over HTTP in an ASP.NET Core application: its data, its operations, the dashboard, health and metrics.</summary>
public static class MatchpointServerExtensions
{
    /// <summary>Adds what <see cref="MapMatchpoint"/> needs. The node itself is the application's: it is taken from its services when it is first needed.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="options">How it is served; the defaults where not given.</param>
    public static IServiceCollection AddMatchpointServer(this IServiceCollection services, MatchpointServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(options ?? new MatchpointServerOptions());
        services.TryAddSingleton<Gate>();
        services.TryAddSingleton<GroupWatch>();
        services.AddHostedService(static provider => provider.GetRequiredService<GroupWatch>());
        services.AddRouting();
        MatchpointHealthChecks.Add(services);
        MatchpointMetrics.Add(services);
        OpenApiEndpoint.Add(services);
        return services;
    }

    /// <summary>Maps everything: the dashboard at the prefix itself, the API under <c>api/</c>, <c>health/</c>, <c>metrics</c> and <c>openapi.json</c>.</summary>
    /// <param name="endpoints">Where to.</param>
    /// <param name="prefix">The path under which it stands.</param>
    /// <returns>All of it, so that policies of the application can be added.</returns>
    public static IEndpointConventionBuilder MapMatchpoint(this IEndpointRouteBuilder endpoints, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var gate = endpoints.ServiceProvider.GetService<Gate>()
            ?? throw new InvalidOperationException("MapMatchpoint: its services are not there. Call AddMatchpointServer on the application's services first.");
        var group = endpoints.MapGroup(prefix);
        KeyEndpoints.Map(group);
        ScanEndpoint.Map(group);
        TransactionEndpoint.Map(group);
        ChangesEndpoint.Map(group);
        StatusEndpoints.Map(group);
        MemberEndpoints.Map(group);
        RollbackEndpoints.Map(group);
        HealthEndpoints.Map(group);
        MatchpointMetrics.Map(group);
        OpenApiEndpoint.Map(group);
        DashboardFiles.Map(group);
        // Everything passes the gate before anything of a request is read.
        ((IEndpointConventionBuilder)group).Finally(endpoint =>
        {
            if (endpoint.RequestDelegate is not { } next) return;
            var door = endpoint.Metadata.OfType<Door>().FirstOrDefault() ?? Door.Closed;
            endpoint.RequestDelegate = context => gate.PassAsync(context, next, door);
        });
        return group;
    }
}
