using System.Buffers.Binary;
using Matchpoint.Cli.Terminal;
using Matchpoint.Node;

namespace Matchpoint.Cli.Bench;

/// <summary>
/// How fast a node with an empty disk has a full copy and follows (<c>restore.bytes</c>), what is sent again when it is closed at nine tenths (<c>restore.repeat</c>), and what a copy at full speed
/// does to the commits of the others (<c>restore.commit.p99</c>). <see cref="JoinBench"/> has the rest.
/// </summary>
internal sealed class RestoreBench(BenchSetup setup)
{
    private const long FullBytes = 1_000_000_000;
    private const int ValueBytes = 4000;
    private const int Writers = 64;
    private const int Attempts = 5;
    private const double RepeatLimit = 0.15;
    private const double SlowdownLimit = 2;
    private const long RawBytes = 512L * 1024 * 1024;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private Durability _durability = Durability.Fast;

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(CancellationToken cancellation)
    {
        List<double> write = [], loopback = [], bytes = [], repeat = [];
        var slowdown = new CopyLoad(setup, "");
        IReadOnlyList<Figure> joins = await new JoinBench(setup).RunAsync(cancellation);
        await using var group = await BenchGroup.OpenAsync(
            Path.Combine(setup.Directory, "restore"), Durability.Fast, TimeSpan.FromSeconds(3), options => options with { Durability = _durability }, NodeParts.Real, cancellation);
        setup.Progress("restore: writing what is to be copied");
        var away = group.Nodes.First(node => !node.IsPrimary).Options.Name;
        await FillAsync(group.Primary, (int)(FullBytes * setup.Scale / ValueBytes), cancellation);
        await group.StopAsync(away);
        foreach (var node in group.Nodes) await TrimAsync(node, group.Primary.GetStatus().Last, cancellation);
        for (var run = 1; run <= setup.Runs; run++)
        {
            setup.Progress($"restore: run {run} of {setup.Runs}");
            write.Add(RawDisk.WriteAndFlush(setup.Directory, RawBytes, setup.Time));
            loopback.Add(await RawNetwork.LoopbackAsync(RawBytes, setup.Time, cancellation));
            var (total, _, seconds) = await RestoreAsync(group, away, closeAt: null, had: 0, cancellation);
            bytes.Add(total / seconds);
            setup.Progress($"  {total / 1e6:0} MB, following after {seconds:0.00} s");
            repeat.Add(await RepeatAsync(group, away, cancellation));
        }

        // In a group that does not flush by default a synced commit takes much longer by itself, and what a copy does to it is hardly seen.
        _durability = Durability.Full;
        foreach (var name in group.Nodes.Select(static node => node.Options.Name).ToList()) await group.StopAsync(name);
        await group.StartAllAsync(cancellation);
        away = group.Nodes.First(static node => !node.IsPrimary).Options.Name;
        setup.Progress("restore: commits beside a copy; all three nodes share this machine's processors and the disk");
        for (var run = 1; run <= setup.Runs; run++)
        {
            await slowdown.MeasureAsync(group.Primary, () => group.EmptyAsync(away), heard => RestoreAsync(group, away, closeAt: null, had: 0, cancellation, heard), cancellation);
        }

        return
        [
            Figure.Most("raw.write.flushed", "bytes/s", write),
            Figure.Most("raw.loopback", "bytes/s", loopback),
            Figure.Most("restore.bytes", "bytes/s", bytes, Math.Min(write.Max(), loopback.Max())),
            Figure.Least("restore.repeat", "share", repeat, RepeatLimit),
            .. slowdown.Figures(SlowdownLimit),
            .. joins,
        ];
    }

    /// <summary>Starts the member, with an empty disk unless it had fetched a part before, and waits until it follows, or closes it when a share of the copy is there.</summary>
    private async Task<(double Total, double Fetched, double Seconds)> RestoreAsync(
        BenchGroup group, string name, double? closeAt, double had, CancellationToken cancellation, Action<CopyProgress>? heard = null)
    {
        await (had == 0 ? group.EmptyAsync(name) : group.StopAsync(name));
        CopyProgress? first = null;
        CopyProgress? last = null;
        var began = setup.Time.GetTimestamp();
        var node = await group.StartAsync(name, cancellation);
        node.CopyProgressed += (_, progress) =>
        {
            first ??= progress;
            last = progress;
            heard?.Invoke(progress);
        };
        var target = group.Primary.GetStatus().Last;
        while (true)
        {
            if (closeAt is { } share && last is { } now && now.Bytes >= now.TotalBytes * share)
            {
                await group.StopAsync(name);
                break;
            }

            if (closeAt is null && node.GetStatus() is { State: NodeState.Following } status && status.Applied >= target) break;
            await Task.Delay(Pause, setup.Time, cancellation);
        }

        var seconds = setup.Time.GetElapsedTime(began).TotalSeconds;
        if (first is null && had > 0) return (0, 0, seconds);
        var (from, to) = (first ?? throw new InvalidOperationException($"{name} follows without a copy"), last!);
        // The first that is told includes the first chunk.
        var fetched = to.Bytes - from.Bytes + Math.Min(from.Bytes, from.BytesPerSecond > 0 ? 1024 * 1024 : 0);
        return (to.TotalBytes, fetched, seconds);
    }

    /// <summary>The share that is sent again. A copy may be whole before the node is closed: then there is nothing to go on with, and it is done anew.</summary>
    private async Task<double> RepeatAsync(BenchGroup group, string away, CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var (_, fetched, _) = await RestoreAsync(group, away, closeAt: 0.9, had: 0, cancellation);
            var (all, again, _) = await RestoreAsync(group, away, closeAt: null, had: fetched, cancellation);
            if (all > 0) return Math.Max(0, fetched + again - all) / all;
        }

        throw new UsageException("--scale: a copy is so small then that it is whole before it can be interrupted; take more");
    }

    private static Task FillAsync(MatchpointNode node, int values, CancellationToken cancellation) => Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(
        async () =>
        {
            var random = new Random(writer);
            var key = new byte[8];
            var value = new byte[ValueBytes];
            for (var i = writer; i < values; i += Writers)
            {
                BinaryPrimitives.WriteInt64BigEndian(key, i);
                random.NextBytes(value);
                await node.Default.PutAsync(key, value, cancellation: cancellation);
            }
        },
        cancellation)));

    private static async Task TrimAsync(MatchpointNode node, long last, CancellationToken cancellation)
    {
        await BenchGroup.CaughtUpAsync(node, () => last, cancellation);
        node.Core.State.Flush();
        if (node.Core.Log.RemoveUpTo(node.Core.State.Flushed.Vlsn) == 0)
            throw new UsageException("--scale: so little is written then that the log keeps all of it, and nobody needs a copy; take 0.1 or more");
    }
}
