using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Syncup;

/// <summary>How the feeder's side of a handshake ended. A closed set.</summary>
internal abstract record FeederOutcome
{
    private protected FeederOutcome()
    {
    }

    /// <summary>The replica asked for the stream from this record on, and may have it.</summary>
    internal sealed record Stream(Vlsn From) : FeederOutcome;

    /// <summary>The replica needs a full copy and was told that it was heard.</summary>
    internal sealed record RestoreGranted : FeederOutcome;

    /// <summary>The session is over; the connection is closed at once, so that the replica need not wait.</summary>
    internal sealed record Failed(FailureKind Kind, string Reason) : FeederOutcome;
}

/// <summary>The feeder's machine has finished: close, or begin to stream.</summary>
internal sealed record FinishFeeding(FeederOutcome Outcome) : SyncupEffect;
