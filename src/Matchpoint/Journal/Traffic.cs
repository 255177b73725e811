namespace Matchpoint.Journal;

/// <summary>What a node has done since it was opened, in numbers that only grow: whoever looks twice has a rate. Counting takes no lock.</summary>
internal sealed class Traffic
{
    /// <summary>The first class ends here, in milliseconds; each ends at the square root of two times the end before.</summary>
    private const double FirstBound = 0.05;

    private const int Classes = 44;

    private readonly long[] _latencies = new long[Classes];
    private long _commits;
    private long _reads;

    /// <summary>Where the classes of latencies end, in milliseconds; the last one has no end.</summary>
    public static IReadOnlyList<double> Bounds { get; } = [.. Enumerable.Range(0, Classes - 1).Select(static i => FirstBound * Math.Pow(2, i / 2.0))];

    /// <summary>A commit went through.</summary>
    public void Committed(TimeSpan latency)
    {
        var ratio = latency.TotalMilliseconds / FirstBound;
        var place = ratio <= 1 ? 0 : Math.Min(Classes - 1, (int)Math.Ceiling(2 * Math.Log2(ratio)));
        Interlocked.Increment(ref _latencies[place]);
        Interlocked.Increment(ref _commits);
    }

    /// <summary>A key was read.</summary>
    public void Read() => Interlocked.Increment(ref _reads);

    /// <summary>The numbers as they are.</summary>
    /// <param name="logBytes">How many bytes its log has had, ever.</param>
    public TrafficCounts Take(long logBytes)
    {
        var latencies = new long[Classes];
        for (var i = 0; i < Classes; i++) latencies[i] = Volatile.Read(ref _latencies[i]);
        return new TrafficCounts(Volatile.Read(ref _commits), Volatile.Read(ref _reads), logBytes, latencies);
    }
}

/// <summary>What a node has done since it was opened.</summary>
/// <param name="Commits">Commits that went through here.</param>
/// <param name="Reads">Keys that were read one at a time.</param>
/// <param name="LogBytes">Where its log ends: how many bytes of records it has had, ever.</param>
/// <param name="Latencies">How many commits took how long: one number for each of <see cref="Traffic.Bounds"/>, and one for longer ones.</param>
internal sealed record TrafficCounts(long Commits, long Reads, long LogBytes, IReadOnlyList<long> Latencies)
{
    /// <summary>What came since an earlier look; null where the counts began anew in between.</summary>
    public TrafficCounts? Since(TrafficCounts earlier)
    {
        if (earlier.Commits > Commits || earlier.Reads > Reads || earlier.Latencies.Count != Latencies.Count) return null;
        // A log that was cut has fewer bytes than before: nothing was written then, as far as a rate goes.
        return new TrafficCounts(
            Commits - earlier.Commits, Reads - earlier.Reads, Math.Max(0, LogBytes - earlier.LogBytes),
            [.. Latencies.Zip(earlier.Latencies, static (now, then) => Math.Max(0, now - then))]);
    }

    /// <summary>The latency that so many of the commits did not exceed, in milliseconds: the end of its class; null where there were no commits.</summary>
    public double? Quantile(double share)
    {
        var all = Latencies.Sum();
        if (all == 0) return null;
        long seen = 0;
        for (var i = 0; i < Latencies.Count; i++)
        {
            seen += Latencies[i];
            if (seen >= share * all) return Traffic.Bounds[Math.Min(i, Traffic.Bounds.Count - 1)];
        }

        return Traffic.Bounds[^1];
    }
}
