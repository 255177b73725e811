using Matchpoint.Cli.Node;
using Matchpoint.Client;

namespace Matchpoint.Peers.Groups;

/// <summary>
/// Three processes of <c>matchpoint serve</c>; every client has a connection to the primary, and speaks the tool's own protocol, which puts JSON
/// into frames and waits for each answer. That is what the tool uses, not a client made for speed.
/// </summary>
internal sealed class MatchpointServedPeer : IPeer
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public string Name => "matchpoint-served";

    /// <inheritdoc/>
    public PeerFacts Facts => new(
        "Matchpoint, served", 3, PeerFacts.OverLoopback, "flushed to the logs of two of three nodes before the acknowledgement (Durability.Full, the default)",
        "durable: what a majority has, from the primary's own state", "from the primary under its lease: no message");

    /// <inheritdoc/>
    public string? Missing() => null;

    /// <inheritdoc/>
    public async Task<IOpenPeer> OpenAsync(string directory, int clients, CancellationToken cancellation)
    {
        var group = await ProcessGroup.StartAsync(directory, electionMilliseconds: null, static _ => { }, cancellation);
        var connections = new List<NodeClient>();
        try
        {
            await group.AllFollowAsync(Patience, cancellation);
            var primary = group.EndpointOf(await group.FindPrimaryAsync(Patience, cancellation));
            while (connections.Count < clients)
            {
                connections.Add(await NodeClient.ConnectAsync(primary, Patience, cancellation));
                // A node takes only so many connections that have not yet said what they want.
                await connections[^1].AskAsync(new ClientRequest { Op = "status" }, Patience, cancellation);
            }

            return new OpenPeer(group, connections);
        }
        catch
        {
            foreach (var connection in connections) await connection.DisposeAsync();
            await group.DisposeAsync();
            throw;
        }
    }

    private sealed class OpenPeer(ProcessGroup group, IReadOnlyList<NodeClient> connections) : IOpenPeer
    {
        public IReadOnlyList<int> Processes => [.. group.Names.Select(group.ProcessOf)];

        public Task PutAsync(int client, byte[] key, byte[] value, CancellationToken cancellation) => connections[client].AskAsync(
            new ClientRequest { Op = "transact", Operations = [new ClientOperation(ChangeKind.Put, null, -1, key, value)] }, Patience, cancellation);

        public async Task<bool> GetAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation)
        {
            var request = new ClientRequest { Op = "get", Key = key, Level = isLinearizable ? "linearizable" : "durable" };
            return (await connections[client].AskAsync(request, Patience, cancellation)).Found;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var connection in connections) await connection.DisposeAsync();
            await group.DisposeAsync();
        }
    }
}
