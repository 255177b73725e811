using System.Globalization;
using Matchpoint.Simulation.Faults;

namespace Matchpoint.Simulation.Schedules;

/// <summary>What many schedules amount to: what struck, how long groups took to come together, and how many were hardly checked.</summary>
internal sealed class RunFigures
{
    private readonly FaultCounts _counts = new();
    private (TimeSpan Time, ulong Seed) _longest;
    private (TimeSpan Time, ulong Seed) _longestOfMajority;
    private int _alone;
    private int _lossy;

    /// <summary>Counts a schedule.</summary>
    public void Add(ScheduleResult result)
    {
        _counts.Add(result.Counts);
        if (result.IsLossy) _lossy++;
        if (result.Together > _longest.Time) _longest = (result.Together.Value, result.Seed);
        if (result.MajorityTogether is null) return;
        _alone++;
        if (result.MajorityTogether > _longestOfMajority.Time) _longestOfMajority = (result.MajorityTogether.Value, result.Seed);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"  longest time to come together: {_longest.Time.TotalSeconds:0.0} s (seed {_longest.Seed}); "
        + $"of a majority alone, in {_alone} schedules: {_longestOfMajority.Time.TotalSeconds:0.0} s (seed {_longestOfMajority.Seed})\n"
            + $"  {_lossy} schedules in which acknowledged records may be lost, and of which only states and exports are looked at\n"
            + $"  struck: {_counts}");
}
