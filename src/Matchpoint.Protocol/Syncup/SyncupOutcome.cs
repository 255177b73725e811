using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Syncup;

/// <summary>How a syncup ended. A closed set: whoever switches over it handles every case.</summary>
internal abstract record SyncupOutcome
{
    private protected SyncupOutcome()
    {
    }

    /// <summary>The logs agree up to before this record; the stream starts there.</summary>
    internal sealed record Streaming(Vlsn From) : SyncupOutcome;

    /// <summary>The logs share nothing that is still kept, and the feeder knows: a full copy is needed.</summary>
    internal sealed record RestoreNeeded(string Reason) : SyncupOutcome;

    /// <summary>An operator must decide. Nothing was undone; the export, if one was written, tells what would be.</summary>
    internal sealed record Refused(int Row, string Reason, string? Export) : SyncupOutcome;

    /// <summary>The feeder must be confirmed as the primary first; then try again. Nothing was touched.</summary>
    internal sealed record Unconfirmed(string Reason) : SyncupOutcome;

    /// <summary>Only the decision was asked for.</summary>
    internal sealed record Decided(RollbackDecision Decision) : SyncupOutcome;

    /// <summary>It could not be finished; try again, here or elsewhere. Nothing was touched, unless the cut was already durable.</summary>
    internal sealed record Failed(FailureKind Kind, string Reason) : SyncupOutcome;
}

/// <summary>Why a syncup failed.</summary>
internal enum FailureKind
{
    /// <summary>The peer broke the protocol.</summary>
    PeerFault,

    /// <summary>The connection was lost.</summary>
    ConnectionLost,

    /// <summary>The peer was silent, or the handshake took too long.</summary>
    TimedOut,

    /// <summary>The own log could not be read.</summary>
    OwnFault,

    /// <summary>This feeder may not go on feeding.</summary>
    Demoted,
}
