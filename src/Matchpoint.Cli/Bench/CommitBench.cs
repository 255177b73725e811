namespace Matchpoint.Cli.Bench;

/// <summary>Commits of a group of three in one process on loopback, beside the raw write-and-flush rate of the same run.</summary>
internal sealed class CommitBench(BenchSetup setup)
{
    private const int RawFlushes = 2000;

    private static readonly (string Name, bool IsSynced, int Writers, int Puts)[] SecuredRows = [("commit.tls.majority.1", true, 1, 1), ("commit.tls.majority.8", true, 8, 1)];

    private static readonly (string Name, bool IsSynced, int Writers, int Puts)[] Rows =
    [
        ("commit.sync.majority.1", true, 1, 1),
        ("commit.sync.majority.8", true, 8, 1),
        ("commit.sync.majority.64", true, 64, 1),
        ("commit.sync.majority.8x100", true, 8, 100),
        ("commit.nosync.majority.1", false, 1, 1),
        ("commit.nosync.majority.8", false, 8, 1),
        ("commit.nosync.majority.64", false, 64, 1),
    ];

    private readonly TimeSpan _duration = TimeSpan.FromSeconds(5 * setup.Scale);

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(CancellationToken cancellation)
    {
        List<double> rawFlush = [];
        var results = Rows.Concat(SecuredRows).ToDictionary(row => row.Name, _ => new List<LoadResult>(), StringComparer.Ordinal);
        for (var run = 1; run <= setup.Runs; run++)
        {
            rawFlush.Add(RawDisk.Flush(setup.Directory, RawFlushes, setup.Time));
            foreach (var isSynced in new[] { true, false })
            {
                var directory = Path.Combine(setup.Directory, $"group-{run}-{isSynced}");
                await using (var group = await BenchGroup.OpenAsync(directory, isSynced ? Durability.Full : Durability.Fast, electionTimeout: null, cancellation))
                {
                    await CommitLoad.RunAsync(group.Primary, 8, 1, _duration / 5, cancellation);
                    foreach (var row in Rows.Where(row => row.IsSynced == isSynced))
                    {
                        setup.Progress($"commit: run {run} of {setup.Runs}: {row.Name}");
                        results[row.Name].Add(await CommitLoad.RunAsync(group.Primary, row.Writers, row.Puts, _duration, cancellation));
                    }
                }

                Directory.Delete(directory, recursive: true);
            }

            await RunSecuredAsync(run, results, cancellation);
            rawFlush.Add(RawDisk.Flush(setup.Directory, RawFlushes, setup.Time));
        }

        return
        [
            Figure.Most("raw.flush", "flushes/s", rawFlush),
            .. Rows.Concat(SecuredRows).Select(row => FigureOf(row.Name, results[row.Name], row.IsSynced ? rawFlush.Max() : null)),
            .. SecuredRows.Select(row => LatencyOf(row.Writers, results)),
        ];
    }

    /// <summary>What half of the commits over TLS took at most; the limit is the same without TLS in the same run, so that the ratio is what TLS costs.</summary>
    private static Figure LatencyOf(int writers, Dictionary<string, List<LoadResult>> results) => Figure.Least(
        $"commit.tls.latency.{writers}",
        "us",
        [.. results[$"commit.tls.majority.{writers}"].Select(static run => run.P50)],
        results[$"commit.sync.majority.{writers}"].Min(static run => run.P50));

    /// <summary>The same over TLS: what it costs shows beside the rows without it.</summary>
    private async Task RunSecuredAsync(int run, Dictionary<string, List<LoadResult>> results, CancellationToken cancellation)
    {
        var directory = Path.Combine(setup.Directory, $"group-{run}-tls");
        await using (var group = await BenchGroup.OpenAsync(directory, Durability.Full, electionTimeout: null, cancellation, new BenchCertificates(setup.Time)))
        {
            await CommitLoad.RunAsync(group.Primary, 8, 1, _duration / 5, cancellation);
            foreach (var row in SecuredRows)
            {
                setup.Progress($"commit: run {run} of {setup.Runs}: {row.Name}");
                results[row.Name].Add(await CommitLoad.RunAsync(group.Primary, row.Writers, row.Puts, _duration, cancellation));
            }
        }

        Directory.Delete(directory, recursive: true);
    }

    private static Figure FigureOf(string name, List<LoadResult> runs, double? limit)
    {
        var best = runs.MaxBy(run => run.PerSecond);
        return Figure.Most(name, "commits/s", [.. runs.Select(run => run.PerSecond)], limit) with { P50 = best.P50, P99 = best.P99 };
    }
}
