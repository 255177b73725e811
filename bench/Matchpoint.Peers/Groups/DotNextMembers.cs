using System.Net;
using DotNext.Buffers;
using DotNext.Net;
using DotNext.Net.Cluster.Consensus.Raft.Membership;

namespace Matchpoint.Peers.Groups;

/// <summary>The members of a group of DotNext nodes, which are known from the beginning.</summary>
internal sealed class DotNextMembers : InMemoryClusterConfigurationStorage<EndPoint>
{
    /// <summary>Makes it.</summary>
    public DotNextMembers(IEnumerable<EndPoint> members)
    {
        var builder = CreateInitialConfigurationBuilder();
        foreach (var member in members) builder.Add(member);
        builder.Build();
    }

    /// <inheritdoc/>
    protected override void Encode(EndPoint address, ref BufferWriterSlim<byte> output) => output.WriteEndPoint(address);

    /// <inheritdoc/>
    protected override EndPoint Decode(ref SequenceReader reader) => reader.ReadEndPoint();
}
