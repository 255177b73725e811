using System.Globalization;
using Matchpoint.Transport;
using StackExchange.Redis;

namespace Matchpoint.Peers.Groups;

/// <summary>
/// A primary of Redis and two replicas, each with <c>appendfsync always</c>. Every write is followed by <c>WAIT 1</c> in the same packet. This is no consensus:
/// nobody elects here, and a write that was acknowledged may be lost in a failover.
/// </summary>
internal sealed class RedisPeer : IPeer
{
    private const int WaitMilliseconds = 5000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public string Name => "redis";

    /// <inheritdoc/>
    public PeerFacts Facts => new(
        "Redis, WAIT 1", 3, PeerFacts.OverLoopback, "flushed to the primary's append-only file, and acknowledged by one of two replicas, which flush theirs too; no consensus",
        "from the primary", null);

    /// <inheritdoc/>
    public string? Missing() => ServerProcess.Missing("redis-server", "redis-server");

    /// <inheritdoc/>
    public async Task<IOpenPeer> OpenAsync(string directory, int clients, CancellationToken cancellation)
    {
        var ports = LoopbackPorts.Take(3);
        var servers = new List<ServerProcess>();
        var connections = new List<ConnectionMultiplexer>();
        try
        {
            foreach (var port in ports)
            {
                var own = Directory.CreateDirectory(Path.Combine(directory, port.ToString(CultureInfo.InvariantCulture))).FullName;
                List<string> arguments =
                [
                    "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", own, "--daemonize", "no",
                    "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--repl-diskless-sync-delay", "0",
                ];
                if (port != ports[0]) arguments.AddRange(["--replicaof", "127.0.0.1", ports[0].ToString(CultureInfo.InvariantCulture)]);
                servers.Add(ServerProcess.Start("redis-server", arguments));
            }

            await servers[0].UntilAsync("connected", Patience, async () => await RedisConnections.ConnectAsync(ports[0], clients, connections), cancellation);
            await servers[0].UntilAsync("followed by two replicas", Patience, async () => await CountReplicasAsync(connections[0]) == 2, cancellation);
            return new OpenPeer(servers, connections);
        }
        catch
        {
            foreach (var connection in connections) await connection.DisposeAsync();
            foreach (var server in servers) server.Dispose();
            throw;
        }
    }

    private static async Task<int> CountReplicasAsync(ConnectionMultiplexer connection)
    {
        await connection.GetDatabase().StringSetAsync("here", "1");
        return (int)await connection.GetDatabase().ExecuteAsync("WAIT", "2", "100");
    }

    private sealed class OpenPeer(List<ServerProcess> servers, List<ConnectionMultiplexer> connections) : IOpenPeer
    {
        private readonly List<IDatabase> _databases = [.. connections.Select(static connection => connection.GetDatabase())];

        public IReadOnlyList<int> Processes => [.. servers.Select(server => server.Id)];

        public async Task PutAsync(int client, byte[] key, byte[] value, CancellationToken cancellation)
        {
            var set = _databases[client].StringSetAsync(key, value);
            var wait = _databases[client].ExecuteAsync("WAIT", "1", WaitMilliseconds);
            await set.WaitAsync(cancellation);
            var replicas = (int)await wait.WaitAsync(cancellation);
            if (replicas < 1) throw new TimeoutException($"redis: no replica acknowledged within {WaitMilliseconds} ms");
        }

        public async Task<bool> GetAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation) =>
            (await _databases[client].StringGetAsync(key).WaitAsync(cancellation)).HasValue;

        public async ValueTask DisposeAsync()
        {
            foreach (var connection in connections) await connection.DisposeAsync();
            foreach (var server in servers) server.Dispose();
        }
    }
}
