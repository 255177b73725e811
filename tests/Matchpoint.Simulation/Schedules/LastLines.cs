namespace Matchpoint.Simulation.Schedules;

/// <summary>The last lines that a schedule told.</summary>
internal sealed class LastLines
{
    private const int Most = 30;

    private readonly Queue<string> _lines = new(Most + 1);

    /// <summary>Hears one more.</summary>
    public void Add(string line)
    {
        _lines.Enqueue(line);
        if (_lines.Count > Most) _lines.Dequeue();
    }

    /// <summary>Forgets all.</summary>
    public void Clear() => _lines.Clear();

    /// <inheritdoc/>
    public override string ToString() => string.Join('\n', _lines.Select(static line => $"  {line}"));
}
