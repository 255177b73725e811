using Matchpoint.Protocol;

namespace Matchpoint.Simulation.Group;

/// <summary>What a group is like: drawn from its seed.</summary>
internal sealed record GroupSettings
{
    /// <summary>How many nodes there are.</summary>
    public required int Size { get; init; }

    /// <summary>After what silence they elect.</summary>
    public required TimeSpan ElectionTimeout { get; init; }

    /// <summary>What their commits wait for.</summary>
    public required Durability Durability { get; init; }

    /// <summary>How long segments become.</summary>
    public required long SegmentBytes { get; init; }

    /// <summary>What size of transactions is written in pieces.</summary>
    public required int PieceBytes { get; init; }

    /// <summary>Whether replicas are fed by other replicas.</summary>
    public required bool HasChains { get; init; }

    /// <summary>How far clocks run fast or slow.</summary>
    public required double ClockDrift { get; init; }

    /// <summary>The longest time a disk usually takes to write and flush.</summary>
    public required TimeSpan DiskDelay { get; init; }

    /// <summary>Whether its members change while it runs.</summary>
    public bool IsReorganized { get; init; }

    /// <summary>How many further machines there are that are no members when the group begins.</summary>
    public int Spares { get; init; }

    /// <summary>Whether the last of its members is an arbiter.</summary>
    public bool HasArbiter { get; init; }

    /// <summary>Whether a power cut may take what was acknowledged: then much of what is promised otherwise is not.</summary>
    public bool CountsUnflushed => Durability.ReplicaFlush != FlushPolicy.Sync;

    /// <summary>Draws how its members differ and change.</summary>
    public GroupSettings DrawMembers(Random random)
    {
        if (random.Next(3) != 0) return this;
        return this with { IsReorganized = random.Next(5) != 0, Spares = random.Next(3), HasArbiter = Size >= 3 && random.Next(3) == 0 };
    }

    /// <summary>Draws one.</summary>
    public static GroupSettings Draw(Random random)
    {
        ReadOnlySpan<int> sizes = [1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 7];
        return new GroupSettings
        {
            Size = sizes[random.Next(sizes.Length)],
            ElectionTimeout = TimeSpan.FromMilliseconds(random.Next(300, 2000)),
            Durability = random.Next(5) == 0 ? Durability.Written : Durability.Full,
            SegmentBytes = random.Next(4) == 0 ? 4 * 1024 : 256 * 1024,
            PieceBytes = random.Next(3) == 0 ? random.Next(40, 400) : Limits.PieceBytes,
            HasChains = random.Next(4) == 0,
            ClockDrift = random.Next(2) * 0.02 * random.NextDouble(),
            DiskDelay = TimeSpan.FromMilliseconds(random.Next(3) switch { 0 => 1, 1 => 8, _ => 40 }),
        };
    }
}
