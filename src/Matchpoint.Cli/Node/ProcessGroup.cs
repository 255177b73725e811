using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Matchpoint.Client;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Node;

/// <summary>Three nodes, each a process of its own that runs <c>matchpoint serve</c>, on loopback.</summary>
internal sealed class ProcessGroup : IAsyncDisposable
{
    private static readonly string[] Members = ["a", "b", "c"];
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly Dictionary<string, Endpoint> _endpoints;
    private readonly Dictionary<(string From, string To), Link> _links = [];
    private readonly Dictionary<string, Process> _processes = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly string _directory;
    private readonly int? _election;
    private readonly Action<string> _hear;

    private ProcessGroup(string directory, int? electionMilliseconds, Action<string> hear, Dictionary<string, Endpoint> endpoints)
    {
        _directory = directory;
        _election = electionMilliseconds;
        _hear = hear;
        _endpoints = endpoints;
    }

    /// <summary>The members' names.</summary>
    public IReadOnlyCollection<string> Names => _endpoints.Keys;

    /// <summary>Starts three nodes and waits until they have a primary.</summary>
    /// <param name="directory">Where their directories go.</param>
    /// <param name="electionMilliseconds">Their election time-out; null for the default.</param>
    /// <param name="hear">Hears every line that says what is wrong.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="withLinks">Whether the members reach each other over links that can be cut.</param>
    public static async Task<ProcessGroup> StartAsync(
        string directory, int? electionMilliseconds, Action<string> hear, CancellationToken cancellation, bool withLinks = false)
    {
        var endpoints = Members.Zip(LoopbackPorts.Take(3)).ToDictionary(pair => pair.First, pair => new Endpoint("127.0.0.1", pair.Second), StringComparer.Ordinal);
        var group = new ProcessGroup(directory, electionMilliseconds, hear, endpoints);
        foreach (var from in withLinks ? group.Names : [])
        {
            foreach (var to in group.Names.Where(to => to != from)) group._links.Add((from, to), new Link(endpoints[to]));
        }

        foreach (var name in group.Names) group.Start(name);
        await group.FindPrimaryAsync(TimeSpan.FromSeconds(60), cancellation);
        return group;
    }

    /// <summary>Where a member listens.</summary>
    public Endpoint EndpointOf(string name) => _endpoints[name];

    /// <summary>The number of a member's process.</summary>
    public int ProcessOf(string name) => _processes[name].Id;

    /// <summary>A member's directory.</summary>
    public string DirectoryOf(string name) => Path.Combine(_directory, name);

    /// <summary>The links from and to a member, and for each whether it is one that the member connects over.</summary>
    public IEnumerable<(Link Link, bool IsFrom)> LinksOf(string name) =>
        _links.Where(link => link.Key.From == name || link.Key.To == name).Select(link => (link.Value, link.Key.From == name));

    /// <summary>Whether a member's process runs.</summary>
    public bool IsRunning(string name) => !_processes[name].HasExited;

    /// <summary>The last lines that the members said.</summary>
    public IReadOnlyCollection<string> Lines => _lines;

    /// <summary>Starts a member's process.</summary>
    /// <param name="name">The member.</param>
    /// <param name="under">A program, with its arguments, that runs it; null for none.</param>
    public void Start(string name, IReadOnlyList<string>? under = null)
    {
        List<string> arguments = ["serve", "--data", DirectoryOf(name), "--name", name];
        foreach (var (member, endpoint) in _endpoints)
        {
            arguments.AddRange(["--member", $"{member}={(_links.TryGetValue((name, member), out var link) ? link.Endpoint : endpoint)}"]);
        }

        if (_election is { } milliseconds) arguments.AddRange(["--election-timeout", milliseconds.ToString(CultureInfo.InvariantCulture)]);
        var process = ToolProcess.Start(arguments, under, line => Hear(name, line));
        if (_processes.TryGetValue(name, out var previous)) previous.Dispose();
        _processes[name] = process;
    }

