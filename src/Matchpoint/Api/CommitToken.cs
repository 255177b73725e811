using System.Globalization;

namespace Matchpoint;

/// <summary>
/// A commit's place in the log. Given to a read (<see cref="ReadLevel.AtLeast"/>) on any node, the read sees the commit. As text it is
/// <c>TERM.VLSN</c>, so that it can travel in a cookie or a
/// header.
/// </summary>
/// <param name="Term">The reign in which it was written.</param>
/// <param name="Vlsn">The number of its record.</param>
public readonly record struct CommitToken(long Term, long Vlsn) : IComparable<CommitToken>
{
    /// <summary>Before the first commit of all.</summary>
    public static CommitToken Beginning => default;

    /// <summary>Reads the text form.</summary>
    /// <exception cref="FormatException">The text is something else.</exception>
    public static CommitToken Parse(string text) => TryParse(text, out var token)
        ? token
        : throw new FormatException($"\"{text}\" is no commit token: expected TERM.VLSN, like 3.1042.");

    /// <summary>Reads the text form; false when the text is something else.</summary>
    public static bool TryParse(string? text, out CommitToken token)
    {
        token = default;
        var dot = text?.IndexOf('.', StringComparison.Ordinal) ?? -1;
        if (dot < 0
            || !long.TryParse(text.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out var term)
            || !long.TryParse(text.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var vlsn))
        {
            return false;
        }

        token = new CommitToken(term, vlsn);
        return true;
    }

    /// <summary>The order of the log.</summary>
    public int CompareTo(CommitToken other) => Vlsn.CompareTo(other.Vlsn);

    /// <summary>TERM.VLSN.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Term}.{Vlsn}");

    /// <summary>Whether the left one comes before the right one in the log.</summary>
    public static bool operator <(CommitToken left, CommitToken right) => left.Vlsn < right.Vlsn;

    /// <summary>Whether the left one comes before the right one in the log, or is the same.</summary>
    public static bool operator <=(CommitToken left, CommitToken right) => left.Vlsn <= right.Vlsn;

    /// <summary>Whether the left one comes after the right one in the log.</summary>
    public static bool operator >(CommitToken left, CommitToken right) => left.Vlsn > right.Vlsn;

    /// <summary>Whether the left one comes after the right one in the log, or is the same.</summary>
    public static bool operator >=(CommitToken left, CommitToken right) => left.Vlsn >= right.Vlsn;
}
