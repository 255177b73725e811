namespace Matchpoint.Cli.Bench;

/// <summary>What several runs of the same measurement reached.</summary>
/// <param name="Median">As many were above as below; of two in the middle the mean.</param>
/// <param name="Least">The least of them.</param>
/// <param name="Most">The most of them.</param>
internal readonly record struct Typical(double Median, double Least, double Most)
{
    /// <summary>That of some runs.</summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    public static Typical Of(IEnumerable<double> runs)
    {
        var sorted = runs.Order().ToList();
        if (sorted.Count == 0) throw new ArgumentException("There is nothing typical of no runs.", nameof(runs));
        var middle = sorted.Count / 2;
        var median = sorted.Count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Typical(median, sorted[0], sorted[^1]);
    }
}
