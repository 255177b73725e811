using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Syncup;

/// <summary>
/// What a log holds, as a syncup machine needs to know it: a snapshot. The log pins the range before it makes one and
/// until the machine has ended, so that nothing of it is cleaned away in between. Guarantees: (1) both ends are null or
/// First is not above Last; (2) the last sync point is null or inside; (3) a transaction end inside is not above the last
/// sync point; (4) a log that begins above 1 has a transaction end: what it no longer holds counts as committed.
/// </summary>
internal readonly record struct LogRange
{
    /// <summary>Describes a log.</summary>
    /// <param name="first">The oldest record held; null when there is none.</param>
    /// <param name="last">The newest record held; null when there is none.</param>
    /// <param name="lastSync">The newest sync point held; null when there is none.</param>
    /// <param name="lastTransactionEnd">The newest commit that the node holds, in its log or only in its state.</param>
    /// <param name="durable">The highest record that the node ever knew to be durable.</param>
    public LogRange(Vlsn first, Vlsn last, Vlsn lastSync, Vlsn lastTransactionEnd, Vlsn durable)
    {
        Invariant.Holds(first.IsNull == last.IsNull && first <= last, $"a log holds {first} to {last}.");
        Invariant.Holds(lastSync.IsNull || (lastSync >= first && lastSync <= last),
            $"the last sync point {lastSync} is outside {first} to {last}.");
        Invariant.Holds(lastTransactionEnd < first || lastTransactionEnd <= lastSync || last.IsNull,
            $"the last transaction end {lastTransactionEnd} is above the last sync point {lastSync}.");
        First = first;
        Last = last;
        LastSync = lastSync;
        LastTransactionEnd = first.IsNull ? lastTransactionEnd : Vlsn.Max(lastTransactionEnd, first.Previous);
        Durable = durable;
    }

    /// <summary>The oldest record held.</summary>
    public Vlsn First { get; }

    /// <summary>The newest record held.</summary>
    public Vlsn Last { get; }

    /// <summary>The newest sync point held: S.</summary>
    public Vlsn LastSync { get; }

    /// <summary>The newest transaction end: T. Below <see cref="First"/> when the log begins above 1 and holds no commit.</summary>
    public Vlsn LastTransactionEnd { get; }

    /// <summary>The highest record ever known to be durable: D.</summary>
    public Vlsn Durable { get; }

    /// <summary>Whether there is no record.</summary>
    public bool IsEmpty => Last.IsNull;

    /// <summary>How many records there are.</summary>
    public long Records => IsEmpty ? 0 : Last.DistanceFrom(First.Previous);

    /// <summary>Whether the record is one of these.</summary>
    public bool Holds(Vlsn vlsn) => !vlsn.IsNull && vlsn >= First && vlsn <= Last;

    /// <summary>The range in words.</summary>
    public override string ToString() => IsEmpty ? "no records" : $"{First} to {Last}";
}
