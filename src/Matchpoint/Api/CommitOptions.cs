namespace Matchpoint;

/// <summary>How a commit is made, where it shall differ from its group.</summary>
public sealed record CommitOptions
{
    /// <summary>What it waits for; the group's default when not given.</summary>
    public Durability? Durability { get; init; }

    /// <summary>How long it may wait in all; <see cref="MatchpointOptions.CommitTimeout"/> when not given.</summary>
    public TimeSpan? Timeout { get; init; }
}
