using System.Globalization;
using System.Text;
using Matchpoint.Cli.Node;
using Matchpoint.Cli.Terminal;
using Matchpoint.Client;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Torture;

/// <summary>What a torture came to.</summary>
/// <param name="Seed">What its faults were drawn from.</param>
/// <param name="Rounds">How many rounds there were.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Faults">How often each fault was made.</param>
/// <param name="Impossible">What could not be done on this machine, and why.</param>
/// <param name="Acknowledged">Transactions that were acknowledged.</param>
/// <param name="Unknown">Transactions whose outcome nobody knew at first.</param>
/// <param name="Reads">Linearizable reads.</param>
/// <param name="Violations">What was broken.</param>
internal sealed record TortureResult(
    int Seed, int Rounds, double Seconds, IReadOnlyDictionary<TortureFault, int> Faults, IReadOnlyDictionary<TortureFault, string> Impossible,
    long Acknowledged, long Unknown, long Reads, IReadOnlyList<string> Violations);

/// <summary>
/// Three real processes, links that fail, clients that count. Round by round something is broken, then healed; then the group must take writes again, come together, hold
/// every acknowledged write, and be equal on all three.
/// </summary>
internal sealed class TortureRun(string directory, int seed, Action<string> tell)
{
    private const int Clients = 4;
    private const int WritesAfter = 20;
    private const int ElectionMilliseconds = 500;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly Random _random = new(seed);
    private readonly SortedDictionary<TortureFault, int> _made = [];

    /// <summary>Called with what the members said last when something is broken, before anything is removed.</summary>
    public Action<IEnumerable<string>> OnViolation { get; init; } = static _ => { };

    /// <summary>Runs it for some rounds, or until its time is up; it ends with the first violation.</summary>
    public async Task<TortureResult> RunAsync(int rounds, TimeSpan most, CancellationToken cancellation)
    {
        using var disk = SmallDisk.Mount(directory, "c");
        var (result, said) = await RunAsync(disk, rounds, most, cancellation);
        if (result.Violations.Count > 0) OnViolation(said);
        return result;
    }

    private async Task<(TortureResult Result, IReadOnlyCollection<string> Said)> RunAsync(SmallDisk disk, int rounds, TimeSpan most, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        await using var group = await ProcessGroup.StartAsync(directory, ElectionMilliseconds, static _ => { }, cancellation, withLinks: true);
        var faults = new TortureFaults(group, disk, _random);
        if (disk.WhyNot is { } whyNoDisk) faults.Impossible.Add(TortureFault.FullDisk, whyNoDisk);
        if (TortureFaults.WhyNoStrace() is { } why) faults.Impossible.Add(TortureFault.FailedFlush, why);

        var endpoints = group.Names.Select(group.EndpointOf).ToList();
        var clients = Enumerable.Range(0, Clients).Select(i => new TortureClient(i, endpoints, new Random(_random.Next()))).ToList();
        var round = 0;
        List<string> violations = [];
        try
        {
            foreach (var client in clients) client.Start();
            while (round < rounds && TimeProvider.System.GetElapsedTime(start) < most && violations.Count == 0)
            {
                round++;
                await RunRoundAsync(group, faults, clients, round, violations, cancellation);
            }
        }
        catch (TimeoutException error)
        {
            violations.Add($"round {round}: {error.Message}");
        }
        finally
        {
            foreach (var client in clients) await client.DisposeAsync();
        }


        var result = new TortureResult(
            seed, round, TimeProvider.System.GetElapsedTime(start).TotalSeconds, _made, faults.Impossible, clients.Sum(static client => client.Transactions),
            clients.Sum(static client => client.Unknown), clients.Sum(static client => client.Reads), violations);
        return (result, group.Lines);
    }

