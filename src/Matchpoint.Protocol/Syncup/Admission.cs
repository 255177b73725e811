using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>Why a peer is not let in.</summary>
internal enum RefusalKind
{
    /// <summary>It belongs to another group.</summary>
    WrongGroup,

    /// <summary>No protocol version is spoken by both.</summary>
    NoCommonVersion,

    /// <summary>It has this node's own identity: a node talks to itself, or a directory was copied.</summary>
    SameNode,

    /// <summary>Its clock is too far from this one.</summary>
    ClockSkew,

    /// <summary>There is nothing here to be fed from.</summary>
    NothingToFeed,
}

/// <summary>A refusal: its kind, and a sentence with both sides' values for both sides.</summary>
internal sealed record Refusal(RefusalKind Kind, string Reason);

/// <summary>What a node asks of the peers it talks with.</summary>
/// <param name="Group">Its own group.</param>
/// <param name="Node">Its own identity.</param>
/// <param name="LowestVersion">The lowest protocol version it speaks.</param>
/// <param name="HighestVersion">The highest protocol version it speaks.</param>
/// <param name="MostClockSkew">How far clocks may be apart.</param>
/// <param name="AllowsSameNode">Whether a peer with its own identity is let in: the tool compares copied directories; nodes of a group never do.</param>
internal sealed record Admission(
    GroupId Group, NodeId Node, byte LowestVersion, byte HighestVersion, TimeSpan MostClockSkew, bool AllowsSameNode)
{
    /// <summary>Whether a feeder lets a replica in; null when it does.</summary>
    public Refusal? Check(ReplicaHello hello, LogRange own, long clock)
    {
        if (CheckPeer(hello.Group, hello.Node, hello.Name, hello.Clock, clock) is { } refusal) return refusal;
        if (hello.HighestVersion < LowestVersion || hello.LowestVersion > HighestVersion)
        {
            return new Refusal(
                RefusalKind.NoCommonVersion,
                $"no common protocol version: the replica speaks {hello.LowestVersion} to {hello.HighestVersion}, the feeder {LowestVersion} to {HighestVersion}");
        }

        return own.LastSync.IsNull ? new Refusal(RefusalKind.NothingToFeed, "the feeder's log is empty: there is nothing to be fed from") : null;
    }

    /// <summary>Whether a replica goes on with a feeder; null when it does.</summary>
    public Refusal? Check(FeederHello hello, long clock)
    {
        if (CheckPeer(hello.Group, hello.Node, hello.Name, hello.Clock, clock) is { } refusal) return refusal;
        return hello.Version >= LowestVersion && hello.Version <= HighestVersion
            ? null
            : new Refusal(
                RefusalKind.NoCommonVersion, $"the feeder chose protocol version {hello.Version}, this node speaks {LowestVersion} to {HighestVersion}");
    }

    private Refusal? CheckPeer(GroupId group, NodeId node, string name, long peerClock, long clock)
    {
        if (group != Group) return new Refusal(RefusalKind.WrongGroup, $"the groups differ: this node belongs to {Group}, {name} to {group}");
        if (node == Node && !AllowsSameNode)
            return new Refusal(RefusalKind.SameNode, $"{name} has this node's own identity {node}: the directory was copied, or the node talks to itself");
        // No TimeSpan is as long as two clocks of a peer's choice can be apart.
        var skew = Math.Abs(((double)peerClock - clock) / TimeSpan.MicrosecondsPerSecond);
        return skew <= MostClockSkew.TotalSeconds
            ? null
            : new Refusal(RefusalKind.ClockSkew, $"the clocks are {skew:0.0} s apart, at most {MostClockSkew.TotalSeconds:0.0} s are allowed");
    }
}
