namespace Matchpoint;

/// <summary>How a commit is made, where it shall differ from its group.</summary>
public sealed record CommitOptions
{
    /// <summary>What it waits for; the group's default when not given.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One of its values is none that is known: the log could not be read with it.</exception>
    public Durability? Durability
    {
        get;
        init => field = value is null or { LocalFlush: <= FlushPolicy.Sync, ReplicaFlush: <= FlushPolicy.Sync, Acks: <= AckPolicy.All }
            ? value : throw new ArgumentOutOfRangeException(nameof(value), $"{value}: expected values of FlushPolicy and AckPolicy that have a name.");
    }

    /// <summary>How long it may wait in all; <see cref="MatchpointOptions.CommitTimeout"/> when not given.</summary>
    public TimeSpan? Timeout { get; init; }
}
