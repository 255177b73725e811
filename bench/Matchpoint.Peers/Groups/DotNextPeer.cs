using System.Net;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Matchpoint.Transport;

namespace Matchpoint.Peers.Groups;

/// <summary>
/// Three nodes of DotNext's Raft in this process, over its TCP transport, each with its write-ahead log on disk and a dictionary as its state. The clients call
/// the leader's methods.
/// </summary>
internal sealed class DotNextPeer : IPeer
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public string Name => "dotnext";

    /// <inheritdoc/>
    public PeerFacts Facts => new(
        "DotNext Raft", 3, PeerFacts.InProcess,
        "in the logs of two of three nodes, each of which flushes what is committed (WriteAheadLog, its defaults); the order of flush and acknowledgement was not seen",
        "from the leader's own state", "ApplyReadBarrierAsync: the leader asks a majority");

    /// <inheritdoc/>
    public string? Missing() => null;

    /// <inheritdoc/>
    public async Task<IOpenPeer> OpenAsync(string directory, int clients, CancellationToken cancellation)
    {
        var endpoints = LoopbackPorts.Take(3).Select(static port => new IPEndPoint(IPAddress.Loopback, port)).ToList();
        var nodes = new List<Node>();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        try
        {
            foreach (var endpoint in endpoints) nodes.Add(await Node.StartAsync(Path.Combine(directory, $"{endpoint.Port}"), endpoint, endpoints, patience.Token));
            await await Task.WhenAny(nodes.Select(node => node.Cluster.WaitForLeadershipAsync(patience.Token)));
            foreach (var node in nodes) await node.Cluster.Readiness.WaitAsync(patience.Token);
            return new OpenPeer(nodes);
        }
        catch
        {
            foreach (var node in nodes) await node.DisposeAsync();
            throw;
        }
    }

    private sealed class Node(RaftCluster cluster, WriteAheadLog log, DotNextState state) : IAsyncDisposable
    {
        public RaftCluster Cluster => cluster;

        public DotNextState State => state;

        public static async Task<Node> StartAsync(string directory, IPEndPoint endpoint, IEnumerable<IPEndPoint> members, CancellationToken cancellation)
        {
            var configuration = new RaftCluster.TcpConfiguration(endpoint) { ColdStart = false, ConfigurationStorage = new DotNextMembers(members) };
            var state = new DotNextState(new DirectoryInfo(Path.Combine(directory, "state")));
            var log = new WriteAheadLog(new WriteAheadLog.Options { Location = Path.Combine(directory, "log") }, state);
            var cluster = new RaftCluster(configuration) { AuditTrail = log };
            var node = new Node(cluster, log, state);
            await cluster.StartAsync(cancellation);
            return node;
        }

        public async ValueTask DisposeAsync()
        {
            using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
            await cluster.StopAsync(patience.Token);
            await cluster.DisposeAsync();
            await log.DisposeAsync();
            await state.DisposeAsync();
        }
    }

    private sealed class OpenPeer(List<Node> nodes) : IOpenPeer
    {
        private readonly Node _leader = nodes.First(static node => !node.Cluster.LeadershipToken.IsCancellationRequested);

        public IReadOnlyList<int> Processes => [Environment.ProcessId];

        public Task PutAsync(int client, byte[] key, byte[] value, CancellationToken cancellation) =>
            _leader.Cluster.ReplicateAsync(DotNextState.Put(key, value), token: cancellation).AsTask();

        public async Task<bool> GetAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation)
        {
            if (isLinearizable) await _leader.Cluster.ApplyReadBarrierAsync(cancellation);
            return _leader.State.Has(key);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var node in nodes) await node.DisposeAsync();
        }
    }
}
