using Matchpoint.Protocol;

namespace Matchpoint.Telemetry;

/// <summary>The values that attributes take. There are few, and they stay as they are.</summary>
internal static class Names
{
    /// <summary>A commit went through.</summary>
    public const string Committed = "committed";

    /// <summary>It is not known what became of it.</summary>
    public const string Unknown = "unknown";

    /// <summary>The name of a state.</summary>
    public static string Of(NodeState state) => state switch
    {
        NodeState.Opening => "opening",
        NodeState.AwaitingMembers => "awaiting_members",
        NodeState.Electing => "electing",
        NodeState.SyncingUp => "syncing_up",
        NodeState.Following => "following",
        NodeState.Primary => "primary",
        NodeState.AwaitingOperator => "awaiting_operator",
        NodeState.NeedsCopy => "needs_copy",
        NodeState.Failed => "failed",
        NodeState.Closed => "closed",
        NodeState.Removed => "removed",
        NodeState.Repairing => "repairing",
        _ => throw Invariant.Unreachable(state),
    };

    /// <summary>The name of a level.</summary>
    public static string Of(ReadKind level) => level switch
    {
        ReadKind.Durable => "durable",
        ReadKind.Local => "local",
        ReadKind.AtLeast => "at_least",
        ReadKind.MaxLag => "max_lag",
        ReadKind.Linearizable => "linearizable",
        _ => throw Invariant.Unreachable(level),
    };

    /// <summary>What became of a commit that failed.</summary>
    public static string OutcomeOf(Exception error) => error switch
    {
        ConflictException => "conflict",
        NotPrimaryException => "not_primary",
        TailFullException => "tail_full",
        // Of a commit that was cancelled it is not known whether it was appended before.
        InsufficientAcksException or OperationCanceledException => Unknown,
        _ => "failed",
    };
}
