using Matchpoint.Protocol;
using Matchpoint.Storage.Log;

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

    /// <summary>How much of the log's head its nodes keep, so little that who was away needs a full copy; null for all of it.</summary>
    public RetentionOptions? Retention { get; init; }

    /// <summary>So many bytes of log may have to be applied again after a crash.</summary>
    public long StateFlushBytes { get; init; } = new Matchpoint.Node.NodeParts().StateFlushBytes;

    /// <summary>How many files a picture of a state has, and how long each is at the least.</summary>
    public (int Count, int Bytes) PictureParts { get; init; }

    /// <summary>How fast copies are given at the most.</summary>
    public long? CopyBytesPerSecond { get; init; }

    /// <summary>How far two clocks may be apart before their nodes refuse each other.</summary>
    public TimeSpan MaxClockSkew { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Whether a power cut may take what was acknowledged: then much of what is promised otherwise is not.</summary>
    public bool CountsUnflushed => Durability.ReplicaFlush != FlushPolicy.Sync;

    /// <summary>Half of the groups of seven have six.</summary>
    public GroupSettings DrawSix(Random random) => Size == 7 && random.Next(2) == 0 ? this with { Size = 6 } : this;

    /// <summary>Draws how its members differ and change.</summary>
    public GroupSettings DrawMembers(Random random)
    {
        if (random.Next(3) != 0) return this;
        return this with { IsReorganized = random.Next(5) != 0, Spares = random.Next(3), HasArbiter = Size >= 3 && random.Next(3) == 0 };
    }

    /// <summary>Draws whether, and how far, logs are trimmed.</summary>
    public GroupSettings DrawTrimming(Random random)
    {
        if (random.Next(4) != 0) return this;
        var segment = random.Next(300, random.Next(500, 2000));
        // What the last write before a crash brought is not removed before anybody has seen it.
        var keep = 1024 + (segment * random.Next(3));
        var budget = keep + (segment * random.Next(1, 4));
        return this with
        {
            SegmentBytes = segment,
            Retention = new RetentionOptions
            {
                KeepBytes = keep,
                BudgetBytes = budget,
                BudgetAge = random.Next(4) == 0 ? TimeSpan.FromSeconds(random.Next(5, 30)) : null,
                HoldBytes = 2 * budget,
                OpenBytes = keep,
            },
            StateFlushBytes = random.Next(100, random.Next(200, 3000)),
            PictureParts = (random.Next(1, 10), random.Next(1, 12) * 1024),
            CopyBytesPerSecond = random.Next(3) == 0 ? null : 64 * 1024,
        };
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
