using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Syncup;

/// <summary>What a syncup compared, which row of the table decided, and what is undone.</summary>
internal sealed record SyncupReport
{
    /// <summary>The protocol version spoken.</summary>
    public required int Version { get; init; }

    /// <summary>Round trips beyond the hello.</summary>
    public required int RoundTrips { get; init; }

    /// <summary>How many records were compared.</summary>
    public required long Compared { get; init; }

    /// <summary>The last records compared, oldest first; at most 64.</summary>
    public required IReadOnlyList<Comparison> LastCompared { get; init; }

    /// <summary>What the log held.</summary>
    public required LogRange Range { get; init; }

    /// <summary>The matchpoint; null when nothing is shared, or it was not found.</summary>
    public required Vlsn Matchpoint { get; init; }

    /// <summary>The decision; null when it was not reached.</summary>
    public required RollbackDecision? Decision { get; init; }

    /// <summary>What lies above the matchpoint.</summary>
    public required UndoneCounts AboveMatchpoint { get; init; }

    /// <summary>The export's name; null when none was written.</summary>
    public required string? Export { get; init; }

    /// <summary>How it ended; null while it runs.</summary>
    public required SyncupOutcome? Outcome { get; init; }
}
