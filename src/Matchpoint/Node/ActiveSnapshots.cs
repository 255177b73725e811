using Matchpoint.Protocol.Identities;

namespace Matchpoint.Node;

/// <summary>The snapshots that transactions under way read: what came since is kept in the tail, so that their conflicts can be found.</summary>
internal sealed class ActiveSnapshots
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<long, int> _counts = [];

    /// <summary>A transaction begins at a record.</summary>
    public void Add(Vlsn at)
    {
        var number = at.DistanceFrom(Vlsn.Null);
        lock (_gate) _counts[number] = _counts.GetValueOrDefault(number) + 1;
    }

    /// <summary>A transaction that began there has ended.</summary>
    public void Remove(Vlsn at)
    {
        var number = at.DistanceFrom(Vlsn.Null);
        lock (_gate)
        {
            if (--_counts[number] == 0) _counts.Remove(number);
        }
    }

    /// <summary>The oldest snapshot under way, or the given record when there is none older.</summary>
    public Vlsn OldestOr(Vlsn vlsn)
    {
        lock (_gate)
        {
            foreach (var (number, _) in _counts) return Vlsn.Min(vlsn, Vlsn.Null.Plus(number));
            return vlsn;
        }
    }
}
