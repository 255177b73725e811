using Orleans.Storage;

namespace Matchpoint;

/// <summary>How grain storage uses its node.</summary>
public sealed class MatchpointGrainStorageOptions : IStorageProviderSerializerOptions
{
    /// <summary>The node's name in this silo, as it was added with; null for the one without.</summary>
    public string? NodeName { get; set; }

    /// <summary>The database that holds the states of grains.</summary>
    public string Database { get; set; } = "grains";

    /// <summary>What a write waits for; null for what the group's commits wait for.</summary>
    public CommitOptions? Commit { get; set; }

    /// <summary>Turns states into bytes and back; the silo's own where it is not set.</summary>
    public IGrainStorageSerializer GrainStorageSerializer { get; set; } = null!;
}
