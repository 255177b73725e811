using Matchpoint.Protocol;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Node;

/// <summary>What a node's parts report, in sentences for people.</summary>
internal static class StatusWords
{
    /// <summary>Why every member is waited for.</summary>
    public static string WhyAllAreAwaited(Standing standing) => standing == Standing.Rebooted
        ? "acknowledged records may be gone: who has most of them is found out when every member is there"
        : "a new group begins when every member is there";

    /// <summary>That a node stands for election, and what stood against it last.</summary>
    public static string Electing(string? refusal) => refusal is null ? "standing for election" : $"standing for election ({refusal})";

    /// <summary>That a node's own log names it no longer.</summary>
    public static string Removed(string self, Vlsn at, Roster roster) => $"'{self}' is no member of the group any more, since record {at}; the members are {roster}";

    /// <summary>What is to be known of a node's standing; null for nothing.</summary>
    public static string? Of(Standing standing) => standing switch
    {
        Standing.Full => null,
        Standing.New => "this node is new here: it takes part in elections and majorities once it has caught up",
        Standing.BallotLost => "the file ballot is gone, and with it what this node promised in elections: it takes part again once it has caught up with a primary that the others chose",
        Standing.Rebooted => "the machine was started anew after records had been acknowledged unflushed, or the log was found damaged, or every member begins again from a backup: "
            + "this node takes part again once it has caught up with a primary that the others chose, or that all chose together",
        _ => throw Invariant.Unreachable(standing),
    };

    /// <summary>What is to be known and done after a syncup; null for nothing.</summary>
    public static string? Of(ReplicaOutcome outcome) => outcome switch
    {
        ReplicaOutcome.Refused { Row: 10 } no =>
            $"{no.Reason}. Every operation is in the export that `matchpoint rollbacks list` names: look at it, then raise RollbackLimit and open the node again.",
        ReplicaOutcome.Refused no => $"{no.Reason}. Compare this node with the others before you decide which history is kept; nothing was touched.",
        _ => null,
    };
}
