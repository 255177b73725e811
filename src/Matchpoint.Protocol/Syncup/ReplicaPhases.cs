namespace Matchpoint.Protocol.Syncup;

/// <summary>Where a replica's syncup is.</summary>
internal enum ReplicaPhase
{
    /// <summary>Not begun.</summary>
    Idle,

    /// <summary>Looking for the matchpoint.</summary>
    Searching,

    /// <summary>Counting what lies above it.</summary>
    Counting,

    /// <summary>Writing the export.</summary>
    Exporting,

    /// <summary>Cutting the log.</summary>
    Cutting,

    /// <summary>The feeder is to confirm that it heard of the restore.</summary>
    AwaitingRestoreResponse,

    /// <summary>There is an outcome.</summary>
    Ended,
}

/// <summary>The one table of legal moves of a replica's syncup.</summary>
internal static class ReplicaPhases
{
    /// <summary>Whether a syncup may move from one phase to another.</summary>
    public static bool IsLegal(ReplicaPhase from, ReplicaPhase to) => (from, to) switch
    {
        (ReplicaPhase.Idle, ReplicaPhase.Searching) => true,
        (ReplicaPhase.Searching, ReplicaPhase.Counting or ReplicaPhase.AwaitingRestoreResponse or ReplicaPhase.Ended) => true,
        (ReplicaPhase.Counting, ReplicaPhase.Exporting or ReplicaPhase.AwaitingRestoreResponse or ReplicaPhase.Ended) => true,
        (ReplicaPhase.Exporting, ReplicaPhase.Cutting or ReplicaPhase.Ended) => true,
        (ReplicaPhase.Cutting, ReplicaPhase.Ended) => true,
        (ReplicaPhase.AwaitingRestoreResponse, ReplicaPhase.Ended) => true,
        _ => false,
    };
}
