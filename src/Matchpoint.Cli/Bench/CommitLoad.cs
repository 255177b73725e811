using System.Buffers.Binary;

namespace Matchpoint.Cli.Bench;

/// <summary>What a load of commits reached.</summary>
/// <param name="PerSecond">Commits per second.</param>
/// <param name="P50">Half of them took no longer, in microseconds.</param>
/// <param name="P99">Of a hundred, ninety-nine took no longer, in microseconds.</param>
internal readonly record struct LoadResult(double PerSecond, double P50, double P99);

/// <summary>Writers that commit, one after another each, all at once: 16-byte keys, 100-byte values.</summary>
internal static class CommitLoad
{
    private const int KeyBytes = 16;

    /// <summary>Runs writers for a time.</summary>
    public static async Task<LoadResult> RunAsync(MatchpointNode node, int writers, int putsPerCommit, TimeSpan duration, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        var all = await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(() => WriteAsync(node, writer, putsPerCommit, start, duration, cancellation), cancellation)));
        var seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        var latencies = all.SelectMany(list => list).Order().ToList();
        return new LoadResult(latencies.Count / seconds, latencies[latencies.Count / 2], latencies[(int)(latencies.Count * 0.99)]);
    }

    private static async Task<List<double>> WriteAsync(MatchpointNode node, int writer, int puts, long start, TimeSpan duration, CancellationToken cancellation)
    {
        var latencies = new List<double>(100_000);
        var key = new byte[KeyBytes];
        var value = RawDisk.Noise(100);
        BinaryPrimitives.WriteInt64BigEndian(key, writer);
        for (long i = 0; TimeProvider.System.GetElapsedTime(start) < duration; i++)
        {
            var began = TimeProvider.System.GetTimestamp();
            if (puts == 1)
            {
                BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(8), i);
                await node.Default.PutAsync(key, value, cancellation: cancellation);
            }
            else
            {
                await node.TransactAsync(
                    transaction =>
                    {
                        for (var put = 0; put < puts; put++)
                        {
                            BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(8), (i * puts) + put);
                            transaction.Put(key, value);
                        }
                    },
                    cancellation: cancellation);
            }

            latencies.Add(TimeProvider.System.GetElapsedTime(began).TotalMicroseconds);
        }

        return latencies;
    }
}
