using System.Buffers.Binary;
using Matchpoint.Cli.Bench;

namespace Matchpoint.Peers.Measuring;

/// <summary>Clients of a store, each of which does one thing after another: 16-byte keys, 100-byte values.</summary>
internal sealed class PeerLoad(IOpenPeer peer)
{
    private const int KeysPerClient = 10_000;

    /// <summary>No single answer may take longer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly byte[] _noise = RawDisk.Noise(Keys.ValueBytes);
    private long _values;

    /// <summary>Writes the keys that are read later.</summary>
    public async Task FillAsync(int clients, CancellationToken cancellation)
    {
        await Task.WhenAll(Enumerable.Range(0, clients).Select(client => OnOwnThread(
            async () =>
            {
                for (var i = client; i < Keys.Filled; i += clients) await BoundedAsync(peer.PutAsync(client, Keys.Of(0, i), NextValue(), cancellation), cancellation);
            },
            cancellation)));
    }

    /// <summary>Writes a number of times, one after another.</summary>
    public async Task WriteAsync(int count, CancellationToken cancellation)
    {
        for (var i = 0; i < count; i++) await BoundedAsync(peer.PutAsync(0, Keys.Of(0, i), NextValue(), cancellation), cancellation);
    }

    /// <summary>Runs the clients for a time.</summary>
    public async Task<LoadResult> RunAsync(Workload workload, TimeSpan duration, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        var latencies = new List<double>[workload.Clients];
        await Task.WhenAll(Enumerable.Range(0, workload.Clients).Select(client => OnOwnThread(
            async () => latencies[client] = await RunAsync(workload.Work, client, start, duration, cancellation), cancellation)));
        var seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        var spread = Spread.Of(latencies.SelectMany(static list => list));
        return new LoadResult(spread.Count / seconds, spread.P50, spread.P99);
    }

    /// <summary>A value that was not there before: some stores see when nothing changes, and write nothing.</summary>
    private byte[] NextValue()
    {
        var value = _noise.AsSpan().ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(value, Interlocked.Increment(ref _values));
        return value;
    }

    private async Task<List<double>> RunAsync(Work work, int client, long start, TimeSpan duration, CancellationToken cancellation)
    {
        var latencies = new List<double>(100_000);
        var random = new Random(23 + client);
        for (long i = 0; TimeProvider.System.GetElapsedTime(start) < duration; i++)
        {
            var key = work == Work.Write ? Keys.Of(1 + client, i % KeysPerClient) : Keys.Of(0, random.Next(Keys.Filled));
            var began = TimeProvider.System.GetTimestamp();
            if (work == Work.Write) await BoundedAsync(peer.PutAsync(client, key, NextValue(), cancellation), cancellation);
            else await ReadAsync(client, key, work == Work.LinearizableRead, cancellation);
            latencies.Add(TimeProvider.System.GetElapsedTime(began).TotalMicroseconds);
        }

        return latencies;
    }

    private async Task ReadAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation)
    {
        var reading = peer.GetAsync(client, key, isLinearizable, cancellation);
        await BoundedAsync(reading, cancellation);
        if (!await reading) throw new InvalidOperationException("a key that was written is missing");
    }

    /// <summary>Waits, but not for ever; what has come back already costs nothing.</summary>
    private static Task BoundedAsync(Task doing, CancellationToken cancellation) =>
        doing.IsCompleted ? doing : doing.WaitAsync(Patience, TimeProvider.System, cancellation);

    /// <summary>Stores that block a thread while they work have one for each client: that of the pool is not made for it.</summary>
    private static Task OnOwnThread(Func<Task> action, CancellationToken cancellation) =>
        Task.Factory.StartNew(action, cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
}
