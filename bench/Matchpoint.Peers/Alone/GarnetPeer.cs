using System.Globalization;
using Garnet;
using Matchpoint.Transport;
using StackExchange.Redis;

namespace Matchpoint.Peers.Alone;

/// <summary>
/// One server of Garnet, in a process of its own that is this program once more. Every command waits until the append-only file is committed. It is measured alone:
/// replicas of Garnet need its cluster mode, which is not set up here. The device is the managed one: the native one is built for a newer C library than Debian 12 has.
/// </summary>
internal sealed class GarnetPeer : IPeer
{
    /// <summary>The command by which this program is the server.</summary>
    public const string Command = "serve-garnet";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public string Name => "garnet";

    /// <inheritdoc/>
    public PeerFacts Facts => new(
        "Garnet", 1, PeerFacts.OverLoopback,
        "written to its append-only file (--aof-commit-wait), not flushed: what the operating system has not yet written is lost with the power",
        "from the server", null);

    /// <summary>Is the server, until the process is ended.</summary>
    public static async Task ServeAsync(int port, string directory, CancellationToken cancellation)
    {
        using var server = new GarnetServer(
        [
            "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--checkpointdir", directory,
            "--aof", "--aof-commit-wait", "--aof-commit-freq", "0", "--device-type", "RandomAccess",
        ]);
        server.Start();
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
    }

    /// <inheritdoc/>
    public string? Missing() => null;

    /// <inheritdoc/>
    public async Task<IOpenPeer> OpenAsync(string directory, int clients, CancellationToken cancellation)
    {
        var port = LoopbackPorts.Take(1)[0];
        var server = ServerProcess.Start("dotnet", typeof(GarnetPeer).Assembly.Location, Command, port.ToString(CultureInfo.InvariantCulture), directory);
        var connections = new List<ConnectionMultiplexer>();
        try
        {
            await server.UntilAsync("connected", Patience, async () => await RedisConnections.ConnectAsync(port, clients, connections), cancellation);
            return new OpenPeer(server, connections);
        }
        catch
        {
            foreach (var connection in connections) await connection.DisposeAsync();
            server.Dispose();
            throw;
        }
    }

    private sealed class OpenPeer(ServerProcess server, List<ConnectionMultiplexer> connections) : IOpenPeer
    {
        private readonly List<IDatabase> _databases = [.. connections.Select(static connection => connection.GetDatabase())];

        public IReadOnlyList<int> Processes => [server.Id];

        public Task PutAsync(int client, byte[] key, byte[] value, CancellationToken cancellation) => _databases[client].StringSetAsync(key, value).WaitAsync(cancellation);

        public async Task<bool> GetAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation) =>
            (await _databases[client].StringGetAsync(key).WaitAsync(cancellation)).HasValue;

        public async ValueTask DisposeAsync()
        {
            foreach (var connection in connections) await connection.DisposeAsync();
            server.Dispose();
        }
    }
}
