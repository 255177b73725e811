namespace Matchpoint.Simulation.Faults;

/// <summary>Which faults happen in a schedule, and how often: drawn from its seed.</summary>
internal sealed record FaultMix(IReadOnlyList<FaultKind> Kinds, TimeSpan Pause)
{
    /// <summary>Whether what takes data, and cannot be done without just then, is tried again until it can.</summary>
    public bool Insists { get; init; }

    /// <summary>Whether a minority stays away when all faults have ended, until the others have come together.</summary>
    public bool EndsWithMajority { get; init; }

    /// <summary>Draws one: a few kinds, or many, or none at all.</summary>
    public static FaultMix Draw(Random random)
    {
        var all = Enum.GetValues<FaultKind>();
        var share = random.Next(4) switch { 0 => 0.15, 1 => 0.3, 2 => 0.6, _ => 1.0 };
        var kinds = all.Where(_ => random.NextDouble() < share).ToList();
        return new FaultMix(kinds, TimeSpan.FromSeconds(0.5 + (random.NextDouble() * 5)));
    }
}
