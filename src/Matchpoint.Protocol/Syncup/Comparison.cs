using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>A record that both logs were asked for.</summary>
internal readonly record struct Comparison(LogEntry Own, LogEntry Feeder)
{
    /// <summary>Whether both hold the same.</summary>
    public bool Matches => Own.Matches(Feeder);
}

/// <summary>What was compared: how often, and the last of it. However long a search is, this stays small.</summary>
internal sealed class Comparisons
{
    private const int Kept = 64;

    private readonly Queue<Comparison> _last = new();

    /// <summary>How many records were compared.</summary>
    public long Count { get; private set; }

    /// <summary>The last ones, oldest first.</summary>
    public IReadOnlyCollection<Comparison> Last => _last;

    /// <summary>Compares a record, and notes that it was.</summary>
    public bool Compare(in LogEntry own, in LogEntry feeder)
    {
        Count++;
        if (_last.Count == Kept) _last.Dequeue();
        var comparison = new Comparison(own, feeder);
        _last.Enqueue(comparison);
        return comparison.Matches;
    }
}
