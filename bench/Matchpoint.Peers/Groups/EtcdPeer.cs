using dotnet_etcd;
using Etcdserverpb;
using Google.Protobuf;
using Grpc.Core;
using Matchpoint.Transport;

namespace Matchpoint.Peers.Groups;

/// <summary>Three members of etcd, each a process; the clients share a gRPC channel to the leader.</summary>
internal sealed class EtcdPeer : IPeer
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public string Name => "etcd";

    /// <inheritdoc/>
    public PeerFacts Facts => new(
        "etcd", 3, PeerFacts.OverLoopback, "flushed to the logs of two of three members before the acknowledgement (the default)",
        "serializable: from the leader's own state", "the default: the leader asks a majority");

    /// <inheritdoc/>
    public string? Missing() => ServerProcess.Missing("etcd", "etcd-server");

    /// <inheritdoc/>
    public async Task<IOpenPeer> OpenAsync(string directory, int clients, CancellationToken cancellation)
    {
        var ports = LoopbackPorts.Take(6);
        var names = new[] { "a", "b", "c" };
        var cluster = string.Join(',', names.Select((name, i) => $"{name}=http://127.0.0.1:{ports[i + 3]}"));
        var members = new List<ServerProcess>();
        try
        {
            for (var i = 0; i < names.Length; i++)
            {
                var client = $"http://127.0.0.1:{ports[i]}";
                var peer = $"http://127.0.0.1:{ports[i + 3]}";
                members.Add(ServerProcess.Start(
                    "etcd",
                    "--name", names[i], "--data-dir", Path.Combine(directory, names[i]), "--log-level", "error",
                    "--listen-client-urls", client, "--advertise-client-urls", client,
                    "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                    "--initial-cluster", cluster, "--initial-cluster-state", "new"));
            }

            EtcdClient? leader = null;
            await members[0].UntilAsync("a leader was there", Patience, async () => (leader = await FindLeaderAsync(ports[..3], cancellation)) is not null, cancellation);
            return new OpenPeer(members, leader!);
        }
        catch
        {
            foreach (var member in members) member.Dispose();
            throw;
        }
    }

    private static async Task<EtcdClient?> FindLeaderAsync(IEnumerable<int> ports, CancellationToken cancellation)
    {
        foreach (var port in ports)
        {
            var client = new EtcdClient($"http://127.0.0.1:{port}", configureChannelOptions: static options => options.Credentials = ChannelCredentials.Insecure);
            try
            {
                var deadline = TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(2);
                var status = await client.StatusAsync(new StatusRequest(), deadline: deadline, cancellationToken: cancellation);
                if (status.Leader != 0 && status.Leader == status.Header.MemberId) return client;
            }
            catch (Exception error) when (error is RpcException or OperationCanceledException && !cancellation.IsCancellationRequested)
            {
                // It does not answer yet.
            }

            client.Dispose();
        }

        return null;
    }

    private sealed class OpenPeer(List<ServerProcess> members, EtcdClient leader) : IOpenPeer
    {
        public IReadOnlyList<int> Processes => [.. members.Select(member => member.Id)];

        public Task PutAsync(int client, byte[] key, byte[] value, CancellationToken cancellation) =>
            leader.PutAsync(new PutRequest { Key = ByteString.CopyFrom(key), Value = ByteString.CopyFrom(value) }, cancellationToken: cancellation);

        public async Task<bool> GetAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation)
        {
            var answer = await leader.GetAsync(new RangeRequest { Key = ByteString.CopyFrom(key), Serializable = !isLinearizable }, cancellationToken: cancellation);
            return answer.Kvs.Count == 1;
        }

        public ValueTask DisposeAsync()
        {
            leader.Dispose();
            foreach (var member in members) member.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
