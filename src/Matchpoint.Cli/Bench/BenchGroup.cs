using Matchpoint.Node;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Bench;

/// <summary>A group of nodes in this process, on loopback, each in a directory of its own.</summary>
internal sealed class BenchGroup : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly string[] Names = ["a", "b", "c"];

    private readonly Dictionary<string, MatchpointNode> _nodes = new(StringComparer.Ordinal);
    private readonly Func<string, MatchpointOptions> _options;

    private readonly NodeParts _parts;

    private BenchGroup(Func<string, MatchpointOptions> options, NodeParts parts)
    {
        _options = options;
        _parts = parts;
    }

    /// <summary>The nodes that run.</summary>
    public IEnumerable<MatchpointNode> Nodes => _nodes.Values;

    /// <summary>The node that is the primary now.</summary>
    public MatchpointNode Primary => _nodes.Values.First(node => node.IsPrimary);

    /// <summary>Opens three nodes and waits until they follow their primary.</summary>
    public static Task<BenchGroup> OpenAsync(string directory, Durability durability, TimeSpan? electionTimeout, CancellationToken cancellation, BenchCertificates? certificates = null) =>
        OpenAsync(directory, durability, electionTimeout, options => options with { Security = certificates?.Of(options.Name) }, NodeParts.Real, cancellation);

    /// <summary>Opens three nodes with options and parts of their own; both are asked for whenever a member is started.</summary>
    public static async Task<BenchGroup> OpenAsync(
        string directory, Durability durability, TimeSpan? electionTimeout, Func<MatchpointOptions, MatchpointOptions> change, NodeParts parts, CancellationToken cancellation)
    {
        GroupMember[] members = [.. Names.Zip(LoopbackPorts.Take(3), (name, port) => new GroupMember(name, $"127.0.0.1:{port}"))];
        var group = new BenchGroup(name => change(new MatchpointOptions
        {
            Directory = Path.Combine(directory, name),
            Name = name,
            Members = members,
            Durability = durability,
            RollbackLimit = int.MaxValue,
            ElectionTimeout = electionTimeout ?? new MatchpointOptions { Directory = directory }.ElectionTimeout,
        }), parts);
        await group.StartAllAsync(cancellation);
        return group;
    }

    /// <summary>Starts every member that does not run, and waits until they follow their primary.</summary>
    public async Task StartAllAsync(CancellationToken cancellation)
    {
        foreach (var name in Names.Where(name => !_nodes.ContainsKey(name))) await StartAsync(name, cancellation);
        foreach (var node in Nodes) await node.WaitUntilReadyAsync(Patience, cancellation);
    }

    /// <summary>Starts a member that does not run.</summary>
    public async Task<MatchpointNode> StartAsync(string name, CancellationToken cancellation)
    {
        var node = await MatchpointNode.OpenAsync(_options(name), _parts, cancellation);
        _nodes[name] = node;
        return node;
    }

    /// <summary>A member's directory.</summary>
    public string DirectoryOf(string name) => _options(name).Directory;

    /// <summary>Stops a member.</summary>
    public async Task StopAsync(string name)
    {
        if (!_nodes.Remove(name, out var node)) return;
        await node.DisposeAsync();
    }

    /// <summary>Stops a member and empties its disk.</summary>
    public async Task EmptyAsync(string name)
    {
        await StopAsync(name);
        if (Directory.Exists(DirectoryOf(name))) Directory.Delete(DirectoryOf(name), recursive: true);
    }

    /// <summary>Waits until a node has, on disk and in its state, what another has.</summary>
    public static async Task CaughtUpAsync(MatchpointNode node, Func<long> target, CancellationToken cancellation)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var status = node.GetStatus();
            if (status.Durable >= target() && status.Flushed >= target() && status.Applied >= target()) return;
            if (TimeProvider.System.GetElapsedTime(deadline) > Patience) throw new TimeoutException($"{status.Name} did not catch up with record {target()}: "
                + $"{status.Step}, last {status.Last}, flushed {status.Flushed}, applied {status.Applied}");
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, cancellation);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Values) await node.DisposeAsync();
        _nodes.Clear();
    }
}
