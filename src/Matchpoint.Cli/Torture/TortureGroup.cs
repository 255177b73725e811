using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Matchpoint.Cli.Node;
using Matchpoint.Client;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Torture;

/// <summary>
/// The machines of a torture, each a process of its own that runs <c>matchpoint serve</c>: three members, and two that may become members. All but the last reach each other over
/// links that can be cut; the last one is reached where the group's log says, so that its address can be changed in earnest.
/// </summary>
internal sealed class TortureGroup : IAsyncDisposable
{
    private const int ElectionMilliseconds = 500;
    private const int Lines = 400;

    /// <summary>Where the clients are, among the ends of links: no member has that name.</summary>
    private const string Clients = "";

    /// <summary>The least log that can be kept, so that a member falls off while a torture runs.</summary>
    private const int KeepBytes = 64 * 1024 * 1024;
    private const int TailBytes = 4 * 1024 * 1024;

    /// <summary>Slow enough to be cut in the middle.</summary>
    private const int CopyBytesPerSecond = 12 * 1024 * 1024;

    private static readonly string[] First = ["a", "b", "c"];
    private static readonly string[] Spare = ["d", "e"];
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly Dictionary<string, TortureMember> _members;
    private readonly Dictionary<(string From, string To), Link> _links = [];
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly string _directory;

    private TortureGroup(string directory)
    {
        _directory = directory;
        string[] names = [.. First, .. Spare];
        _members = names.Zip(LoopbackPorts.Take(names.Length)).ToDictionary(
            static pair => pair.First, pair => new TortureMember(pair.First, Path.Combine(directory, pair.First), new Endpoint("127.0.0.1", pair.Second)), StringComparer.Ordinal);
        var linked = names[..^1];
        foreach (var from in linked)
        {
            foreach (var to in linked.Where(to => to != from)) _links.Add((from, to), new Link(_members[to].Listen));
        }

        foreach (var to in linked) _links.Add((Clients, to), new Link(_members[to].Listen));
    }

    /// <summary>All machines.</summary>
    public IReadOnlyCollection<TortureMember> Machines => _members.Values;

    /// <summary>The names of those that are to run.</summary>
    public IReadOnlyList<string> Names => [.. _members.Values.Where(static member => member.IsWanted).Select(static member => member.Name)];

    /// <summary>Where those listen that serve clients.</summary>
    public IReadOnlyList<Endpoint> Endpoints => [.. Serving.Select(static member => member.Listen)];

    /// <summary>Where those are reached that serve clients, over links where there are some: who cannot reach a member then, no client can either.</summary>
    public IReadOnlyList<Endpoint> LinkedEndpoints =>
        [.. Serving.Select(member => _links.TryGetValue((Clients, member.Name), out var link) ? link.Endpoint : member.Listen)];

    private IEnumerable<TortureMember> Serving => _members.Values.Where(static member => member is { IsWanted: true, HoldsData: true });

    /// <summary>The last lines that the members said.</summary>
    public IReadOnlyCollection<string> Said => _lines;

    /// <summary>One machine.</summary>
    public TortureMember this[string name] => _members[name];

    /// <summary>Starts three members.</summary>
    public static TortureGroup Start(string directory)
    {
        var group = new TortureGroup(directory);
        foreach (var name in First) group[name].IsWanted = true;
        foreach (var name in First) group.Start(name);

        return group;
    }

    /// <summary>The links from and to a member, those of the clients among them, and for each whether it is one that the member connects over.</summary>
    public IEnumerable<(Link Link, bool IsFrom)> LinksOf(string name) =>
        _links.Where(link => link.Key.From == name || link.Key.To == name).Select(link => (link.Value, link.Key.From == name));

    /// <summary>Starts a member's process.</summary>
    /// <param name="name">The member.</param>
    /// <param name="under">A program, with its arguments, that runs it; null for none.</param>
    public void Start(string name, IReadOnlyList<string>? under = null)
    {
        var self = _members[name];
        var settings = Path.Combine(_directory, $"{name}.json");
        File.WriteAllText(settings, JsonSerializer.Serialize(new
        {
            data = self.Data,
            name,
            electionTimeoutMilliseconds = ElectionMilliseconds,
            maxTailBytes = TailBytes,
            logKeepBytes = KeepBytes,
            copyBytesPerSecond = CopyBytesPerSecond,
            routes = _links.Where(link => link.Key.From == name).ToDictionary(static link => link.Key.To, static link => link.Value.Endpoint.ToString()),
        }));
        List<string> arguments = ["serve", "--config", settings, "--listen", self.Listen.ToString()];
        foreach (var member in _members.Values.Where(member => member.IsWanted || member == self)) arguments.AddRange(["--member", member.Text]);
        var process = ToolProcess.Start(arguments, under, line =>
        {
            _lines.Enqueue($"{name}  {line}");
            while (_lines.Count > Lines) _lines.TryDequeue(out _);
        });
        self.Process?.Dispose();
        self.Process = process;
    }

