using System.Collections.Concurrent;
using System.Text;
using Matchpoint.Node;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Node;

/// <summary>Real nodes on loopback, each in a directory of its own, joined by links that can be cut.</summary>
internal sealed class TestGroup : IAsyncDisposable
{
    private readonly Dictionary<string, Endpoint> _listen = [];
    private readonly Dictionary<(string From, string To), TestLink> _links = [];
    private readonly ConcurrentDictionary<string, MatchpointNode> _nodes = new(); // Nodes are started at the same time, and looked for while others are stopped.
    private readonly string[] _initial;
    private readonly Func<MatchpointOptions, MatchpointOptions> _change;
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("matchpoint-group-");

    private readonly NodeParts _parts;

    private TestGroup(int size, Func<MatchpointOptions, MatchpointOptions> change, NodeParts parts)
    {
        _change = change;
        _parts = parts;
        foreach (var (name, port) in Enumerable.Range(0, size).Select(i => $"{(char)('a' + i)}").Zip(LoopbackPorts.Take(size))) _listen.Add(name, new Endpoint("127.0.0.1", port));
        _initial = [.. Names];
        Link();
    }

    /// <summary>The members' names.</summary>
    public IReadOnlyCollection<string> Names => _listen.Keys;

    /// <summary>The nodes that run.</summary>
    public IReadOnlyCollection<MatchpointNode> Nodes => [.. _nodes.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value)];

    /// <summary>The node that is the primary.</summary>
    public MatchpointNode Primary => Nodes.Where(node => node.IsPrimary).MaxBy(node => node.GetStatus().Term)!;

    /// <summary>The nodes that are not the primary.</summary>
    public List<MatchpointNode> Replicas => Primary is var primary ? [.. Nodes.Where(node => node != primary)] : [];

    /// <summary>A running node.</summary>
    public MatchpointNode this[string name] => _nodes[name];

    /// <summary>Starts a group and waits until all follow one primary.</summary>
    public static async Task<TestGroup> StartAsync(int size = 3, Func<MatchpointOptions, MatchpointOptions>? change = null, NodeParts? parts = null)
    {
        var group = new TestGroup(size, change ?? (options => options), parts ?? NodeParts.Real);
        foreach (var name in group.Names) await group.StartAsync(name);
        await group.SettledAsync();
        return group;
    }

    /// <summary>Options of a group that goes on with its primary when the machine stands still for a while: what a group has that nothing else is said of.</summary>
    public static MatchpointOptions Steady(MatchpointOptions options) => options with { ElectionTimeout = TimeSpan.FromSeconds(4) };

    /// <summary>A member's directory.</summary>
    public string DirectoryOf(string name) => Path.Combine(_directory.FullName, name);

    /// <summary>A member's options.</summary>
    public MatchpointOptions OptionsOf(string name) => _change(Steady(new MatchpointOptions
    {
        Directory = DirectoryOf(name),
        Name = name,
        Members = [.. _initial.Append(name).Distinct().Select(MemberOf)],
        Routes = Names.Where(member => member != name).ToDictionary(member => member, member => _links[(name, member)].Address),
        Listen = $"{_listen[name]}",
        CommitTimeout = Eventually.Patience,
        ReadTimeout = Eventually.Patience,
        MaxTailBytes = 64 * 1024 * 1024,
    }));

    /// <summary>Makes room for a further node: where it listens, and its links. It is neither started nor a member.</summary>
    public GroupMember Prepare(string name)
    {
        _listen.Add(name, new Endpoint("127.0.0.1", LoopbackPorts.Take(1)[0]));
        Link();
        return MemberOf(name);
    }

    /// <summary>A node as a plain member.</summary>
    public GroupMember MemberOf(string name) => new(name, $"{_listen[name]}");

    /// <summary>Starts a member.</summary>
    public async Task<MatchpointNode> StartAsync(string name) => _nodes[name] = await MatchpointNode.OpenAsync(OptionsOf(name), _parts, TestContext.Current.CancellationToken);

    /// <summary>Starts a member that reaches nobody at first: whoever listens to what it tells hears all of it.</summary>
    public async Task<MatchpointNode> StartAsync(string name, Action<MatchpointNode> listen)
    {
        Links(name, static link => link.Cut());
        var node = await StartAsync(name);
        listen(node);
        Links(name, static link => link.Heal());
        return node;
    }

    /// <summary>Stops a member.</summary>
    public async Task StopAsync(string name)
    {
        if (_nodes.TryRemove(name, out var node)) await node.DisposeAsync();
    }

    /// <summary>Does something to every link between a member and the others.</summary>
    public void Links(string name, Action<TestLink> what)
    {
        foreach (var ((from, to), link) in _links)
        {
            if (from == name || to == name) what(link);
        }
    }

    /// <summary>The link over which a member connects to another.</summary>
    public TestLink Link(string from, string to) => _links[(from, to)];

    /// <summary>Waits until one running node is the primary and the others follow it.</summary>
    public async Task SettledAsync()
    {
        await Eventually.HoldsAsync(
            () => Nodes.Count(node => node.State == NodeState.Primary && node.Core.IsReady) == 1 && Primary is { } primary
                && Nodes.Count(node => node.State == NodeState.Following && node.GetStatus().Primary == primary.Options.Name) == _nodes.Count - 1,
            () => "a primary with all others following; " + string.Join(" | ", Nodes.Select(node => node.GetStatus()).Select(status => $"{status.Name}: {status.State} {status.Step}")));
    }

    /// <summary>
    /// Hands the primary on among some nodes until its term is later than another. How many terms an election takes is chance, and of two logs the one with the later term leads: whoever
    /// cares which of two histories leads makes it so.
    /// </summary>
    /// <returns>The ready primary, in the later term.</returns>
    public async Task<MatchpointNode> LaterReignAsync(long than, params IReadOnlyCollection<string> among)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            MatchpointNode? primary = null;
            await Eventually.HoldsAsync(
                () => (primary = among.Select(name => _nodes[name]).FirstOrDefault(static node => node.IsPrimary && node.Core.IsReady)) is not null
                    && among.Count(name => _nodes[name].State == NodeState.Following) == among.Count - 1,
                "a primary among some, followed by them");
            if (primary!.GetStatus().Term > than) return primary;
            try
            {
                await primary.TransferAsync(cancellation: TestContext.Current.CancellationToken);
            }
            catch (Exception error) when (error is TransferException or NotPrimaryException && TimeProvider.System.GetElapsedTime(start) < Eventually.Patience)
            {
                // A vote was lost, or another was elected meanwhile: whoever leads then hands over.
            }
        }
    }

    /// <summary>Waits until all running nodes hold the same, and gives its hash.</summary>
    public async Task<string> AgreedAsync()
    {
        await SettledAsync();
        await Eventually.HoldsAsync(() => Nodes.Select(node => node.GetStatus()).Select(status => (status.Last, status.Durable)).Distinct().Count() == 1
            && Primary?.GetStatus() is { } primary && primary.Last == primary.Durable, "all logs equally long, and durable");
        var digests = new List<string>();
        foreach (var node in Nodes) digests.Add((await node.DigestAsync(TestContext.Current.CancellationToken)).Digest);
        Assert.Single(digests.Distinct());
        return digests[0];
    }

    /// <summary>The UTF-8 of a text.</summary>
    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>A value as text.</summary>
    public static string? Text(byte[]? value) => value is null ? null : Encoding.UTF8.GetString(value);

    private void Link()
    {
        foreach (var from in Names)
        {
            foreach (var to in Names.Where(to => to != from && !_links.ContainsKey((from, to)))) _links.Add((from, to), new TestLink(() => _listen[to]));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links.Values) await link.DisposeAsync();
        foreach (var node in _nodes.Values) await node.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