    /// <summary>Cuts, or heals, every link between a member and the others.</summary>
    public void Isolate(string name, bool isCut)
    {
        foreach (var ((from, to), link) in _links)
        {
            if (from != name && to != name) continue;
            if (isCut) link.Cut();
            else link.Heal();
        }
    }

    /// <summary>Kills a member's process, as a power cut would end it.</summary>
    public void Kill(string name)
    {
        _processes[name].Kill();
        _processes[name].WaitForExit();
    }

    /// <summary>Sends a member's process a signal.</summary>
    public void Signal(string name, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", _processes[name].Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>How a member is; null when it does not answer.</summary>
    public async Task<NodeStatus?> StatusAsync(string name, CancellationToken cancellation)
    {
        try
        {
            await using var client = await NodeClient.ConnectAsync(EndpointOf(name), TimeSpan.FromSeconds(1), cancellation);
            return (await client.AskAsync(new ClientRequest { Op = "status" }, TimeSpan.FromSeconds(2), cancellation)).Status;
        }
        catch (Exception error) when (error is ConnectException or ChannelException or ClientException)
        {
            return null;
        }
    }

    /// <summary>The name of the member that is the primary, once one is.</summary>
    public async Task<string> FindPrimaryAsync(TimeSpan patience, CancellationToken cancellation)
    {
        var found = "";
        await UntilAsync(async () =>
        {
            var statuses = await Task.WhenAll(Names.Select(name => StatusAsync(name, cancellation)));
            found = statuses.Where(status => status?.State == NodeState.Primary).MaxBy(status => status!.Term)?.Name ?? "";
            return found.Length > 0;
        }, "no member became the primary", patience, cancellation);
        return found;
    }

    /// <summary>A hash over all that a member holds.</summary>
    public async Task<string?> DigestAsync(string name, CancellationToken cancellation)
    {
        await using var client = await NodeClient.ConnectAsync(EndpointOf(name), TimeSpan.FromSeconds(1), cancellation);
        return (await client.AskAsync(new ClientRequest { Op = "digest" }, TimeSpan.FromMinutes(1), cancellation)).Digest;
    }

    /// <summary>Waits until one member is the primary and all others follow it.</summary>
    public Task AllAreThereAsync(TimeSpan patience, CancellationToken cancellation) => UntilAsync(async () =>
    {
        var statuses = await Task.WhenAll(Names.Select(name => StatusAsync(name, cancellation)));
        return statuses.Count(status => status?.State == NodeState.Primary) == 1 && statuses.Count(status => status?.State == NodeState.Following) == Names.Count - 1;
    }, "the members did not come together", patience, cancellation);

    /// <summary>Waits until one member is the primary and all others follow it, with all that it has.</summary>
    public Task AllFollowAsync(TimeSpan patience, CancellationToken cancellation) => UntilAsync(async () =>
    {
        var statuses = await Task.WhenAll(Names.Select(name => StatusAsync(name, cancellation)));
        return statuses.All(status => status?.State is NodeState.Primary or NodeState.Following)
            && statuses.Select(status => (status!.Primary, status.Term, status.Durable)).Distinct().Count() == 1;
    }, "the members did not come together", patience, cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes.Values)
        {
            if (!process.HasExited) process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        foreach (var link in _links.Values) await link.DisposeAsync();
    }

    private void Hear(string name, string line)
    {
        _lines.Enqueue($"{name}  {line}");
        while (_lines.Count > 200) _lines.TryDequeue(out _);
        _hear($"{name}  {line}");
    }

    private async Task UntilAsync(Func<Task<bool>> isTrue, string failure, TimeSpan patience, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await isTrue())
        {
            if (TimeProvider.System.GetElapsedTime(start) > patience)
                throw new TimeoutException($"{failure} within {patience.TotalSeconds:0} s. The last lines of the members:{Environment.NewLine}{string.Join(Environment.NewLine, _lines)}");
            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }
    }
}
