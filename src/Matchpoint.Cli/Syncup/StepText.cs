using Matchpoint.Protocol;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Cli.Syncup;

/// <summary>A step of a replica's syncup as a sentence; null where there is nothing to say.</summary>
internal static class StepText
{
    /// <summary>What the replica does now.</summary>
    public static string? Of(SyncupStep step, SyncupReport report) => step.Phase switch
    {
        ReplicaPhase.Searching when step.RoundTrips == 0 => "looking for the matchpoint",
        ReplicaPhase.Counting => $"the matchpoint is {report.M}; counting what lies above it",
        ReplicaPhase.Confirming => "commits would be undone: making sure that the feeder is the primary of the current term",
        ReplicaPhase.Exporting => $"writing {report.Undone} above {report.M} to a file, before anything is cut",
        ReplicaPhase.Cutting => $"cutting the log behind {report.M}, durably",
        ReplicaPhase.AwaitingRestore => "asking for a full copy",
        ReplicaPhase.Created or ReplicaPhase.Searching or ReplicaPhase.Ended => null,
        _ => throw Invariant.Unreachable(step.Phase),
    };
}
