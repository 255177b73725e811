using Matchpoint.Node;
using Matchpoint.Server.Access;
using Matchpoint.Server.Hosting;
using Matchpoint.Tests.Node;
using Matchpoint.Transport;

namespace Matchpoint.Server.Tests;

/// <summary>Real nodes on loopback, each with a server beside it.</summary>
internal sealed class ServedGroup : IAsyncDisposable
{
    private static readonly CommitOptions Unacknowledged = new() { Durability = new Durability(FlushPolicy.Sync, FlushPolicy.Sync, AckPolicy.None) };

    private readonly Dictionary<string, MatchpointHost> _hosts = [];
    private readonly MatchpointServerOptions _options;

    private ServedGroup(TestGroup nodes, MatchpointServerOptions options)
    {
        Nodes = nodes;
        _options = options;
    }

    /// <summary>The nodes.</summary>
    public TestGroup Nodes { get; }

    /// <summary>A client that stays where it is: a redirection is an answer like any other. It sends no body that it was to be asked for first, however late the answer is.</summary>
    public HttpClient Client { get; } = new(new SocketsHttpHandler { AllowAutoRedirect = false, Expect100ContinueTimeout = Eventually.Patience }) { Timeout = Eventually.Patience };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Starts a group, and a server beside each node. It elects late if nothing else is said: whoever is missed is stopped or cut off, and none is by a machine that stands still.</summary>
    public static async Task<ServedGroup> StartAsync(int size = 3, MatchpointServerOptions? options = null, Func<MatchpointOptions, MatchpointOptions>? change = null, NodeParts? parts = null)
    {
        var group = new ServedGroup(await TestGroup.StartAsync(size, change ?? TestGroup.Steady, parts), options ?? new MatchpointServerOptions());
        foreach (var name in group.Nodes.Names) await group.ServeAsync(name);
        return group;
    }

    /// <summary>Where a member's server is.</summary>
    public string UrlOf(string name) => _hosts[name].Url;

    /// <summary>An address on a member's server.</summary>
    public Uri At(string name, string path) => new($"{UrlOf(name)}/{path}");

    /// <summary>Stops a member and its server.</summary>
    public async Task StopAsync(string name)
    {
        if (_hosts.Remove(name, out var host)) await host.DisposeAsync();
        await Nodes.StopAsync(name);
    }

    /// <summary>Starts a member again, with a server.</summary>
    public async Task StartAsync(string name)
    {
        await Nodes.StartAsync(name);
        await ServeAsync(name);
    }

    /// <summary>Lets a primary write what its group goes on without, and come back: it undoes it.</summary>
    /// <returns>The name of the one that undid.</returns>
    public async Task<string> UndoAsync(string key, string value)
    {
        var old = Nodes.Primary;
        var undone = new TaskCompletionSource<RollbackNotice>(TaskCreationOptions.RunContinuationsAsynchronously);
        old.RolledBack += (_, notice) => undone.TrySetResult(notice);
        Nodes.Links(old.Options.Name, link => link.Cut());
        await old.Default.PutAsync(TestGroup.Utf8(key), TestGroup.Utf8(value), Unacknowledged, Cancellation);
        await Eventually.HoldsAsync(() => Nodes.Nodes.Any(node => node != old && node.IsPrimary && node.Core.IsReady), "another primary");
        var next = Nodes.Nodes.First(node => node != old && node.IsPrimary);
        await next.Default.PutAsync(TestGroup.Utf8("after"), TestGroup.Utf8("the failover"), cancellation: Cancellation);
        Nodes.Links(old.Options.Name, link => link.Heal());
        await undone.Task.WaitAsync(Eventually.Patience, Cancellation);
        await Nodes.SettledAsync();
        return old.Options.Name;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts.Values) await host.DisposeAsync();
        await Nodes.DisposeAsync();
        Client.Dispose();
    }

    private async Task ServeAsync(string name)
    {
        var endpoint = new Endpoint("127.0.0.1", 0);
        var security = HttpSecurity.Of(endpoint, own: null, Nodes[name].Options, _options);
        _hosts[name] = await MatchpointHost.StartAsync(Nodes[name], endpoint, security, _options, Cancellation);
    }
}
