using System.Globalization;

namespace Matchpoint.Cli.Bench;

/// <summary>
/// How long writes are blocked while the primary is handed over (<c>transfer.p50</c>): writers commit on, every commit on the devices of a majority, and the longest time between two commits
/// that were acknowledged around a transfer counts, whoever's they are. Three nodes in one process on loopback and one disk.
/// </summary>
internal sealed class TransferBench(BenchSetup setup)
{
    private const int Transfers = 50;
    private const double Limit = 200;

    /// <summary>Commits flow for so long before and after each transfer; all of it is looked at.</summary>
    private static readonly TimeSpan Around = TimeSpan.FromMilliseconds(500);

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(CancellationToken cancellation)
    {
        var transfers = Math.Max(2, (int)(Transfers * setup.Scale));
        await using var group = await BenchGroup.OpenAsync(Path.Combine(setup.Directory, "transfer"), Durability.Full, electionTimeout: null, cancellation);
        await using var load = RovingLoad.Start(group, writers: 8, valueBytes: 100, cancellation);
        List<double> blocked = [], quiet = [], taken = [];
        for (var transfer = 1; transfer <= transfers; transfer++)
        {
            await group.StartAllAsync(cancellation);
            var before = setup.Time.GetTimestamp();
            await Task.Delay(Around, setup.Time, cancellation);
            var began = setup.Time.GetTimestamp();
            var from = group.Primary.Options.Name;
            var to = await group.Primary.TransferAsync(cancellation: cancellation);
            var ended = setup.Time.GetTimestamp();
            await load.AcknowledgedAsync(cancellation);
            await Task.Delay(Around, setup.Time, cancellation);
            var after = setup.Time.GetTimestamp();
            quiet.Add(load.LongestGap(before, began).TotalMilliseconds);
            blocked.Add(load.LongestGap(began, after).TotalMilliseconds);
            taken.Add(setup.Time.GetElapsedTime(began, ended).TotalMilliseconds);
            setup.Progress(string.Create(
                CultureInfo.InvariantCulture, $"transfer {transfer} of {transfers}: {from} to {to} in {taken[^1]:0} ms; writes were blocked for {blocked[^1]:0} ms, and {quiet[^1]:0} ms before"));
        }

        return [Of("transfer", blocked, Limit), Of("transfer.duration", taken, null), Of("transfer.without", quiet, null)];
    }

    private static Figure Of(string name, List<double> milliseconds, double? limit)
    {
        var spread = Spread.Of(milliseconds.Select(static one => one * 1000));
        var p50 = spread.P50 / 1000;
        return new Figure($"{name}.p50", p50, "ms", limit, limit is { } most ? p50 / most : null, milliseconds) { P50 = spread.P50, P99 = spread.P99 };
    }
}
