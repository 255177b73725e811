using System.Buffers.Binary;
using Matchpoint.Node;
using Matchpoint.Storage.Log;

namespace Matchpoint.Cli.Bench;

/// <summary>
/// How well a copy keeps its rate (<c>restore.throttle</c>), what one with a rate does to the commits of the others (<c>restore.commit.p99.throttled</c>),
/// and how many members with an empty disk join a group under full write load with one copy (<c>restore.joins</c>). The group keeps so
/// little log, and the copy is so slow, that its head would have left every copy behind if it were not held.
/// </summary>
internal sealed class JoinBench(BenchSetup setup)
{
    private const int Joins = 20;
    private const int ValueBytes = 16 * 1024;
    private const int Writers = 32;
    private const int StateBytes = 100_000_000;
    private const double ThrottleLimit = 0.05;
    private const double SlowdownLimit = 2;
    private const long KeepBytes = 64 * 1024 * 1024;

    /// <summary>
    /// So many times what is kept of the log is written during a copy where the load stays what it was: at little more than half of it the copy is still outrun, and nearly twice of it may be
    /// held.
    /// </summary>
    private const double Outrun = 1.8;

    /// <summary>A join during which too little was written shows nothing and is made again, so many times as many as are wanted.</summary>
    private const int MostAttempts = 4;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly NodeParts _parts = NodeParts.Real with { Log = new LogOptions { SegmentBytes = 4 * 1024 * 1024 }, StateFlushBytes = 8 * 1024 * 1024 };

    private long? _rate;

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(CancellationToken cancellation)
    {
        await using var group = await BenchGroup.OpenAsync(
            Path.Combine(setup.Directory, "joins"), Durability.Full, TimeSpan.FromSeconds(5),
            options => options with { LogKeepBytes = KeepBytes, MaxTailBytes = KeepBytes / 4, CopyBytesPerSecond = _rate }, _parts, cancellation);
        setup.Progress("restore: a group that keeps little log, for members that join it under load");
        await FillAsync(group.Primary, cancellation);
        await SetRateAsync(group, cancellation);
        var away = group.Nodes.First(node => !node.IsPrimary).Options.Name;
        List<double> deviation = [], joined = [];
        var slowdown = new CopyLoad(setup, ".throttled");
        for (var run = 1; run <= setup.Runs; run++)
        {
            var (copy, _) = await JoinAsync(group, away, cancellation);
            deviation.Add(Math.Abs((copy.BytesPerSecond / _rate!.Value) - 1));
            setup.Progress($"  {copy.TotalBytes / 1e6:0} MB at {copy.BytesPerSecond / 1e6:0.000} MB/s, {_rate / 1e6:0.000} allowed");
            await slowdown.MeasureAsync(group.Primary, () => group.EmptyAsync(away), heard => JoinAsync(group, away, cancellation, heard), cancellation);
        }

        var wanted = Math.Max(1, (int)(Joins * setup.Scale));
        var (good, counted) = (0, 0);
        var load = SyncedLoad.Start(group.Primary, Writers, ValueBytes, keys: 100, cancellation);
        try
        {
            for (var attempt = 1; counted < wanted && attempt <= wanted * MostAttempts; attempt++)
            {
                var before = load.Bytes;
                var (copy, copies) = await JoinAsync(group, away, cancellation);
                var written = load.Bytes - before;
                var isCounted = written > KeepBytes || copies != 1;
                if (isCounted) counted++;
                if (isCounted && copies == 1) good++;
                setup.Progress($"  {(isCounted ? $"join {counted} of {wanted}" : "not counted")}: {copies} {(copies == 1 ? "copy" : "copies")} of {copy.TotalBytes / 1e6:0} MB; "
                    + $"{written / 1e6:0} MB were committed meanwhile, "
                    + (written > KeepBytes ? $"more than the {KeepBytes / 1e6:0} MB of log that are kept" : $"too few to outrun the {KeepBytes / 1e6:0} MB of log that are kept"));
                if (isCounted && copies == 1 && written < KeepBytes * (Outrun + 1)) continue;
                // The load has become another one: the copies take as long as it needs now.
                await load.DisposeAsync();
                await SetRateAsync(group, cancellation);
                away = group.Nodes.First(static node => !node.IsPrimary).Options.Name;
                load = SyncedLoad.Start(group.Primary, Writers, ValueBytes, keys: 100, cancellation);
            }

            await load.EndAsync();
        }
        finally
        {
            await load.DisposeAsync();
        }

        setup.Progress($"  {good} of {wanted} members joined under full write load with one copy each");
        joined.Add(good);
        return
        [
            Figure.Least("restore.throttle", "deviation", deviation, ThrottleLimit),
            .. slowdown.Figures(SlowdownLimit),
            Figure.Most("restore.joins", $"of {wanted}", joined, wanted),
        ];
    }

