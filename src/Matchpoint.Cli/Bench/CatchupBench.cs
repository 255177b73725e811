using System.Buffers.Binary;

namespace Matchpoint.Cli.Bench;

/// <summary>
/// How fast a replica that was away has what it lacks: the commits in its state (<c>puts</c>), the bytes of log on its device (<c>bytes</c>); and how
/// fast one comes back whose log has grown apart.
/// </summary>
internal sealed class CatchupBench(BenchSetup setup)
{
    private const int FullCommits = 500_000;
    private const int FullDiverged = 100_000;
    private const int Writers = 256;
    private const double RejoinLimit = 0.5;
    private const long RawBytes = 512L * 1024 * 1024;

    private static readonly CommitOptions Unacknowledged = new() { Durability = new Durability(FlushPolicy.NoSync, FlushPolicy.NoSync, AckPolicy.None) };

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(CancellationToken cancellation)
    {
        List<double> write = [], loopback = [], puts = [], bytes = [], rejoin = [], failedReads = [], buffered = [];
        for (var run = 1; run <= setup.Runs; run++)
        {
            setup.Progress($"catchup: run {run} of {setup.Runs}");
            write.Add(RawDisk.WriteAndFlush(setup.Directory, RawBytes, setup.Time));
            loopback.Add(await RawNetwork.LoopbackAsync(RawBytes, setup.Time, cancellation));
            var (putRate, byteRate, memory) = await CatchUpAsync(Path.Combine(setup.Directory, $"catchup-{run}"), cancellation);
            puts.Add(putRate);
            bytes.Add(byteRate);
            buffered.Add(memory);
            setup.Progress($"rejoin: run {run} of {setup.Runs}");
            var (seconds, failed) = await RejoinAsync(Path.Combine(setup.Directory, $"rejoin-{run}"), cancellation);
            rejoin.Add(seconds);
            failedReads.Add(failed);
        }

        return
        [
            Figure.Most("raw.write.flushed", "bytes/s", write),
            Figure.Most("raw.loopback", "bytes/s", loopback),
            Figure.Most("catchup.puts", "commits/s", puts),
            Figure.Most("catchup.bytes", "bytes/s", bytes, Math.Min(write.Max(), loopback.Max())),
            Figure.Least("catchup.feeder.memory", "bytes", buffered),
            Figure.Least("rejoin.100k", "s", rejoin, RejoinLimit),
            Figure.Least("rejoin.failedreads", "reads", failedReads),
        ];
    }

    private async Task<(double Puts, double Bytes, double FeederMemory)> CatchUpAsync(string directory, CancellationToken cancellation)
    {
        var commits = (int)(FullCommits * setup.Scale);
        await using var group = await BenchGroup.OpenAsync(directory, Durability.Fast, electionTimeout: null, cancellation);
        var primary = group.Primary;
        var away = group.Nodes.First(node => !node.IsPrimary).Options.Name;
        var first = primary.GetStatus().Last;
        await group.StopAsync(away);
        await WriteAsync(primary, commits, options: null, cancellation);
        var target = primary.GetStatus();
        await BenchGroup.CaughtUpAsync(primary, () => target.Last, cancellation);
        var lsn = primary.Core.Log.Appended.End.Value;
        var began = setup.Time.GetTimestamp();
        var replica = await group.StartAsync(away, cancellation);
        var had = replica.Core.Log.Appended.End.Value;
        var opened = setup.Time.GetTimestamp();
        double memory = 0;
        var (following, logged) = (TimeSpan.Zero, TimeSpan.Zero);
        while (replica.GetStatus() is var status && (status.Applied < target.Last || status.Flushed < target.Last))
        {
            if (following == TimeSpan.Zero && status.State == NodeState.Following) following = setup.Time.GetElapsedTime(opened);
            if (logged == TimeSpan.Zero && status.Flushed >= target.Last) logged = setup.Time.GetElapsedTime(opened);
            memory = Math.Max(memory, primary.GetStatus().Members.Sum(member => member.BufferedBytes));
            await Task.Delay(TimeSpan.FromMilliseconds(1), setup.Time, cancellation);
        }

        var seconds = setup.Time.GetElapsedTime(opened).TotalSeconds;
        if (logged == TimeSpan.Zero) logged = TimeSpan.FromSeconds(seconds);
        setup.Progress($"  opened in {setup.Time.GetElapsedTime(began, opened).TotalMilliseconds:0} ms, followed after {following.TotalMilliseconds:0} ms, "
            + $"had {target.Last - first:N0} records on its disk after {logged.TotalSeconds:0.000} s, in its state after {seconds:0.000} s");
        return ((target.Last - first) / seconds, (lsn - had) / logged.TotalSeconds, memory);
    }

    private async Task<(double Seconds, double FailedReads)> RejoinAsync(string directory, CancellationToken cancellation)
    {
        var diverged = (int)(FullDiverged * setup.Scale);
        // So long a primary that hears nobody must go on writing here, for as long as it takes.
        await using var group = await BenchGroup.OpenAsync(directory, Durability.Fast, TimeSpan.FromSeconds(10), cancellation);
        var old = group.Primary;
        var others = group.Nodes.Where(node => node != old).Select(node => node.Options.Name).ToList();
        await old.Default.PutAsync("read"u8.ToArray(), "me"u8.ToArray(), cancellation: cancellation);
        foreach (var name in others) await BenchGroup.CaughtUpAsync(group.Nodes.First(node => node.Options.Name == name), () => old.GetStatus().Last, cancellation);
        foreach (var name in others) await group.StopAsync(name);
        await WriteAsync(old, diverged, Unacknowledged, cancellation);
        await group.StopAsync(old.Options.Name);
        foreach (var name in others) await group.StartAsync(name, cancellation);
        foreach (var node in group.Nodes) await node.WaitUntilReadyAsync(TimeSpan.FromSeconds(60), cancellation);
        await WriteAsync(group.Primary, diverged, options: null, cancellation);
        var streaming = new TaskCompletionSource<SyncupSummary>(TaskCreationOptions.RunContinuationsAsynchronously);
        var replica = await group.StartAsync(old.Options.Name, cancellation);
        replica.SyncupCompleted += (_, summary) => streaming.TrySetResult(summary);
        var failed = 0;
        while (!streaming.Task.IsCompleted)
        {
            if (await replica.Default.GetAsync("read"u8.ToArray(), cancellation: cancellation) is null) failed++;
        }

        var report = await streaming.Task;
        await BenchGroup.CaughtUpAsync(replica, () => group.Primary.GetStatus().Last, cancellation);
        if (report.UndoneCommits != diverged) throw new InvalidOperationException($"{report.UndoneCommits} commits were undone, and {diverged} had been diverged");
        setup.Progress($"  {report.UndoneCommits:N0} commits undone, {report.RoundTrips} extra round trips, streaming after {report.Duration.TotalMilliseconds:0} ms");
        return (report.Duration.TotalSeconds, failed);
    }

    private static Task WriteAsync(MatchpointNode node, int commits, CommitOptions? options, CancellationToken cancellation)
    {
        var value = RawDisk.Noise(100);
        return Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(
            async () =>
            {
                var key = new byte[16];
                BinaryPrimitives.WriteInt64BigEndian(key, writer);
                for (var i = writer; i < commits; i += Writers)
                {
                    BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(8), i);
                    await node.Default.PutAsync(key, value, options, cancellation);
                }
            },
            cancellation)));
    }
}
