using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Matchpoint;

/// <summary>Has OpenTelemetry collect what Matchpoint measures and traces.</summary>
public static class MatchpointInstrumentation
{
    private const string Name = "Matchpoint";

    /// <summary>Collects the metrics of every node in the process.</summary>
    public static MeterProviderBuilder AddMatchpointInstrumentation(this MeterProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddMeter(Name);
    }

    /// <summary>Collects the traces of every node in the process.</summary>
    public static TracerProviderBuilder AddMatchpointInstrumentation(this TracerProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddSource(Name);
    }
}
