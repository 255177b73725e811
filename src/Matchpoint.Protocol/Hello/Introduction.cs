using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Hello;

/// <summary>What a node knows of itself when a hello comes in.</summary>
/// <param name="Group">The group of its log.</param>
/// <param name="Node">Its id.</param>
/// <param name="LowestVersion">The lowest protocol version it speaks on this service.</param>
/// <param name="HighestVersion">The highest protocol version it speaks on this service.</param>
/// <param name="Last">The newest record it holds; null when there is none.</param>
/// <param name="Clock">Its time, in microseconds since 1970-01-01 UTC.</param>
internal readonly record struct Introduction(
    GroupId Group, NodeId Node, ushort LowestVersion, ushort HighestVersion, Vlsn Last, long Clock);

/// <summary>Whether a peer with this node's own id is let in.</summary>
internal enum OwnNodeRule
{
    /// <summary>
    /// It is not: the rule of a running node. A second node with the same id is a node that talks to itself or a cloned
    /// disk, and its acknowledgements would count twice for one copy.
    /// </summary>
    Refuse,

    /// <summary>
    /// It is: for the offline tool alone, where an operator joins a directory with a copy of it on purpose and no
    /// acknowledgement is counted.
    /// </summary>
    Admit,
}

/// <summary>How strict a node is with its peers.</summary>
/// <param name="ClockSkew">The most that two clocks may be apart.</param>
/// <param name="OwnNode">What becomes of a peer with this node's own id.</param>
internal readonly record struct HelloRules(TimeSpan ClockSkew, OwnNodeRule OwnNode = OwnNodeRule.Refuse);
