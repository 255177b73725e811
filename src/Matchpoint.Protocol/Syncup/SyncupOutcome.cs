using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Syncup;

/// <summary>How a replica's syncup ended.</summary>
internal abstract record ReplicaOutcome
{
    private ReplicaOutcome()
    {
    }

    /// <summary>The log is a prefix of the feeder's; the stream follows on the same connection.</summary>
    public sealed record Streaming(Vlsn Start) : ReplicaOutcome;

    /// <summary>A full copy is needed, and the feeder agreed.</summary>
    public sealed record Restore(Vlsn At, string Reason) : ReplicaOutcome;

    /// <summary>Commits would be undone for a feeder that is not confirmed: try again.</summary>
    public sealed record Wait(string Reason) : ReplicaOutcome;

    /// <summary>An operator decides; nothing was cut.</summary>
    public sealed record Refused(int Row, string Reason) : ReplicaOutcome;

    /// <summary>The session failed; nothing that was not yet cut is cut. Try again.</summary>
    public sealed record Failed(FailureKind Kind, string Reason) : ReplicaOutcome;
}

/// <summary>How a feeder's part in a syncup ended.</summary>
internal abstract record FeederOutcome
{
    private FeederOutcome()
    {
    }

    /// <summary>The replica wants the stream from here.</summary>
    public sealed record Streaming(Vlsn Start) : FeederOutcome;

    /// <summary>The replica needs a full copy.</summary>
    public sealed record Restoring(Vlsn At) : FeederOutcome;

    /// <summary>The session failed.</summary>
    public sealed record Failed(FailureKind Kind, string Reason) : FeederOutcome;
}

/// <summary>Whose fault it was.</summary>
internal enum FailureKind
{
    /// <summary>The peer sent what it may not send.</summary>
    PeerFault,

    /// <summary>The peer took too long.</summary>
    TimedOut,

    /// <summary>The connection is gone.</summary>
    ConnectionLost,

    /// <summary>The own log could not be read or written. To be reported: it does not go away by trying again.</summary>
    LogFault,

    /// <summary>The feeder may no longer feed.</summary>
    Demoted,
}