    /// <summary>More is written during a copy than is kept of the log: enough to outrun it, and less than may be held, though the load is never the same for long.</summary>
    private async Task SetRateAsync(BenchGroup group, CancellationToken cancellation)
    {
        // As during a join: two nodes that write and flush, not three.
        await group.StopAsync(group.Nodes.First(static node => !node.IsPrimary).Options.Name);
        var load = SyncedLoad.Start(group.Primary, Writers, ValueBytes, keys: 100, cancellation);
        await using (load)
        {
            await Task.Delay(SyncedLoad.Quiet * 2, setup.Time, cancellation);
            await load.EndAsync();
        }

        var perSecond = load.Bytes / (SyncedLoad.Quiet.TotalSeconds * 2);
        // The log that is kept is a part of the copy.
        _rate = Math.Max(64 * 1024, (long)((StateBytes + KeepBytes) / (KeepBytes * Outrun / perSecond)));
        setup.Progress($"  {perSecond / 1e6:0.0} MB/s are committed; a copy takes {_rate / 1e6:0.0} MB/s");
        foreach (var name in group.Nodes.Select(static node => node.Options.Name).ToList()) await group.StopAsync(name);
        await group.StartAllAsync(cancellation);
    }

    /// <summary>Starts a member with an empty disk, and waits until it follows and takes part.</summary>
    /// <returns>How the copy came to its end, and how many were fetched.</returns>
    private async Task<(CopyProgress Copy, int Copies)> JoinAsync(BenchGroup group, string name, CancellationToken cancellation, Action<CopyProgress>? heard = null)
    {
        await group.EmptyAsync(name);
        CopyProgress? last = null;
        var copies = 0;
        var node = await group.StartAsync(name, cancellation);
        node.CopyProgressed += (_, progress) =>
        {
            last = progress;
            heard?.Invoke(progress);
        };
        node.StateChanged += (_, change) => Interlocked.Add(ref copies, change.From == NodeState.NeedsCopy && change.To != NodeState.NeedsCopy ? 1 : 0);
        var began = setup.Time.GetTimestamp();
        while (!(node.GetStatus() is { State: NodeState.Following, Counts: true } && last is not null))
        {
            if (setup.Time.GetElapsedTime(began) > Patience) throw new TimeoutException($"{name} did not join within {Patience.TotalMinutes:0} minutes, with {copies} copies: {node.GetStatus().Step}");
            await Task.Delay(Pause, setup.Time, cancellation);
        }

        return (last, copies);
    }

    private static Task FillAsync(MatchpointNode node, CancellationToken cancellation) => Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(
        async () =>
        {
            var random = new Random(writer);
            var key = new byte[8];
            var value = new byte[ValueBytes];
            for (var i = writer; i < StateBytes / ValueBytes; i += Writers)
            {
                BinaryPrimitives.WriteInt64BigEndian(key, i);
                random.NextBytes(value);
                await node.Default.PutAsync(key, value, cancellation: cancellation);
            }
        },
        cancellation)));
}
