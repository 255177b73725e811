using Matchpoint.Node;
using Matchpoint.Storage.Log;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>Writes for groups whose logs are small, so that members fall off them.</summary>
internal static class Filling
{
    /// <summary>What such a node keeps of its log.</summary>
    public static readonly RetentionOptions Small = new() { KeepBytes = 128 * 1024, BudgetBytes = 512 * 1024, HoldBytes = 256 * 1024 * 1024, OpenBytes = 16 * 1024 };

    /// <summary>Parts of a node that keeps little log, and lets go of it often.</summary>
    public static NodeParts Parts(RetentionOptions? retention = null) => NodeParts.Real with
    {
        Log = new LogOptions { SegmentBytes = 64 * 1024 },
        StateFlushBytes = 128 * 1024,
        Retention = (_, _) => retention ?? Small,
    };

    /// <summary>Options of a group whose primary stays the same while the disks have much to do, and takes several writes before it steps down when it is cut off.</summary>
    public static MatchpointOptions Calm(MatchpointOptions options) => options with { ElectionTimeout = TimeSpan.FromSeconds(8) };

    /// <summary>Bytes that no compression makes shorter.</summary>
    public static byte[] Value(int number, int bytes)
    {
        var value = new byte[bytes];
        new Random(number).NextBytes(value);
        return value;
    }

    /// <summary>Writes some values, a few at a time.</summary>
    public static Task WriteAsync(MatchpointNode node, int from, int count, int bytes) => Parallel.ForEachAsync(
        Enumerable.Range(from, count),
        new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = TestContext.Current.CancellationToken },
        async (i, cancellation) => await node.Default.PutAsync(Utf8($"k{i}"), Value(i, bytes), cancellation: cancellation));

    /// <summary>Writes some keys over and over, as fast as it goes, until it is told to stop.</summary>
    public static Task LoadAsync(MatchpointNode node, int writers, int keys, int bytes, CancellationToken stop) => Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(
        async () =>
        {
            var value = Value(writer, bytes);
            for (var i = 0; !stop.IsCancellationRequested; i++) await node.Default.PutAsync(Utf8($"load{writer}-{i % keys}"), value, cancellation: TestContext.Current.CancellationToken);
        },
        TestContext.Current.CancellationToken)));
}
