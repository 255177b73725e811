using Matchpoint.Node;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Verification;

/// <summary>
/// Whether a state is what its log amounts to: the log is applied to an empty state beside, and the two are compared key by key. Where the log no longer reaches back to record 1 that cannot be
/// told; then every key is read.
/// </summary>
internal static class StateFold
{
    /// <summary>So many differences are told one by one.</summary>
    private const int MostDifferences = 20;

    private static readonly byte[] From = [];
    private static readonly byte[] To = [.. Enumerable.Repeat(byte.MaxValue, StateKey.PrefixSize + 1 + Limits.KeyBytes)];

    /// <summary>Compares a state with its log.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="view">The log.</param>
    /// <param name="state">The state.</param>
    /// <param name="scratch">A directory for the state beside: it is made, and removed again. It takes as much room as the state.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>What differs, and in a sentence what was done.</returns>
    public static (IEnumerable<DamageException> Damage, string Note) Compare(DataDirectory directory, LogView view, RocksLook state, string scratch, CancellationToken cancellation)
    {
        if (view.First > Vlsn.First)
        {
            var keys = ReadAll(state, cancellation);
            return ([], $"The log begins at record {view.First}: whether the state is what the records amount to cannot be told. All of its {keys} keys can be read.");
        }

        var states = new RocksStateStore(new RocksStateOptions());
        try
        {
            using var folded = states.Open(scratch);
            using (var replay = new StateReplay(() => LogView.Look(directory), scratch, folded, hasData: !directory.IsArbiter))
            {
                while (!replay.ApplyBatch(view, state.Position.Vlsn)) cancellation.ThrowIfCancellationRequested();
            }

            using var expected = folded.Snapshot();
            var differences = new List<DamageException>();
            var keys = Compare(directory, state, expected, differences, cancellation);
            return (differences, $"The state was compared with what the records 1 to {state.Position.Vlsn} amount to: {keys} keys, {differences.Count} differences told.");
        }
        finally
        {
            states.Remove(scratch);
        }
    }

    private static long ReadAll(RocksLook state, CancellationToken cancellation)
    {
        using var cursor = state.Cursor(From, To);
        var keys = 0L;
        for (var isThere = cursor.Seek(From); isThere; isThere = cursor.Next())
        {
            cancellation.ThrowIfCancellationRequested();
            keys++;
        }

        return keys;
    }

    private static long Compare(DataDirectory directory, RocksLook found, IStateSnapshot expected, List<DamageException> differences, CancellationToken cancellation)
    {
        using var one = found.Cursor(From, To);
        using var other = expected.Cursor(From, To);
        var keys = 0L;
        var (hasOne, hasOther) = (one.Seek(From), other.Seek(From));
        while ((hasOne || hasOther) && differences.Count < MostDifferences)
        {
            cancellation.ThrowIfCancellationRequested();
            keys++;
            var order = !hasOne ? 1 : !hasOther ? -1 : one.Key.SequenceCompareTo(other.Key);
            if (order < 0) differences.Add(Difference(directory, one.Key, "no value", Show(one.Value)));
            else if (order > 0) differences.Add(Difference(directory, other.Key, Show(other.Value), "no value"));
            else if (!one.Value.SequenceEqual(other.Value)) differences.Add(Difference(directory, one.Key, Show(other.Value), Show(one.Value)));
            if (order <= 0) hasOne = one.Next();
            if (order >= 0) hasOther = other.Next();
        }

        return keys;
    }

    private static DamageException Difference(DataDirectory directory, ReadOnlySpan<byte> key, string expected, string found) => new(
        directory.StatePath, 0, $"key {Show(StateKey.UserKey(key))} of database {StateKey.DatabaseOf(key)}", expected, found,
        "Move the directory state/ away and open the node: it builds the state anew from the log.");

    private static string Show(ReadOnlySpan<byte> bytes) =>
        bytes.Length <= 32 ? $"0x{Convert.ToHexStringLower(bytes)}" : $"{bytes.Length} bytes that begin with 0x{Convert.ToHexStringLower(bytes[..32])}";
}
