using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;

namespace Matchpoint.Server.Metrics;

/// <summary>Metrics for Prometheus: everything that the meter named Matchpoint measures.</summary>
internal static class MatchpointMetrics
{
    /// <summary>The meter.</summary>
    public const string Meter = "Matchpoint";

    /// <summary>
    /// Where the classes of durations end, in seconds, where an instrument does not say so itself: from a flush on a fast disk to an election. The library's own begin at five seconds.
    /// </summary>
    private static readonly double[] Seconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

    /// <summary>Adds what collects them.</summary>
    public static void Add(IServiceCollection services) => services.AddOpenTelemetry().WithMetrics(static metrics => metrics
        .AddMeter(Meter)
        .AddView(static instrument => instrument is Histogram<double> { Unit: "s", Advice: null } && instrument.Meter.Name == Meter
            ? new ExplicitBucketHistogramConfiguration { Boundaries = Seconds }
            : null)
        .AddPrometheusExporter());

    /// <summary>Maps where they are scraped.</summary>
    public static void Map(RouteGroupBuilder group) => group.MapPrometheusScrapingEndpoint("metrics");
}
