namespace Matchpoint.Cli.Bench;

/// <summary>Measures what the machine can do: what every other figure is compared with.</summary>
internal sealed class LimitsBench(BenchSetup setup)
{
    private const long WriteBytes = 1024L * 1024 * 1024;
    private const long LoopbackBytes = 2048L * 1024 * 1024;
    private const int Flushes = 2000;
    private const int RoundTrips = 20_000;
    private const int RocksOperations = 500_000;

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(CancellationToken cancellation)
    {
        List<double> write = [], flush = [], loopback = [], tls = [], pingPong = [], puts = [], gets = [];
        for (var run = 1; run <= setup.Runs; run++)
        {
            setup.Progress($"limits: run {run} of {setup.Runs}");
            write.Add(RawDisk.Write(setup.Directory, WriteBytes, setup.Time));
            flush.Add(RawDisk.Flush(setup.Directory, Flushes, setup.Time));
            loopback.Add(await RawNetwork.LoopbackAsync(LoopbackBytes, setup.Time, cancellation));
            tls.Add(await RawNetwork.TlsAsync(LoopbackBytes, setup.Time, cancellation));
            pingPong.Add(await RawNetwork.PingPongAsync(RoundTrips, setup.Time, cancellation));
            var (put, get) = RawRocks.Run(setup.Directory, RocksOperations, setup.Time);
            puts.Add(put);
            gets.Add(get);
        }

        return
        [
            Figure.Most("raw.write", "bytes/s", write),
            Figure.Most("raw.flush", "flushes/s", flush),
            Figure.Most("raw.loopback", "bytes/s", loopback),
            Figure.Most("raw.tls", "bytes/s", tls, loopback.Max()),
            Figure.Most("raw.pingpong", "round trips/s", pingPong),
            Figure.Most("raw.rocksdb.put", "puts/s", puts),
            Figure.Most("raw.rocksdb.get", "gets/s", gets),
        ];
    }
}
