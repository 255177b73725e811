using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>A term of a log and the last record of it that the log holds.</summary>
/// <param name="Term">The term.</param>
/// <param name="Last">Its last record here.</param>
/// <param name="Fingerprint">The fingerprint there.</param>
internal readonly record struct TermEnd(Term Term, Vlsn Last, Fingerprint Fingerprint)
{
    /// <summary>Bytes of the encoded form: u64 term, i64 VLSN, u64 fingerprint.</summary>
    public const int Size = 24;

    /// <summary>
    /// Which terms of a list, newest first, a hello names: the newest 64, then every 2nd, 4th, 8th ... of the older ones.
    /// However long the history is, the list stays short, and the candidate found by it is close.
    /// </summary>
    /// <param name="terms">How many terms there are.</param>
    /// <returns>Indexes into the list, ascending.</returns>
    public static IEnumerable<int> Listed(int terms)
    {
        var index = 0;
        for (; index < terms && index < Limits.TermsListedInFull; index++) yield return index;
        index--;
        for (long step = 2; index + step < terms; step *= 2)
        {
            index += (int)step;
            yield return index;
        }
    }
}
