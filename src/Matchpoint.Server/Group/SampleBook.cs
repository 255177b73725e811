using Matchpoint.Journal;

namespace Matchpoint.Server.Group;

/// <summary>What the group did, second by second, for the last minutes.</summary>
internal sealed class SampleBook
{
    private const int Most = 300;

    private readonly Lock _gate = new();
    private readonly Queue<Sample> _samples = new(Most);
    private Dictionary<string, TrafficCounts> _before = new(StringComparer.Ordinal);

    /// <summary>Takes in what each member has done so far.</summary>
    /// <param name="at">Now.</param>
    /// <param name="elapsed">Since the call before.</param>
    /// <param name="counts">The members that answer, with what they have done.</param>
    public void Add(DateTimeOffset at, TimeSpan elapsed, IEnumerable<(string Member, TrafficCounts Counts)> counts)
    {
        var now = counts.ToDictionary(static pair => pair.Member, static pair => pair.Counts, StringComparer.Ordinal);
        var done = now.Select(pair => _before.TryGetValue(pair.Key, out var before) ? pair.Value.Since(before) : null).OfType<TrafficCounts>().ToList();
        _before = now;
        if (done.Count == 0 || elapsed <= TimeSpan.Zero) return;
        var seconds = elapsed.TotalSeconds;
        var latencies = new TrafficCounts(0, 0, 0, [.. Enumerable.Range(0, done[0].Latencies.Count).Select(i => done.Sum(counts => counts.Latencies[i]))]);
        var sample = new Sample(
            at.ToUnixTimeMilliseconds(), done.Sum(static one => one.Commits) / seconds, done.Sum(static one => one.Reads) / seconds, done.Max(static one => one.LogBytes) / seconds,
            latencies.Quantile(0.5), latencies.Quantile(0.99));
        lock (_gate)
        {
            if (_samples.Count == Most) _samples.Dequeue();
            _samples.Enqueue(sample);
        }
    }

    /// <summary>The samples behind a time, oldest first.</summary>
    public IReadOnlyList<Sample> Since(long at)
    {
        lock (_gate) return [.. _samples.Where(sample => sample.At > at)];
    }
}
