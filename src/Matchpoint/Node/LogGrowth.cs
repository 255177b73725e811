using Matchpoint.Protocol.Identities;

namespace Matchpoint.Node;

/// <summary>How fast the log grows now: over the last minute, or as much of it as was seen.</summary>
internal sealed class LogGrowth
{
    private static readonly TimeSpan Span = TimeSpan.FromMinutes(1);

    private readonly Queue<(TimeSpan At, Lsn End)> _seen = [];

    /// <summary>Bytes a second; 0 where it does not grow, or nothing is known yet.</summary>
    public double BytesPerSecond { get; private set; }

    /// <summary>The log ends here now. To be told about once a second.</summary>
    public void Note(TimeSpan now, Lsn end)
    {
        // A log that was cut, by a rollback, begins to grow anew.
        if (_seen.TryPeek(out var first) && end < first.End) _seen.Clear();
        _seen.Enqueue((now, end));
        while (_seen.Count > 2 && now - _seen.Peek().At > Span) _seen.Dequeue();
        var oldest = _seen.Peek();
        BytesPerSecond = now > oldest.At ? end.DistanceFrom(oldest.End) / (now - oldest.At).TotalSeconds : 0;
    }

    /// <summary>How long so many bytes take; null where that is for ever.</summary>
    public TimeSpan? TimeFor(long bytes) => BytesPerSecond > 0 && bytes / BytesPerSecond < TimeSpan.FromDays(365).TotalSeconds ? TimeSpan.FromSeconds(bytes / BytesPerSecond) : null;
}