    private async Task RunRoundAsync(ProcessGroup group, TortureFaults faults, List<TortureClient> clients, int round, List<string> violations, CancellationToken cancellation)
    {
        var primary = "";
        await faults.MendUntilAsync(FindAsync(), cancellation);
        List<string> made = [];
        for (var i = _random.Next(1, 3); i > 0; i--)
        {
            var (fault, member) = faults.Draw(primary);
            if (!group.IsRunning(member) && fault is TortureFault.Stop or TortureFault.Kill) continue;
            _made[fault] = _made.GetValueOrDefault(fault) + 1;
            made.Add(fault == TortureFault.KillAll ? $"{fault}" : $"{fault} {member}{(member == primary ? " (primary)" : "")}");
            await faults.MakeAsync(fault, member, cancellation);
        }

        faults.Heal();
        var healed = TimeProvider.System.GetTimestamp();
        await faults.MendUntilAsync(MoreAsync(clients, cancellation), cancellation);
        var writes = TimeProvider.System.GetElapsedTime(healed);
        await faults.MendUntilAsync(Task.WhenAll(clients.Select(client => client.HoldAsync(Patience, cancellation))), cancellation);
        try
        {
            await faults.MendUntilAsync(TogetherAsync(group, clients, violations, cancellation), cancellation);
        }
        finally
        {
            foreach (var client in clients) client.GoOn();
        }

        var total = Show.Count(clients.Sum(static client => client.Transactions));
        tell(string.Create(CultureInfo.InvariantCulture, $"{round,4}  writes again after {writes.TotalSeconds:0.00} s, {total} acknowledged  {string.Join(", then ", made)}"));

        async Task FindAsync() => primary = await group.FindPrimaryAsync(Patience, cancellation);
    }

    /// <summary>Every client gets some more acknowledged.</summary>
    private static async Task MoreAsync(List<TortureClient> clients, CancellationToken cancellation)
    {
        var targets = clients.ConvertAll(static client => client.Transactions + WritesAfter);
        var start = TimeProvider.System.GetTimestamp();
        while (clients.Zip(targets).Any(static pair => pair.First.Transactions < pair.Second))
        {
            if (TimeProvider.System.GetElapsedTime(start) > Patience) throw new TimeoutException($"the group did not take writes within {Patience.TotalSeconds:0} s after everything was healed");
            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }
    }

    /// <summary>All members follow, and hold what they must. One whose flush still fails ends in the middle of that, and then it is done again.</summary>
    private static async Task TogetherAsync(ProcessGroup group, List<TortureClient> clients, List<string> violations, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            await group.AllFollowAsync(Patience, cancellation);
            try
            {
                await CheckAsync(group, clients, violations, cancellation);
                return;
            }
            catch (Exception error) when (error is ConnectException or ChannelException && TimeProvider.System.GetElapsedTime(start) < Patience)
            {
                // It is started again.
            }
        }
    }

    private static async Task CheckAsync(ProcessGroup group, List<TortureClient> clients, List<string> violations, CancellationToken cancellation)
    {
        var digests = new List<string?>();
        foreach (var name in group.Names) digests.Add(await group.DigestAsync(name, cancellation));
        if (digests.Distinct(StringComparer.Ordinal).Count() > 1)
            violations.Add($"the members hold different data: {string.Join(", ", group.Names.Zip(digests, static (name, digest) => $"{name} {digest}"))}");
        foreach (var client in clients)
        {
            if (client.Violation is { } violation) violations.Add(violation);
            await CheckEntriesAsync(group.EndpointOf(group.Names.First()), client, violations, cancellation);
        }
    }

    /// <summary>The counter and its entries were written together, one by one: there are as many as it says, and no fewer than were acknowledged.</summary>
    private static async Task CheckEntriesAsync(Endpoint endpoint, TortureClient client, List<string> violations, CancellationToken cancellation)
    {
        await using var reader = await NodeClient.ConnectAsync(endpoint, Patience, cancellation);
        var answer = await reader.AskAsync(new ClientRequest { Op = "get", Key = Encoding.UTF8.GetBytes(client.Counter) }, Patience, cancellation);
        var counter = answer.Found ? long.Parse(Encoding.UTF8.GetString(answer.Value ?? []), CultureInfo.InvariantCulture) : 0;
        if (counter < client.Acknowledged) violations.Add($"{client.Counter} is {counter}, and {client.Acknowledged} was acknowledged");
        var expected = 1L;
        var scan = new ClientRequest { Op = "scan", Key = Encoding.UTF8.GetBytes(client.Entries), To = Encoding.UTF8.GetBytes(client.Entries + "~") };
        await foreach (var part in reader.AskManyAsync(scan, Patience, cancellation))
        {
            foreach (var item in part.Items ?? [])
            {
                if (Encoding.UTF8.GetString(item.Key) is var key && key != client.Entry(expected))
                {
                    violations.Add($"{key} was found where {client.Entry(expected)} has to be");
                    return;
                }

                expected++;
            }
        }

        if (expected - 1 != counter) violations.Add($"{client.Counter} is {counter}, and there are {expected - 1} entries");
    }
}
