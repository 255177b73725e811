using Matchpoint.Peers.Alone;
using Matchpoint.Peers.Groups;

namespace Matchpoint.Peers;

/// <summary>Everything that can be measured, in the order of the tables.</summary>
internal static class PeerList
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IPeer> All { get; } =
    [
        new MatchpointPeer(),
        new MatchpointServedPeer(),
        new EtcdPeer(),
        new RedisPeer(),
        new DotNextPeer(),
        new MatchpointAlonePeer(),
        new GarnetPeer(),
        new LiteDbPeer(),
        new SqlitePeer(),
    ];
}
