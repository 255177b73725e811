using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Data;

namespace Matchpoint.Syncup;

/// <summary>Who this side is, as its hello says it, and whom it lets in.</summary>
internal sealed record SyncupPeer
{
    /// <summary>The node's name, for people.</summary>
    public required string Name { get; init; }

    /// <summary>How strict it is with its peers.</summary>
    public HelloRules Rules { get; init; } = new(TimeSpan.FromMinutes(1));

    /// <summary>Where time comes from.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The clock as a hello tells it: microseconds since 1970-01-01 UTC.</summary>
    public long Clock => (Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>What it compares a hello with, on a service that speaks one version.</summary>
    public Introduction Introduce(NodeIdentity identity, ushort version, Vlsn last) =>
        new(identity.Group, identity.Node, version, version, last, Clock);

    /// <summary>A peer that compares copied directories, as the tool does.</summary>
    public static SyncupPeer ForTheTool(string name) => new() { Name = name, Rules = new HelloRules(TimeSpan.FromMinutes(1), OwnNodeRule.Admit) };
}
