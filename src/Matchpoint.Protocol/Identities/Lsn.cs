using System.Globalization;

namespace Matchpoint.Protocol.Identities;

/// <summary>A record's byte position in the logical log, counted from 0 over record bytes only. Logs are byte-identical,
/// so a record has the same position on every node, however the node cuts its log into segment files.</summary>
internal readonly record struct Lsn(ulong Value) : IComparable<Lsn>
{
    /// <summary>Where the first record begins.</summary>
    public static Lsn Zero => default;

    /// <summary>The position a number of bytes further on.</summary>
    public Lsn Plus(long bytes) => new(checked(Value + (ulong)bytes));

    /// <summary>How many bytes lie between <paramref name="other"/> and this position.</summary>
    public long DistanceFrom(Lsn other) => checked((long)Value - (long)other.Value);

    /// <inheritdoc/>
    public int CompareTo(Lsn other) => Value.CompareTo(other.Value);

    /// <summary>The position in decimal.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Whether the left one lies before.</summary>
    public static bool operator <(Lsn left, Lsn right) => left.Value < right.Value;

    /// <summary>Whether the left one lies before or is the same.</summary>
    public static bool operator <=(Lsn left, Lsn right) => left.Value <= right.Value;

    /// <summary>Whether the left one lies behind.</summary>
    public static bool operator >(Lsn left, Lsn right) => left.Value > right.Value;

    /// <summary>Whether the left one lies behind or is the same.</summary>
    public static bool operator >=(Lsn left, Lsn right) => left.Value >= right.Value;
}
