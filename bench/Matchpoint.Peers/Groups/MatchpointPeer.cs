using Matchpoint.Cli.Bench;

namespace Matchpoint.Peers.Groups;

/// <summary>Three nodes in this process, as a program embeds one; the clients call the primary's methods.</summary>
internal sealed class MatchpointPeer : IPeer
{
    /// <inheritdoc/>
    public string Name => "matchpoint";

    /// <inheritdoc/>
    public PeerFacts Facts => new(
        "Matchpoint, embedded", 3, PeerFacts.InProcess, "flushed to the logs of two of three nodes before the acknowledgement (Durability.Full, the default)",
        "durable: what a majority has, from the primary's own state", "from the primary under its lease: no message");

    /// <inheritdoc/>
    public string? Missing() => null;

    /// <inheritdoc/>
    public async Task<IOpenPeer> OpenAsync(string directory, int clients, CancellationToken cancellation) =>
        new OpenPeer(await BenchGroup.OpenAsync(directory, Durability.Full, electionTimeout: null, cancellation));

    private sealed class OpenPeer(BenchGroup group) : IOpenPeer
    {
        private readonly MatchpointNode _primary = group.Primary;

        public IReadOnlyList<int> Processes => [Environment.ProcessId];

        public async Task PutAsync(int client, byte[] key, byte[] value, CancellationToken cancellation) =>
            await _primary.Default.PutAsync(key, value, cancellation: cancellation);

        public async Task<bool> GetAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation) =>
            await _primary.Default.GetAsync(key, isLinearizable ? ReadLevel.Linearizable : ReadLevel.Durable, cancellation) is not null;

        public ValueTask DisposeAsync() => group.DisposeAsync();
    }
}
