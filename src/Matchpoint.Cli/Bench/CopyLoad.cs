using System.Globalization;

namespace Matchpoint.Cli.Bench;

/// <summary>
/// What a copy does to the commits of the others: the same writers run on through a quiet time, a copy and a quiet time again, and what they saw in the copy's time is put beside the two
/// around it.
/// </summary>
internal sealed class CopyLoad(BenchSetup setup, string name)
{
    private readonly List<double> _slowdown = [];
    private readonly List<double> _with = [];
    private readonly List<double> _without = [];
    private readonly List<double> _median = [];
    private readonly List<double> _medianWithout = [];

    /// <summary>Measures one pair.</summary>
    /// <param name="primary">The node that is written to.</param>
    /// <param name="prepare">Puts everything away that would disturb the quiet time.</param>
    /// <param name="copy">Makes a copy from its beginning to its end. It calls what it is given when its first bytes have come, and when its last have.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task MeasureAsync(MatchpointNode primary, Func<Task> prepare, Func<Action<CopyProgress>, Task> copy, CancellationToken cancellation)
    {
        await prepare();
        var (first, last) = (0L, 0L);
        await using var load = SyncedLoad.Start(primary, cancellation);
        await Task.Delay(SyncedLoad.Quiet, setup.Time, cancellation);
        var began = setup.Time.GetTimestamp();
        await copy(progress =>
        {
            last = setup.Time.GetTimestamp();
            if (first == 0) first = last;
        });
        var ended = setup.Time.GetTimestamp();
        await prepare();
        var quiet = setup.Time.GetTimestamp();
        await Task.Delay(SyncedLoad.Quiet, setup.Time, cancellation);
        var all = await load.EndAsync();
        var without = Spread.Of(all.Where(one => one.At < began || one.At >= quiet).Select(static one => one.Microseconds));
        var during = Spread.Of(Between(began, ended));
        _slowdown.Add(during.P99 / without.P99);
        _with.Add(during.P99);
        _without.Add(without.P99);
        _median.Add(during.P50);
        _medianWithout.Add(without.P50);
        setup.Progress($"  synced commits without a copy: {without}; during one of {setup.Time.GetElapsedTime(began, ended).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s: {during}");
        setup.Progress($"    while its picture was taken and read: {Spread.Of(Between(began, first))}; while it was sent: {Spread.Of(Between(first, last))}; while it was made durable and proved: "
            + $"{Spread.Of(Between(last, ended))}");

        IEnumerable<double> Between(long from, long to) => all.Where(one => one.At >= from && one.At < to).Select(static one => one.Microseconds);
    }

    /// <summary>What came of it.</summary>
    /// <param name="limit">The bound of p99 during a copy over p99 without.</param>
    public IEnumerable<Figure> Figures(double limit) =>
    [
        Figure.Least($"restore.commit.p99{name}", "p99 during a copy over p99 without", _slowdown, limit),
        Figure.Least($"restore.commit.during{name}", "us, p99 during a copy", _with) with { P50 = _median.Min(), P99 = _with.Min() },
        Figure.Least($"restore.commit.without{name}", "us, p99 without a copy", _without) with { P50 = _medianWithout.Min(), P99 = _without.Min() },
    ];
}
