using System.Text;
using Matchpoint.Cli.Node;
using Matchpoint.Cli.Terminal;
using Matchpoint.Client;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Demo;

/// <summary>
/// Three real processes and a client that writes all the time. The primary is cut off, takes a few writes that nobody else gets, and is killed; the
/// others go on; it comes back, finds the matchpoint, undoes what only it had, and follows. At the end
/// everything that was acknowledged is looked for on all three.
/// </summary>
internal sealed class DemoStory(string directory, DemoStage stage)
{
    private const int Lonely = 5;
    private const int WritesBefore = 2000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Tells the story; fails when anything that was acknowledged is missing.</summary>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        stage.Scene("Three nodes start, each a process of its own", directory);
        await using var group = await ProcessGroup.StartAsync(directory, electionMilliseconds: null, Hear, cancellation, withLinks: true);
        await group.AllFollowAsync(Patience, cancellation);
        var old = await group.FindPrimaryAsync(Patience, cancellation);
        await ShowAsync(group, cancellation);

        stage.Scene("A client writes orders, four at a time, and remembers every one that is acknowledged");
        await using var client = new DemoClient([.. group.Names.Select(group.EndpointOf)]);
        await client.MoreAsync(WritesBefore, cancellation);
        stage.Line($"{Show.Count(client.Acknowledged)} orders acknowledged: each is on the disks of a majority");

        stage.Scene($"{old}, the primary, is cut off from the others", "It still takes writes for which nobody's acknowledgement is asked. Then it is killed.");
        old = await CutOffAsync(group, old, cancellation);
        client.TakeLongestGap();
        group.Kill(old);
        stage.Line($"SIGKILL of {old}", "red");

        stage.Scene("The others elect a primary; the client finds it by itself");
        await client.MoreAsync(WritesBefore, cancellation);
        var next = await group.FindPrimaryAsync(Patience, cancellation);
        stage.Line($"{next} is the primary; writes stood still for {client.TakeLongestGap().TotalSeconds:0.00} s; {Show.Count(client.Acknowledged)} orders acknowledged", "green");
        await ShowAsync(group, cancellation);

