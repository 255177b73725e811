using System.Globalization;
using System.Text;
using Matchpoint.Cli.Node;
using Matchpoint.Client;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Bench;

/// <summary>
/// Three processes on loopback. The primary is killed, or stopped as if its machine hung, and a client tries the others until a write is
/// acknowledged. The stopped one is woken, and must not serve what the others have
/// changed since.
/// </summary>
internal sealed class FailoverBench(BenchSetup setup)
{
    private const int FullRounds = 20;
    private const double DefaultLimit = 2;
    private const double TunedLimit = 0.5;
    private const int TunedElectionMilliseconds = 200;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    private long _stale;
    private long _lost;

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(CancellationToken cancellation)
    {
        var rounds = Math.Max(2, (int)(FullRounds * setup.Scale));
        var figures = new List<Figure>();
        foreach (var (name, election, limit) in new[] { ("default", (int?)null, DefaultLimit), ("tuned", TunedElectionMilliseconds, TunedLimit) })
        {
            foreach (var isStop in new[] { false, true })
            {
                setup.Progress($"failover: {name}, {rounds} rounds of {(isStop ? "SIGSTOP" : "SIGKILL")}");
                var seconds = await MeasureAsync(Path.Combine(setup.Directory, $"{name}-{isStop}"), election, isStop, rounds, cancellation);
                var sorted = seconds.Order().ToList();
                var p50 = sorted[sorted.Count / 2];
                figures.Add(new Figure($"failover.{name}.{(isStop ? "stop." : "")}p50", p50, "s", limit, p50 / limit, seconds));
            }
        }

        figures.Add(new Figure("failover.stalereads", _stale, "reads", null, null, [_stale]));
        figures.Add(new Figure("failover.lostwrites", _lost, "writes", null, null, [_lost]));
        return figures;
    }

    private async Task<List<double>> MeasureAsync(string directory, int? election, bool isStop, int rounds, CancellationToken cancellation)
    {
        Directory.CreateDirectory(directory);
        await using var group = await ProcessGroup.StartAsync(directory, election, static _ => { }, cancellation);
        var seconds = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            var primary = await group.FindPrimaryAsync(Patience, cancellation);
            await group.AllFollowAsync(Patience, cancellation);
            var before = await WriteAsync([group.EndpointOf(primary)], $"{round} before", cancellation);
            if (before is null) throw new TimeoutException("the primary takes no writes");
            var others = group.Names.Where(name => name != primary).Select(group.EndpointOf).ToList();
            var start = setup.Time.GetTimestamp();
            if (isStop) group.Signal(primary, "STOP");
            else group.Kill(primary);
            await WriteAsync(others, $"{round} after", cancellation);
            seconds.Add(setup.Time.GetElapsedTime(start).TotalSeconds);
            if (isStop)
            {
                group.Signal(primary, "CONT");
                await WakeUpReadsAsync(group.EndpointOf(primary), $"{round} after", cancellation);
            }
            else
            {
                group.Start(primary);
            }
        }

        return seconds;
    }

    /// <summary>Tries the nodes in turn until one has acknowledged.</summary>
    private async Task<string?> WriteAsync(IReadOnlyList<Endpoint> endpoints, string value, CancellationToken cancellation)
    {
        var request = new ClientRequest
        {
            Op = "transact",
            TimeoutMilliseconds = (int)Patience.TotalMilliseconds,
            Operations = [new ClientOperation(ChangeKind.Put, null, -1, "failover"u8.ToArray(), Encoding.UTF8.GetBytes(value))],
        };
        var start = setup.Time.GetTimestamp();
        while (setup.Time.GetElapsedTime(start) < Patience)
        {
            foreach (var endpoint in endpoints)
            {
                try
                {
                    await using var client = await NodeClient.ConnectAsync(endpoint, Patience, cancellation);
                    return (await client.AskAsync(request, Patience, cancellation)).Token;
                }
                catch (Exception error) when (error is ConnectException or ChannelException or ClientException { Error.Kind: "not-primary" or "insufficient-acks" })
                {
                    // Not yet.
                }
            }

            await Task.Delay(Pause, setup.Time, cancellation);
        }

        throw new TimeoutException(string.Create(CultureInfo.InvariantCulture, $"no write was acknowledged within {Patience.TotalSeconds} s"));
    }

    /// <summary>
    /// Reads from a node that has just been woken, for as long as it takes it to follow the new primary: it may refuse, but not answer with what was
    /// there before.
    /// </summary>
    private async Task WakeUpReadsAsync(Endpoint endpoint, string expected, CancellationToken cancellation)
    {
        var start = setup.Time.GetTimestamp();
        var good = 0;
        while (good < 10 && setup.Time.GetElapsedTime(start) < Patience)
        {
            foreach (var level in new[] { "durable", "linearizable" })
            {
                try
                {
                    await using var client = await NodeClient.ConnectAsync(endpoint, Patience, cancellation);
                    var answer = await client.AskAsync(new ClientRequest { Op = "get", Key = "failover"u8.ToArray(), Level = level }, Patience, cancellation);
                    if (answer.Value is { } value && Encoding.UTF8.GetString(value) == expected) good++;
                    else if (answer.Found) _stale++;
                    else _lost++;
                }
                catch (Exception error) when (error is ConnectException or ChannelException or ClientException)
                {
                    // It does not answer: that is no wrong answer.
                }
            }
        }

        if (good < 10) throw new TimeoutException("the woken node did not come to serve reads again");
    }
}