    /// <summary>A member that is a process, but is not to be one any more.</summary>
    public void Retire(string name)
    {
        Kill(name);
        _members[name].IsWanted = false;
    }

    /// <summary>Whether a member is reached over links, wherever the group's log says that it listens.</summary>
    public bool IsLinked(string name) => LinksOf(name).Any();

    /// <summary>Cuts, or heals, every link between a member and the others.</summary>
    public void Isolate(string name, bool isCut)
    {
        foreach (var (link, _) in LinksOf(name))
        {
            if (isCut) link.Cut();
            else link.Heal();
        }
    }

    /// <summary>Kills a member's process.</summary>
    public void Kill(string name)
    {
        if (_members[name].Process is not { HasExited: false } process) return;
        process.Kill();
        process.WaitForExit();
    }

    /// <summary>Asks a member to stop, and waits until it has.</summary>
    /// <exception cref="TimeoutException">It does not.</exception>
    public async Task StopAsync(string name, TimeSpan patience, CancellationToken cancellation)
    {
        if (_members[name].Process is not { HasExited: false } process) return;
        Signal(name, "CONT");
        Signal(name, "TERM");
        try
        {
            await process.WaitForExitAsync(cancellation).WaitAsync(patience, TimeProvider.System, cancellation);
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"{name} was asked to stop, and still runs after {patience.TotalSeconds:0} s", late);
        }
    }

    /// <summary>Sends a member's process a signal.</summary>
    public void Signal(string name, string signal)
    {
        if (_members[name].Process is not { HasExited: false } process) return;
        using var kill = System.Diagnostics.Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>How a member is; null when it does not answer.</summary>
    public async Task<NodeStatus?> StatusAsync(string name, CancellationToken cancellation)
    {
        try
        {
            await using var client = await NodeClient.ConnectAsync(_members[name].Listen, TimeSpan.FromSeconds(1), cancellation);
            return (await client.AskAsync(new ClientRequest { Op = "status" }, TimeSpan.FromSeconds(2), cancellation)).Status;
        }
        catch (Exception error) when (error is ConnectException or ChannelException or ClientException)
        {
            return null;
        }
    }

    /// <summary>How all members are that are to run.</summary>
    public async Task<IReadOnlyList<NodeStatus?>> StatusesAsync(CancellationToken cancellation) => await Task.WhenAll(Names.Select(name => StatusAsync(name, cancellation)));

    /// <summary>The status of the primary of the highest term, once there is one.</summary>
    public async Task<NodeStatus> FindPrimaryAsync(TimeSpan patience, CancellationToken cancellation)
    {
        NodeStatus? found = null;
        await UntilAsync(async () =>
        {
            var statuses = await StatusesAsync(cancellation);
            found = statuses.Where(static status => status?.State == NodeState.Primary).MaxBy(static status => status!.Term);
            return found is not null;
        }, () => "no member became the primary", patience, cancellation);
        return found!;
    }

    /// <summary>Asks the primary for something, and again while there is none.</summary>
    /// <returns>What it answered; or why it is not known to be done.</returns>
    public async Task<(ClientAnswer? Answer, string? WhyNot)> AskPrimaryAsync(ClientRequest request, TimeSpan patience, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var left = patience - TimeProvider.System.GetElapsedTime(start);
            if (left <= TimeSpan.Zero) return (null, "no primary in time");
            var primary = (await StatusesAsync(cancellation)).Where(static status => status?.State == NodeState.Primary).MaxBy(static status => status!.Term);
            if (primary is not null)
            {
                try
                {
                    await using var client = await NodeClient.ConnectAsync(_members[primary.Name].Listen, TimeSpan.FromSeconds(1), cancellation);
                    return (await client.AskAsync(request, left, cancellation), null);
                }
                catch (Exception error) when (error is ConnectException || (error is ClientException { Error.Kind: "not-primary" }))
                {
                    // Nothing was done.
                }
                catch (Exception error) when (error is ChannelException or ClientException)
                {
                    return (null, error.Message);
                }
            }

            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }
    }

    /// <summary>A hash over all that a member holds.</summary>
    public async Task<string?> DigestAsync(string name, CancellationToken cancellation)
    {
        await using var client = await NodeClient.ConnectAsync(_members[name].Listen, TimeSpan.FromSeconds(1), cancellation);
        return (await client.AskAsync(new ClientRequest { Op = "digest" }, TimeSpan.FromMinutes(1), cancellation)).Digest;
    }

    /// <summary>Waits until something holds.</summary>
    /// <exception cref="TimeoutException">It did not in time.</exception>
    public static async Task UntilAsync(Func<Task<bool>> isTrue, Func<string> failure, TimeSpan patience, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await isTrue())
        {
            if (TimeProvider.System.GetElapsedTime(start) > patience) throw new TimeoutException($"{failure()} within {patience.TotalSeconds:0} s");
            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members.Values) member.Dispose();
        foreach (var link in _links.Values) await link.DisposeAsync();
    }
}
