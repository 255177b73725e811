using System.Collections.Immutable;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>The terms of a log as a hello lists them.</summary>
internal static class TermList
{
    /// <summary>
    /// The newest <see cref="Limits.TermsListedInFull"/> terms, then those 2, 4, 8, ... further back: bounded whatever the
    /// age of the log, and dense where logs usually part.
    /// </summary>
    /// <param name="newestFirst">All terms of the log.</param>
    public static ImmutableArray<TermEnd> Thin(IReadOnlyList<TermEnd> newestFirst)
    {
        var listed = ImmutableArray.CreateBuilder<TermEnd>(Math.Min(newestFirst.Count, Limits.TermsListed));
        var stride = 1L;
        for (long i = 0; i < newestFirst.Count; i += stride)
        {
            listed.Add(newestFirst[(int)i]);
            if (listed.Count >= Limits.TermsListedInFull) stride *= 2;
        }

        return listed.DrainToImmutable();
    }

    /// <summary>The own end of the newest listed term that the own log holds too; null when there is none.</summary>
    /// <param name="listed">The peer's terms, newest first.</param>
    /// <param name="own">All own terms, newest first.</param>
    public static TermEnd? NewestCommon(ImmutableArray<TermEnd> listed, IReadOnlyList<TermEnd> own)
    {
        var (i, j) = (0, 0);
        while (i < listed.Length && j < own.Count)
        {
            var order = listed[i].Term.CompareTo(own[j].Term);
            if (order == 0) return own[j];
            if (order > 0) i++;
            else j++;
        }

        return null;
    }
}
