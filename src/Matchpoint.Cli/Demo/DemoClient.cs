using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Matchpoint.Client;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Demo;

/// <summary>A client that writes steadily, remembers every write that was acknowledged, and finds the next primary by itself when one is gone.</summary>
internal sealed class DemoClient : IAsyncDisposable
{
    private const int Writers = 4;
    private const int WriteTimeoutMilliseconds = 1500;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly ConcurrentDictionary<string, string> _acknowledged = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _writing;
    private long _unknown;
    private long _lastAt = TimeProvider.System.GetTimestamp();
    private long _longestGap;

    /// <summary>A client of a group: it begins at once.</summary>
    public DemoClient(IReadOnlyList<Endpoint> endpoints) =>
        _writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(writer, endpoints))));

    /// <summary>How many writes were acknowledged.</summary>
    public int Acknowledged => _acknowledged.Count;

    /// <summary>How many ended with their outcome unknown.</summary>
    public long Unknown => Interlocked.Read(ref _unknown);

    /// <summary>The longest time in which nothing was acknowledged, since it was last asked for.</summary>
    public TimeSpan TakeLongestGap() => TimeSpan.FromTicks(Interlocked.Exchange(ref _longestGap, 0));

    /// <summary>What was acknowledged: each key with its value.</summary>
    public IReadOnlyDictionary<string, string> Writes => _acknowledged;

    /// <summary>Waits until so many more writes are acknowledged.</summary>
    public async Task MoreAsync(int writes, CancellationToken cancellation)
    {
        var target = Acknowledged + writes;
        while (Acknowledged < target) await Task.Delay(Pause, TimeProvider.System, cancellation);
    }

    /// <summary>Ends the writing.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _writing;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    private async Task WriteAsync(int writer, IReadOnlyList<Endpoint> endpoints)
    {
        NodeClient? client = null;
        var next = writer;
        for (var i = 0; !_stopping.IsCancellationRequested; i++)
        {
            var (key, value) = (string.Create(CultureInfo.InvariantCulture, $"order/{writer}-{i:000000}"), string.Create(CultureInfo.InvariantCulture, $"paid {i}"));
            try
            {
                client ??= await NodeClient.ConnectAsync(endpoints[next++ % endpoints.Count], Patience, CancellationToken.None);
                await client.AskAsync(
                    new ClientRequest
                    {
                        Op = "transact",
                        TimeoutMilliseconds = WriteTimeoutMilliseconds,
                        Operations = [new ClientOperation(ChangeKind.Put, null, -1, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value))],
                    },
                    Patience,
                    CancellationToken.None);
                _acknowledged[key] = value;
                NoteGap();
            }
            catch (Exception error) when (error is ConnectException or ChannelException or ClientException)
            {
                // Refused: nothing was written. Everything else: nobody knows; the key is not written again.
                if (error is not (ConnectException or ClientException { Error.Kind: "not-primary" })) Interlocked.Increment(ref _unknown);
                if (client is not null) await client.DisposeAsync();
                client = null;
                await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
            }
        }

        if (client is not null) await client.DisposeAsync();
    }

    private void NoteGap()
    {
        var now = TimeProvider.System.GetTimestamp();
        var gap = TimeProvider.System.GetElapsedTime(Interlocked.Exchange(ref _lastAt, now), now).Ticks;
        if (gap > Interlocked.Read(ref _longestGap)) Interlocked.Exchange(ref _longestGap, gap);
    }
}
