using System.Globalization;

namespace Matchpoint.Protocol.Identities;

/// <summary>
/// A record's number in the replicated log: 1, 2, 3 ... without gaps, the same on every node. <see cref="Null"/> stands
/// before the first one and sorts below everything; <c>default</c> is null. On the wire null is -1; 0 and everything below
/// -1 are invalid there.
/// </summary>
internal readonly struct Vlsn : IEquatable<Vlsn>, IComparable<Vlsn>
{
    private const long NullOnWire = -1;

    // 0 stands for null, so that default(Vlsn) is null and comparison needs no special case.
    private readonly long _number;

    private Vlsn(long number) => _number = number;

    /// <summary>No record: what stands before the first one.</summary>
    public static Vlsn Null => default;

    /// <summary>The number of a log's first record.</summary>
    public static Vlsn First => new(1);

    /// <summary>Whether this is no record's number.</summary>
    public bool IsNull => _number == 0;

    /// <summary>The number as it stands on the wire and on disk: -1 for null.</summary>
    public long Value => _number == 0 ? NullOnWire : _number;

    /// <summary>The number after this one; after null comes 1.</summary>
    /// <exception cref="InvariantException">This is the highest number there is.</exception>
    public Vlsn Next
    {
        get
        {
            Invariant.Holds(_number != long.MaxValue, "There is no VLSN after 9223372036854775807.");
            return new Vlsn(_number + 1);
        }
    }

    /// <summary>The number before this one; before 1 comes null.</summary>
    /// <exception cref="InvariantException">This is null.</exception>
    public Vlsn Previous
    {
        get
        {
            Invariant.Holds(_number != 0, "There is no VLSN before null.");
            return new Vlsn(_number - 1);
        }
    }

    /// <summary>The VLSN of a number from 1 up, or of -1 for null.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is 0 or below -1.</exception>
    public static Vlsn Of(long value) =>
        TryCreate(value, out var vlsn)
            ? vlsn
            : throw new ArgumentOutOfRangeException(nameof(value), value, "A VLSN is 1 or more, or -1 for null.");

    /// <summary>Reads a number from the wire or from disk; false when no VLSN has it.</summary>
    public static bool TryCreate(long value, out Vlsn vlsn)
    {
        vlsn = value > 0 ? new Vlsn(value) : default;
        return value is > 0 or NullOnWire;
    }

    /// <summary>How many records lie above <paramref name="other"/> up to and including this one; negative when it lies below.</summary>
    public long DistanceFrom(Vlsn other) => _number - other._number;

    /// <summary>This number moved up by a count of records.</summary>
    public Vlsn Plus(long records)
    {
        var moved = checked(_number + records);
        Invariant.Holds(moved >= 0, $"VLSN {this} moved by {records} falls below null.");
        return new Vlsn(moved);
    }

    /// <summary>The lower of two.</summary>
    public static Vlsn Min(Vlsn a, Vlsn b) => a <= b ? a : b;

    /// <summary>The higher of two.</summary>
    public static Vlsn Max(Vlsn a, Vlsn b) => a >= b ? a : b;

    /// <inheritdoc/>
    public int CompareTo(Vlsn other) => _number.CompareTo(other._number);

    /// <inheritdoc/>
    public bool Equals(Vlsn other) => _number == other._number;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Vlsn other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _number.GetHashCode();

    /// <summary>The number in decimal, or <c>null</c>.</summary>
    public override string ToString() => IsNull ? "null" : _number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Whether both are the same number.</summary>
    public static bool operator ==(Vlsn left, Vlsn right) => left._number == right._number;

    /// <summary>Whether the numbers differ.</summary>
    public static bool operator !=(Vlsn left, Vlsn right) => left._number != right._number;

    /// <summary>Whether the left one lies below.</summary>
    public static bool operator <(Vlsn left, Vlsn right) => left._number < right._number;

    /// <summary>Whether the left one lies below or is the same.</summary>
    public static bool operator <=(Vlsn left, Vlsn right) => left._number <= right._number;

    /// <summary>Whether the left one lies above.</summary>
    public static bool operator >(Vlsn left, Vlsn right) => left._number > right._number;

    /// <summary>Whether the left one lies above or is the same.</summary>
    public static bool operator >=(Vlsn left, Vlsn right) => left._number >= right._number;
}