        stage.Scene($"{old} comes back with records that the group never agreed on", "It finds the matchpoint, exports what it must undo, cuts its log, and follows. "
            + $"Reads and writes go on meanwhile.");
        group.Isolate(old, isCut: false);
        group.Start(old);
        await group.AllAreThereAsync(Patience, cancellation);
        using (var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, group.DirectoryOf(old)))
        {
            var rollbacks = RollbackStore.List(data);
            if (rollbacks.Count == 0) throw new InvalidOperationException("nothing was undone, and something had to be");
            stage.Export(Path.Combine(data.RollbacksPath, rollbacks[^1].Name), [.. RollbackStore.Operations(data, rollbacks[^1].Name)]);
        }

        stage.Scene("The proof");
        await client.MoreAsync(WritesBefore, cancellation);
        await client.StopAsync();
        await group.AllFollowAsync(Patience, cancellation);
        return await ProveAsync(group, client, cancellation);
    }

    private async Task<int> ProveAsync(ProcessGroup group, DemoClient client, CancellationToken cancellation)
    {
        var missing = 0;
        foreach (var name in group.Names)
        {
            var held = await ReadAllAsync(group, name, cancellation);
            var lacks = client.Writes.Count(write => held.GetValueOrDefault(write.Key) != write.Value);
            missing += lacks;
            stage.Line($"{name}: {Show.Count(client.Writes.Count - lacks)} of {Show.Count(client.Writes.Count)} acknowledged orders are there", lacks == 0 ? "green" : "red");
        }

        if (client.Unknown > 0) stage.Line($"{client.Unknown} writes ended with their outcome unknown, and were not counted: nobody was told that they are done");
        var rows = new List<(string, NodeStatus?, string?)>();
        foreach (var name in group.Names)
        {
            var digest = await AnswerAsync(name, () => group.DigestAsync(name, cancellation), cancellation);
            rows.Add((name, await AnswerAsync(name, () => group.StatusAsync(name, cancellation), cancellation), digest));
        }

        stage.Members(rows);
        var isEqual = rows.Select(static row => row.Item3).Distinct(StringComparer.Ordinal).Count() == 1;
        if (missing > 0 || !isEqual)
        {
            stage.Line("The nodes do not hold what they should.", "bold red");
            return ExitCode.Failed;
        }

        stage.Line("Nothing acknowledged was lost, and all three hold the same.", "bold green");
        return ExitCode.Success;
    }

    /// <summary>
    /// Cuts the primary off, and lets it take writes that nobody else gets. Where the machine stands still for a second it may see that it is alone before it has taken them all: then
    /// the group comes together, and whoever is the primary is cut off once more.
    /// </summary>
    /// <returns>Who was the primary, and holds them.</returns>
    private async Task<string> CutOffAsync(ProcessGroup group, string primary, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            group.Isolate(primary, isCut: true);
            try
            {
                await WriteLonelyAsync(group, primary, cancellation);
                return primary;
            }
            catch (ClientException alone) when (alone.Error.Kind is "not-primary" or "stale" or "insufficient-acks" && TimeProvider.System.GetElapsedTime(start) < Patience)
            {
                stage.Line($"{primary} ceased to be the primary before it had taken all of them: {alone.Message}", "yellow");
            }

            group.Isolate(primary, isCut: false);
            await group.AllAreThereAsync(Patience, cancellation);
            primary = await group.FindPrimaryAsync(Patience, cancellation);
            stage.Line($"the group came together; {primary}, the primary, is cut off", "yellow");
        }
    }

    private async Task WriteLonelyAsync(ProcessGroup group, string name, CancellationToken cancellation)
    {
        await using var client = await NodeClient.ConnectAsync(group.EndpointOf(name), Patience, cancellation);
        for (var i = 1; i <= Lonely; i++)
        {
            var request = new ClientRequest
            {
                Op = "transact",
                Acks = AckPolicy.None,
                Operations = [new ClientOperation(ChangeKind.Put, null, -1, Encoding.UTF8.GetBytes($"lonely/{i}"), Encoding.UTF8.GetBytes($"only on {name}"))],
            };
            var answer = await client.AskAsync(request, Patience, cancellation);
            stage.Line($"put lonely/{i} with --acks none: committed as {answer.Token}, only on {name}", "yellow");
        }
    }

    private async Task ShowAsync(ProcessGroup group, CancellationToken cancellation)
    {
        var rows = new List<(string, NodeStatus?, string?)>();
        foreach (var name in group.Names) rows.Add((name, await group.StatusAsync(name, cancellation), null));
        stage.Members(rows);
    }

    /// <summary>Asks a member until it answers: one that stands still for a moment holds no less than it did.</summary>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    private static async Task<T> AnswerAsync<T>(string name, Func<Task<T?>> ask, CancellationToken cancellation)
        where T : class
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var whyNot = "";
            try
            {
                if (await ask() is { } answer) return answer;
            }
            catch (Exception error) when (error is ConnectException or ChannelException or ClientException)
            {
                whyNot = $": {error.Message}";
            }

            if (TimeProvider.System.GetElapsedTime(start) > Patience) throw new TimeoutException($"{name} did not answer within {Patience.TotalSeconds:0} s{whyNot}");
            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }
    }

    private static async Task<Dictionary<string, string>> ReadAllAsync(ProcessGroup group, string name, CancellationToken cancellation)
    {
        var held = new Dictionary<string, string>(StringComparer.Ordinal);
        await using var client = await NodeClient.ConnectAsync(group.EndpointOf(name), Patience, cancellation);
        await foreach (var part in client.AskManyAsync(new ClientRequest { Op = "scan" }, Patience, cancellation))
        {
            foreach (var item in part.Items ?? []) held.Add(Encoding.UTF8.GetString(item.Key), Encoding.UTF8.GetString(item.Value));
        }

        return held;
    }

    /// <summary>What the nodes themselves tell, where it belongs to the story.</summary>
    private void Hear(string line)
    {
        if (line.Contains("syncup with", StringComparison.Ordinal) || line.Contains("rolled back", StringComparison.Ordinal) || line.Contains("Primary:", StringComparison.Ordinal)
            || line.Contains("error", StringComparison.OrdinalIgnoreCase))
        {
            stage.Line(line, "grey");
        }
    }
}
