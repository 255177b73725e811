namespace Matchpoint.Cli.Bench;

/// <summary>How long many of a kind took, in microseconds.</summary>
/// <param name="Count">How many they were.</param>
/// <param name="P50">Half of them took no longer.</param>
/// <param name="P99">Of a hundred, ninety-nine took no longer.</param>
internal readonly record struct Spread(int Count, double P50, double P99)
{
    /// <summary>That of some; all zero for none.</summary>
    public static Spread Of(IEnumerable<double> microseconds)
    {
        var sorted = microseconds.Order().ToList();
        return sorted.Count == 0 ? default : new Spread(sorted.Count, sorted[sorted.Count / 2], sorted[(int)(sorted.Count * 0.99)]);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Count} commits, p50 {P50:0} us, p99 {P99:0} us";
}
