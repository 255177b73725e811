using System.Globalization;

namespace Matchpoint.Protocol.Identities;

/// <summary>The number of the reign in which a primary wrote a record; at most one primary per term. 0 means no reign yet.</summary>
internal readonly record struct Term(ulong Value) : IComparable<Term>
{
    /// <summary>Before the first reign.</summary>
    public static Term None => default;

    /// <summary>The next reign's number.</summary>
    public Term Next => new(checked(Value + 1));

    /// <inheritdoc/>
    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    /// <summary>The number in decimal.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Whether the left reign came earlier.</summary>
    public static bool operator <(Term left, Term right) => left.Value < right.Value;

    /// <summary>Whether the left reign came earlier or is the same.</summary>
    public static bool operator <=(Term left, Term right) => left.Value <= right.Value;

    /// <summary>Whether the left reign came later.</summary>
    public static bool operator >(Term left, Term right) => left.Value > right.Value;

    /// <summary>Whether the left reign came later or is the same.</summary>
    public static bool operator >=(Term left, Term right) => left.Value >= right.Value;
}
