using System.Buffers.Binary;
using Matchpoint.Storage.State;
using RocksDbSharp;

namespace Matchpoint.Cli.Bench;

/// <summary>Reads of the embedded store beside bare RocksDB through the same package with the same settings and the same data.</summary>
internal sealed class ReadBench(BenchSetup setup)
{
    private const int FullKeys = 500_000;
    private const int Gets = 500_000;
    private const int KeyBytes = 16;
    private const int PutsPerTransaction = 1000;

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(CancellationToken cancellation)
    {
        var keys = (int)(FullKeys * setup.Scale);
        var value = RawDisk.Noise(100);
        await using var node = await MatchpointNode.OpenAsync(Path.Combine(setup.Directory, "node"), cancellation);
        using var rocks = RocksDb.Open(RocksState.Configure(new RocksStateOptions()), Path.Combine(setup.Directory, "rocks"));
        await FillAsync(node, rocks, keys, value, cancellation);
        List<double> gets = [], rawGets = [], scans = [], rawScans = [];
        for (var run = 1; run <= setup.Runs; run++)
        {
            setup.Progress($"read: run {run} of {setup.Runs}");
            rawGets.Add(RawGet(rocks, keys));
            gets.Add(await GetAsync(node, keys));
            rawScans.Add(RawScan(rocks));
            scans.Add(await ScanAsync(node, cancellation));
        }

        return
        [
            Figure.Most("raw.rocksdb.get", "gets/s", rawGets),
            Figure.Most("raw.rocksdb.scan", "rows/s", rawScans),
            Figure.Most("read.get", "gets/s", gets, rawGets.Max()),
            Figure.Most("read.scan", "rows/s", scans, rawScans.Max()),
        ];
    }

    private static async Task FillAsync(MatchpointNode node, RocksDb rocks, int keys, byte[] value, CancellationToken cancellation)
    {
        var write = new WriteOptions().DisableWal(1);
        var options = new CommitOptions { Durability = Durability.Fast };
        for (var first = 0; first < keys; first += PutsPerTransaction)
        {
            await node.TransactAsync(
                transaction =>
                {
                    Span<byte> key = stackalloc byte[KeyBytes];
                    for (var i = first; i < Math.Min(keys, first + PutsPerTransaction); i++)
                    {
                        KeyOf(i, key);
                        transaction.Put(key, value);
                        rocks.Put(StateKey.Of(0, key), value, writeOptions: write);
                    }
                },
                options,
                cancellation);
        }

        await BenchGroup.CaughtUpAsync(node, () => node.GetStatus().Last, cancellation);
        node.Core.State.Flush();
        rocks.Flush(new FlushOptions().SetWaitForFlush(true));
    }

    private double RawGet(RocksDb rocks, int keys)
    {
        var random = new Random(23);
        Span<byte> key = stackalloc byte[StateKey.PrefixSize + KeyBytes];
        var start = setup.Time.GetTimestamp();
        for (var i = 0; i < Gets; i++)
        {
            key.Clear();
            KeyOf(random.Next(keys), key[StateKey.PrefixSize..]);
            if (rocks.Get(key) is null) throw new InvalidOperationException("a key is missing");
        }

        return Gets / setup.Time.GetElapsedTime(start).TotalSeconds;
    }

    private async Task<double> GetAsync(MatchpointNode node, int keys)
    {
        var random = new Random(23);
        var key = new byte[KeyBytes];
        var start = setup.Time.GetTimestamp();
        for (var i = 0; i < Gets; i++)
        {
            KeyOf(random.Next(keys), key);
            if (await node.Default.GetAsync(key) is null) throw new InvalidOperationException("a key is missing");
        }

        return Gets / setup.Time.GetElapsedTime(start).TotalSeconds;
    }

    private double RawScan(RocksDb rocks)
    {
        long rows = 0;
        long bytes = 0;
        var start = setup.Time.GetTimestamp();
        using var iterator = rocks.NewIterator();
        for (iterator.SeekToFirst(); iterator.Valid(); iterator.Next())
        {
            bytes += iterator.GetKeySpan().Length + iterator.GetValueSpan().Length;
            rows++;
        }

        return bytes > 0 ? rows / setup.Time.GetElapsedTime(start).TotalSeconds : 0;
    }

    private async Task<double> ScanAsync(MatchpointNode node, CancellationToken cancellation)
    {
        long rows = 0;
        long bytes = 0;
        var start = setup.Time.GetTimestamp();
        await node.Default.VisitAsync(
            KeyRange.All,
            (key, value) =>
            {
                bytes += key.Length + value.Length;
                rows++;
                return true;
            },
            cancellation: cancellation);
        return bytes > 0 ? rows / setup.Time.GetElapsedTime(start).TotalSeconds : 0;
    }

    /// <summary>Keys in no order: each is a number turned round.</summary>
    private static void KeyOf(int number, Span<byte> key)
    {
        key.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(key, (ulong)number * 0x9E3779B97F4A7C15);
    }
}
