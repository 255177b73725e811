namespace Matchpoint.Protocol.Syncup;

/// <summary>What a feeder's part in a syncup is doing.</summary>
internal enum FeederPhase
{
    /// <summary>Nothing yet.</summary>
    Created,

    /// <summary>Looking for the newest common term (version 2).</summary>
    FindingTerm,

    /// <summary>Reading the entries of the hello's answer (version 2).</summary>
    Proving,

    /// <summary>Waiting for the replica.</summary>
    Listening,

    /// <summary>Reading entries for an answer.</summary>
    Answering,

    /// <summary>Reading the entry below the start of the stream (version 2).</summary>
    CheckingStart,

    /// <summary>Done; there is an outcome.</summary>
    Ended,
}

/// <summary>The one table of what may follow what.</summary>
internal static class FeederPhases
{
    /// <summary>Whether a phase may follow another.</summary>
    public static bool IsLegal(FeederPhase from, FeederPhase to) => (from, to) switch
    {
        (FeederPhase.Created, FeederPhase.FindingTerm or FeederPhase.Listening) => true,
        (FeederPhase.FindingTerm, FeederPhase.Proving or FeederPhase.Listening) => true,
        (FeederPhase.Proving, FeederPhase.Listening) => true,
        (FeederPhase.Listening, FeederPhase.Answering or FeederPhase.CheckingStart) => true,
        (FeederPhase.Answering, FeederPhase.Listening) => true,
        (not FeederPhase.Ended, FeederPhase.Ended) => true,
        _ => false,
    };
}
