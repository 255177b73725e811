using System.Buffers.Binary;

namespace Matchpoint.Cli.Bench;

/// <summary>Writers that commit beside something else, every commit on the devices of a majority, until it is over.</summary>
internal sealed class SyncedLoad : IAsyncDisposable
{
    /// <summary>How long such a load runs when there is nothing beside it.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromSeconds(4);

    private static readonly CommitOptions Synced = new() { Durability = Durability.Full };

    private readonly CancellationTokenSource _over = new();
    private readonly Task<List<(long At, double Microseconds)>[]> _writing;
    private long _bytes;
    private bool _isDisposed;

    private SyncedLoad(MatchpointNode node, int writers, int valueBytes, int keys, CancellationToken cancellation) =>
        _writing = Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(() => WriteAsync(node, writer, valueBytes, keys, cancellation), cancellation)));

    /// <summary>Bytes of values that were committed so far.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Starts writers of small values.</summary>
    public static SyncedLoad Start(MatchpointNode node, CancellationToken cancellation) => Start(node, writers: 8, valueBytes: 100, keys: 10_000, cancellation);

    /// <summary>Starts writers, each of which writes its keys over and over.</summary>
    public static SyncedLoad Start(MatchpointNode node, int writers, int valueBytes, int keys, CancellationToken cancellation) => new(node, writers, valueBytes, keys, cancellation);

    /// <summary>Ends it.</summary>
    /// <returns>When each commit was acknowledged, and how long it took in microseconds.</returns>
    public async Task<IReadOnlyList<(long At, double Microseconds)>> EndAsync()
    {
        await _over.CancelAsync();
        return [.. (await _writing).SelectMany(static list => list)];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        await _over.CancelAsync();
        await ((Task)_writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _over.Dispose();
    }

    private async Task<List<(long At, double Microseconds)>> WriteAsync(MatchpointNode node, int writer, int valueBytes, int keys, CancellationToken cancellation)
    {
        var latencies = new List<(long At, double Microseconds)>(10_000);
        var key = new byte[16];
        var value = RawDisk.Noise(valueBytes);
        BinaryPrimitives.WriteInt64BigEndian(key, -1 - writer);
        for (var i = 0; !_over.IsCancellationRequested; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(8), i % keys);
            var began = TimeProvider.System.GetTimestamp();
            await node.Default.PutAsync(key, value, Synced, cancellation);
            var now = TimeProvider.System.GetTimestamp();
            latencies.Add((now, TimeProvider.System.GetElapsedTime(began, now).TotalMicroseconds));
            Interlocked.Add(ref _bytes, valueBytes);
        }

        return latencies;
    }
}
