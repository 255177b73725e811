namespace Matchpoint.Simulation.Faults;

/// <summary>Which faults happen in a schedule, and how often: drawn from its seed.</summary>
internal sealed record FaultMix(IReadOnlyList<FaultKind> Kinds, TimeSpan Pause)
{
    /// <summary>Draws one: a few kinds, or many, or none at all.</summary>
    public static FaultMix Draw(Random random)
    {
        var all = Enum.GetValues<FaultKind>();
        var share = random.Next(4) switch { 0 => 0.15, 1 => 0.3, 2 => 0.6, _ => 1.0 };
        var kinds = all.Where(_ => random.NextDouble() < share).ToList();
        return new FaultMix(kinds, TimeSpan.FromSeconds(0.5 + (random.NextDouble() * 5)));
    }
}
