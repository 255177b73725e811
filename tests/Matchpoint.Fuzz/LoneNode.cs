using Matchpoint.Node;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Tests.Copies;
using Matchpoint.Transport;

namespace Matchpoint.Fuzz;

/// <summary>A node by itself in memory, which reaches nobody. It is opened anew, empty, when it has been written to for a while.</summary>
internal sealed class LoneNode
{
    private const long MostRecords = 2000;

    private MatchpointNode? _node;

    /// <summary>The node.</summary>
    public async Task<MatchpointNode> OpenAsync()
    {
        if (_node is not null && _node.GetStatus().Durable < MostRecords && _node.State == NodeState.Primary) return _node;
        if (_node is not null) await _node.DisposeAsync().ConfigureAwait(false);
        var files = new MemoryFiles();
        var options = new MatchpointOptions
        {
            Directory = "/node",
            ReadTimeout = TimeSpan.FromMilliseconds(20),
            CommitTimeout = TimeSpan.FromSeconds(5),
            ScrubBytesPerSecond = null,
        };
        var parts = new NodeParts { Files = files, Network = new NoNetwork(), States = _ => new PictureStates(files), Log = new LogOptions { SegmentBytes = 64 * 1024 } };
        _node = await MatchpointNode.OpenAsync(options, parts, CancellationToken.None).ConfigureAwait(false);
        await _node.Default.PutAsync("a"u8.ToArray(), "1"u8.ToArray()).ConfigureAwait(false);
        await _node.Database("d").PutAsync("b"u8.ToArray(), "2"u8.ToArray()).ConfigureAwait(false);
        return _node;
    }

    private sealed class NoNetwork : INetwork
    {
        public ValueTask<Channel> ConnectAsync(Endpoint peer, TimeSpan deadline, TimeProvider time, CancellationToken cancellation, string? member = null) =>
            throw new ConnectException($"{peer} is not reached: there is no network.");

        public ValueTask<INetworkListener> ListenAsync(
            Endpoint endpoint, IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report, TimeProvider time) =>
            throw new ConnectException($"{endpoint} cannot be listened at: there is no network.");
    }
}
