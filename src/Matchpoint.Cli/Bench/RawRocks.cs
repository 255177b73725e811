using System.Buffers.Binary;
using RocksDbSharp;

namespace Matchpoint.Cli.Bench;

/// <summary>What RocksDB does by itself, through the package that the state will use: 16-byte keys in random order, 100-byte values, write-ahead log off.</summary>
internal static class RawRocks
{
    private const int ValueBytes = 100;

    /// <summary>Puts and gets per second.</summary>
    public static (double Puts, double Gets) Run(string directory, int operations, TimeProvider time)
    {
        var path = Path.Combine(directory, "raw.rocksdb");
        var value = RawDisk.Noise(ValueBytes);
        double puts;
        double gets;
        using (var db = RocksDb.Open(new DbOptions().SetCreateIfMissing(true), path))
        {
            var write = new WriteOptions().DisableWal(1);
            Span<byte> key = stackalloc byte[16];
            var random = new Random(17);
            var start = time.GetTimestamp();
            for (var i = 0; i < operations; i++)
            {
                NextKey(random, operations, key);
                db.Put(key, value, writeOptions: write);
            }

            puts = operations / time.GetElapsedTime(start).TotalSeconds;
            random = new Random(23);
            start = time.GetTimestamp();
            for (var i = 0; i < operations; i++)
            {
                NextKey(random, operations, key);
                db.Get(key);
            }

            gets = operations / time.GetElapsedTime(start).TotalSeconds;
        }

        Directory.Delete(path, recursive: true);
        return (puts, gets);
    }

    private static void NextKey(Random random, int operations, Span<byte> key)
    {
        key.Clear();
        BinaryPrimitives.WriteInt64BigEndian(key, random.Next(operations));
    }
}
