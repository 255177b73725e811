using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Storage.Copies;

/// <summary>The proof that a state and a log that came together belong together: the state stands at a record of the log, with its fingerprint.</summary>
internal static class CopyProof
{
    /// <summary>Requires it of a directory that nobody else has open.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="states">The kind of its state.</param>
    /// <param name="last">The last record of its log.</param>
    /// <param name="what">What the state is called.</param>
    /// <param name="advice">What to do when they do not fit.</param>
    /// <exception cref="StorageException">They do not fit, or are damaged.</exception>
    public static void Require(DataDirectory directory, IStateStore states, Vlsn last, string what, string advice)
    {
        using var state = states.Look(directory.StatePath);
        using var view = LogView.Look(directory);
        if (Against(directory, state?.Position ?? default, view, last, what, advice) is { } damage) throw damage;
    }

    /// <summary>What stands against it; null for nothing.</summary>
    public static DamageException? Against(DataDirectory directory, StatePosition at, LogView view, Vlsn last, string what, string advice)
    {
        var (applied, fingerprint) = at;
        var found = At(applied, view, last);
        if (applied.IsNull ? view.First <= Vlsn.First : found == fingerprint) return null;
        return new DamageException(
            directory.StatePath, 0, what, $"one that stands at a record of its log, {view.First} to {view.Last}, with its fingerprint{(found is { } there ? $" ({there})" : "")}",
            applied.IsNull ? "no record, though the log has let go of its beginning" : $"record {applied} with fingerprint {fingerprint}", advice);
    }

    /// <summary>The log's fingerprint at a record; null where the log does not know it.</summary>
    private static Fingerprint? At(Vlsn applied, LogView view, Vlsn last)
    {
        if (applied.IsNull || view.First.IsNull) return null;
        if (applied <= last && view.Holds(applied) && view.TryGet(applied, out var header, out _)) return header.Fingerprint;
        return applied == view.First.Previous ? view.Segments.First().Before.Fingerprint : null;
    }
}
