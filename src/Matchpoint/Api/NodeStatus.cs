namespace Matchpoint;

/// <summary>What a node does.</summary>
public enum NodeState
{
    /// <summary>It opens its directory.</summary>
    Opening,

    /// <summary>It waits for members that were never seen: a new group begins when all are there.</summary>
    AwaitingMembers,

    /// <summary>It looks for a primary, or stands for election.</summary>
    Electing,

    /// <summary>It finds out with its feeder where their logs part.</summary>
    SyncingUp,

    /// <summary>It follows a primary.</summary>
    Following,

    /// <summary>It takes writes.</summary>
    Primary,

    /// <summary>A rollback was refused: an operator decides. Reads go on.</summary>
    AwaitingOperator,

    /// <summary>Its log shares nothing with the group's that is still kept: it fetches a full copy. Reads go on.</summary>
    NeedsCopy,

    /// <summary>Its disk failed, or it found itself in a state that cannot be. It takes no more part. Reads go on where they can.</summary>
    Failed,

    /// <summary>It was closed.</summary>
    Closed,

    /// <summary>It is no member of its group any more: it takes no part, and what it has grows old. Reads go on.</summary>
    Removed,

    /// <summary>It found damage on its disk, and mends it with what other members have. It takes no part until that is done.</summary>
    Repairing,
}

/// <summary>What a node knows of a member of its group.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Address">Where it listens.</param>
/// <param name="IsConnected">Whether this node feeds it now.</param>
/// <param name="Appended">The last record it holds.</param>
/// <param name="Flushed">The last record on its device.</param>
/// <param name="Applied">The last record in its state.</param>
/// <param name="LagRecords">How many records it lacks.</param>
/// <param name="LagBytes">How many bytes of log it lacks. They wait on this node's disk, not in its memory.</param>
/// <param name="BufferedBytes">Bytes that this node holds in memory for it.</param>
/// <param name="SinceHeard">How long ago it was heard; null when it never was in this reign.</param>
public sealed record MemberStatus(
    string Name, string Address, bool IsConnected, long Appended, long Flushed, long Applied, long LagRecords, long LagBytes, long BufferedBytes, TimeSpan? SinceHeard)
{
    /// <summary>What it is to the group.</summary>
    public MemberKind Kind { get; init; }

    /// <summary>Its priority when a primary is sought.</summary>
    public int Priority { get; init; } = 1;

    /// <summary>Whether it may lead a group of two by itself.</summary>
    public bool IsDesignated { get; init; }

    /// <summary>Whether it does not count yet, though it is to: it has not caught up.</summary>
    public bool IsPending { get; init; }
}

/// <summary>How far the node has read its log and state again to see whether they are still as they were written.</summary>
/// <param name="BeganAt">When the last pass began.</param>
/// <param name="EndedAt">When it ended; null while it is under way.</param>
/// <param name="Bytes">How many bytes it has read.</param>
/// <param name="Found">What it found damaged, or why it could not go on; null for nothing.</param>
public sealed record ScrubStatus(DateTimeOffset BeganAt, DateTimeOffset? EndedAt, long Bytes, string? Found);

/// <summary>How a node is. Record numbers are 0 where there is none.</summary>
public sealed record NodeStatus
{
    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>The group's name.</summary>
    public required string Group { get; init; }

    /// <summary>What it does.</summary>
    public required NodeState State { get; init; }

    /// <summary>What it does, in words.</summary>
    public required string Step { get; init; }

    /// <summary>The highest term it knows of.</summary>
    public required long Term { get; init; }

    /// <summary>The primary it knows of; null when it knows of none.</summary>
    public required string? Primary { get; init; }

    /// <summary>The oldest record kept.</summary>
    public required long First { get; init; }

    /// <summary>The last record of its log.</summary>
    public required long Last { get; init; }

    /// <summary>The last record on its device.</summary>
    public required long Flushed { get; init; }

    /// <summary>The last record known to be on a majority.</summary>
    public required long Durable { get; init; }

    /// <summary>The last record in its state.</summary>
    public required long Applied { get; init; }

    /// <summary>How long ago it was surely as current as its primary; zero on the primary, null where that is not known.</summary>
    public required TimeSpan? Lag { get; init; }

    /// <summary>Bytes of undecided transactions in memory.</summary>
    public required long TailBytes { get; init; }

    /// <summary>Whether it takes part in elections and majorities.</summary>
    public required bool Counts { get; init; }

    /// <summary>What this node is to its group.</summary>
    public MemberKind Kind { get; init; }

    /// <summary>Whether this node does not count yet in its group, though it is to: it has not caught up.</summary>
    public bool IsPending { get; init; }

    /// <summary>The record that made the members what they are; 0 when they are those of the options.</summary>
    public long MembersAt { get; init; }

    /// <summary>How far a full copy is that the node fetches; null when it fetches none.</summary>
    public CopyProgress? Copy { get; init; }

    /// <summary>How the last scrub went, or goes; null before the first one.</summary>
    public ScrubStatus? Scrub { get; init; }

    /// <summary>What is to be known or done, one sentence each.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>The members it feeds, or would.</summary>
    public required IReadOnlyList<MemberStatus> Members { get; init; }
}
