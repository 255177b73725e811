using System.Globalization;

namespace Matchpoint.Simulation.Faults;

/// <summary>How often faults were to be, and how often they struck, by their kinds.</summary>
internal sealed class FaultCounts
{
    private readonly SortedDictionary<string, (int Asked, int Struck)> _kinds = new(StringComparer.Ordinal);

    /// <summary>How many struck.</summary>
    public int Struck => _kinds.Values.Sum(static kind => kind.Struck);

    /// <summary>One was to be.</summary>
    public void OnAsked(string kind) => Add(kind, asked: 1, struck: 0);

    /// <summary>One was to be.</summary>
    public void OnAsked(FaultKind kind) => OnAsked(kind.ToString());

    /// <summary>One struck.</summary>
    public void OnStruck(string kind) => Add(kind, asked: 0, struck: 1);

    /// <summary>One struck.</summary>
    public void OnStruck(FaultKind kind) => OnStruck(kind.ToString());

    /// <summary>Counts those of another schedule, too.</summary>
    public void Add(FaultCounts other)
    {
        foreach (var (kind, (asked, struck)) in other._kinds) Add(kind, asked, struck);
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Join(", ", _kinds.Select(static kind => string.Create(CultureInfo.InvariantCulture, $"{kind.Key} {kind.Value.Struck} of {kind.Value.Asked}")));

    private void Add(string kind, int asked, int struck)
    {
        var (before, struckBefore) = _kinds.GetValueOrDefault(kind);
        _kinds[kind] = (before + asked, struckBefore + struck);
    }
}
