namespace Matchpoint;

/// <summary>How a cache uses its node.</summary>
public sealed record MatchpointCacheOptions
{
    /// <summary>The node's name in this application, as it was added with; null for the one without.</summary>
    public string? NodeName { get; set; }

    /// <summary>The database that holds the entries; nothing else may write to it.</summary>
    public string Database { get; set; } = "cache";

    /// <summary>The window of an entry that was set without any expiration: it goes when it was not read for so long. Null keeps such entries until they are removed.</summary>
    public TimeSpan? DefaultSlidingExpiration { get; set; } = TimeSpan.FromMinutes(20);

    /// <summary>How often entries that have expired are removed. They are never returned, removed or not.</summary>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>What a write waits for; null for what the group's commits wait for.</summary>
    public CommitOptions? Commit { get; set; }
}
