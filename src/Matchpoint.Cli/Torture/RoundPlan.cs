namespace Matchpoint.Cli.Torture;

/// <summary>
/// What a round is to do, before anybody knows how the group is: drawn from the seed and the round's number alone. Each part of it has a seed of its own, so that what one part
/// draws, which depends on who is a member and who leads, changes nothing for the others and for the rounds that follow.
/// </summary>
/// <param name="BacksUp">Whether it begins with a backup.</param>
/// <param name="Takes">What is drawn from for whose data is taken, and how; null where nobody's is.</param>
/// <param name="Changes">What is drawn from for how the members change; null where they do not.</param>
/// <param name="Passing">What is drawn from for each fault that passes.</param>
internal sealed record RoundPlan(bool BacksUp, int? Takes, int? Changes, IReadOnlyList<int> Passing)
{
    /// <summary>What backups cost is paid every sixth round, data is taken in a quarter of them, and the members change in a third.</summary>
    private const int BackupEvery = 6;
    private const int TakeEvery = 4;
    private const int ChangeEvery = 3;

    /// <summary>The plan of one round.</summary>
    public static RoundPlan Of(int seed, int round)
    {
        var random = new Random(Mix(seed, round));
        var (backs, takes, changes) = (random.Next(BackupEvery) == 0, random.Next(TakeEvery) == 0, random.Next(ChangeEvery) == 0);
        var (take, change) = (random.Next(), random.Next());
        int[] passing = [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => random.Next())];
        return new RoundPlan(backs, takes ? take : null, changes ? change : null, passing);
    }

    /// <summary>A number that tells nothing of its neighbours: what generators of neighbouring seeds draw first goes up in equal steps, and some rounds would never follow each other.</summary>
    private static int Mix(int seed, int round)
    {
        // The last steps of SplitMix64.
        var mixed = unchecked((((ulong)(uint)seed << 32) | (uint)round) + 0x9E3779B97F4A7C15);
        mixed = unchecked((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9);
        mixed = unchecked((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB);
        return (int)((mixed ^ (mixed >> 31)) & int.MaxValue);
    }
}
