using System.Buffers.Binary;

namespace Matchpoint.Cli.Bench;

/// <summary>Writers that commit one after another each, on whichever node of a group is the primary: told that another is, they go there at once.</summary>
internal sealed class RovingLoad : IAsyncDisposable
{
    private static readonly CommitOptions Synced = new() { Durability = Durability.Full };

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private readonly Lock _gate = new();
    private readonly List<long> _acknowledged = [];
    private readonly CancellationTokenSource _over;
    private readonly Task _writing;

    private RovingLoad(BenchGroup group, int writers, int valueBytes, CancellationToken cancellation)
    {
        _over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var nodes = group.Nodes.ToDictionary(static node => node.Options.Name, StringComparer.Ordinal);
        _writing = Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(() => WriteAsync(nodes, group.Primary, writer, valueBytes, _over.Token), cancellation)));
    }

    /// <summary>Starts writers.</summary>
    public static RovingLoad Start(BenchGroup group, int writers, int valueBytes, CancellationToken cancellation) => new(group, writers, valueBytes, cancellation);

    /// <summary>The longest time without an acknowledged commit between two times; what has begun before or ends after them counts with its part between them.</summary>
    public TimeSpan LongestGap(long from, long to)
    {
        lock (_gate)
        {
            var longest = 0L;
            var last = from;
            foreach (var at in _acknowledged.Where(at => at > from && at < to).Append(to))
            {
                longest = Math.Max(longest, at - last);
                last = at;
            }

            return TimeProvider.System.GetElapsedTime(0, longest);
        }
    }

    /// <summary>Waits for a commit that is acknowledged from now on.</summary>
    public async Task AcknowledgedAsync(CancellationToken cancellation)
    {
        var now = TimeProvider.System.GetTimestamp();
        while (true)
        {
            lock (_gate)
            {
                if (_acknowledged.Count > 0 && _acknowledged[^1] > now) return;
            }

            if (_writing.IsFaulted) await _writing;
            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _over.Dispose();
    }

    private async Task WriteAsync(Dictionary<string, MatchpointNode> nodes, MatchpointNode first, int writer, int valueBytes, CancellationToken cancellation)
    {
        var node = first;
        var key = new byte[16];
        var value = RawDisk.Noise(valueBytes);
        BinaryPrimitives.WriteInt64BigEndian(key, writer);
        for (var i = 0L; ; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(8), i % 10_000);
            try
            {
                await node.Default.PutAsync(key, value, Synced, cancellation);
                lock (_gate) _acknowledged.Add(TimeProvider.System.GetTimestamp());
            }
            catch (NotPrimaryException refused)
            {
                if (refused.Primary is { } name && name != node.Options.Name) node = nodes[name];
                else await Task.Delay(Pause, TimeProvider.System, cancellation);
            }
        }
    }
}
