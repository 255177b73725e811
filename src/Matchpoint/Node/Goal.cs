using Matchpoint.Protocol.Durability;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Node;

/// <summary>What is waited for: that a record is durable, or that a commit is as safe as it asked for.</summary>
/// <param name="IsDurable">That the record is durable and can be read.</param>
/// <param name="Durability">What the commit asked for.</param>
internal readonly record struct Goal(bool IsDurable, Durability Durability)
{
    private static readonly Vlsn Anything = Vlsn.Of(long.MaxValue);

    /// <summary>That a record is durable.</summary>
    public static Goal Durable => new(IsDurable: true, default);

    /// <summary>That a commit is as safe as it asked for.</summary>
    public static Goal Commit(Durability durability) => new(IsDurable: false, durability);

    /// <summary>The last record for which this is so.</summary>
    public Vlsn Reached(in AckLevels levels, Vlsn written, Vlsn flushed, Vlsn durable)
    {
        if (IsDurable) return durable;
        var local = Durability.LocalFlush switch
        {
            FlushPolicy.NoSync => Anything,
            FlushPolicy.Write => written,
            _ => flushed,
        };
        var isFlushed = Durability.ReplicaFlush == FlushPolicy.Sync;
        var others = Durability.Acks switch
        {
            AckPolicy.None => Anything,
            // Success must mean that a default read sees it.
            AckPolicy.Majority => Vlsn.Min(durable, isFlushed ? levels.FlushedByMajority : levels.AppendedByMajority),
            _ => Vlsn.Min(durable, isFlushed ? levels.FlushedByAll : levels.AppendedByAll),
        };
        return Vlsn.Min(local, others);
    }
}
