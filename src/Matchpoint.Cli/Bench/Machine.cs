using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace Matchpoint.Cli.Bench;

/// <summary>Where figures were measured.</summary>
internal sealed record Machine(
    [property: JsonPropertyName("os")] string System,
    [property: JsonPropertyName("processors")] int Processors,
    [property: JsonPropertyName("memoryBytes")] long MemoryBytes,
    [property: JsonPropertyName("runtime")] string Runtime,
    [property: JsonPropertyName("measuredAt")] DateTimeOffset MeasuredAt)
{
    /// <summary>This machine, now.</summary>
    public static Machine Here() => new(
        RuntimeInformation.OSDescription, Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        RuntimeInformation.FrameworkDescription, TimeProvider.System.GetUtcNow());
}
