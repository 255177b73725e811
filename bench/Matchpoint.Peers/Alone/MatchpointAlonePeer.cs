namespace Matchpoint.Peers.Alone;

/// <summary>One node in this process, in no group.</summary>
internal sealed class MatchpointAlonePeer : IPeer
{
    /// <inheritdoc/>
    public string Name => "matchpoint-alone";

    /// <inheritdoc/>
    public PeerFacts Facts => new("Matchpoint, alone", 1, PeerFacts.InProcess, "flushed to the log before the acknowledgement (Durability.Full, the default)", "durable", null);

    /// <inheritdoc/>
    public string? Missing() => null;

    /// <inheritdoc/>
    public async Task<IOpenPeer> OpenAsync(string directory, int clients, CancellationToken cancellation) => new OpenPeer(await MatchpointNode.OpenAsync(directory, cancellation));

    private sealed class OpenPeer(MatchpointNode node) : IOpenPeer
    {
        public IReadOnlyList<int> Processes => [Environment.ProcessId];

        public async Task PutAsync(int client, byte[] key, byte[] value, CancellationToken cancellation) => await node.Default.PutAsync(key, value, cancellation: cancellation);

        public async Task<bool> GetAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation) =>
            await node.Default.GetAsync(key, cancellation: cancellation) is not null;

        public ValueTask DisposeAsync() => node.DisposeAsync();
    }
}
