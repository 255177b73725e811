namespace Matchpoint.Protocol.Syncup;

/// <summary>What a replica's syncup is doing.</summary>
internal enum ReplicaPhase
{
    /// <summary>Nothing yet.</summary>
    Created,

    /// <summary>Looking for the matchpoint.</summary>
    Searching,

    /// <summary>Counting what lies above it.</summary>
    Counting,

    /// <summary>Making sure that the feeder still is who it said it is.</summary>
    Confirming,

    /// <summary>Writing what will be undone to the export.</summary>
    Exporting,

    /// <summary>Cutting the log.</summary>
    Cutting,

    /// <summary>Asking for a full copy.</summary>
    AwaitingRestore,

    /// <summary>Done; there is an outcome.</summary>
    Ended,
}

/// <summary>The one table of what may follow what.</summary>
internal static class ReplicaPhases
{
    /// <summary>
    /// Whether a phase may follow another. There is no way to <see cref="ReplicaPhase.Cutting"/> but through
    /// <see cref="ReplicaPhase.Exporting"/>, and none to there but with the count of what is undone.
    /// </summary>
    public static bool IsLegal(ReplicaPhase from, ReplicaPhase to) => (from, to) switch
    {
        (ReplicaPhase.Created, ReplicaPhase.Searching) => true,
        (ReplicaPhase.Searching, ReplicaPhase.Counting or ReplicaPhase.AwaitingRestore) => true,
        (ReplicaPhase.Counting, ReplicaPhase.Confirming or ReplicaPhase.Exporting) => true,
        (ReplicaPhase.Confirming, ReplicaPhase.Exporting) => true,
        (ReplicaPhase.Exporting, ReplicaPhase.Cutting) => true,
        (not ReplicaPhase.Ended, ReplicaPhase.Ended) => true,
        _ => false,
    };
}
