using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Syncup;

/// <summary>Who this side is, as its hello says it, and whom it lets in.</summary>
internal sealed record SyncupPeer
{
    /// <summary>The node's name, for people.</summary>
    public required string Name { get; init; }

    /// <summary>The protocol versions it speaks: lowest.</summary>
    public byte LowestVersion { get; init; } = 1;

    /// <summary>The protocol versions it speaks: highest.</summary>
    public byte HighestVersion { get; init; } = 2;

    /// <summary>How far a peer's clock may be from this one.</summary>
    public TimeSpan MostClockSkew { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Whether a peer with this node's own identity is let in: only the tool does, for copied directories.</summary>
    public bool AllowsSameNode { get; init; }

    /// <summary>Where time comes from.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The clock as a hello tells it: microseconds since 1970-01-01 UTC.</summary>
    public long Clock => (Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>What it asks of its peers.</summary>
    public Admission Admission(GroupId group, NodeId node) => new(group, node, LowestVersion, HighestVersion, MostClockSkew, AllowsSameNode);
}
