namespace Matchpoint.Caching;

/// <summary>Removes entries that have expired, in steps that are small enough not to be in anybody's way.</summary>
internal sealed class CacheSweep(MatchpointNode node, string database, CommitOptions? commit)
{
    /// <summary>So many keys of the index are dealt with in one transaction.</summary>
    public const int StepSize = 256;

    /// <summary>Deals with the next keys of the index whose time has come.</summary>
    /// <returns>How many there were: fewer than <see cref="StepSize"/> when none are left.</returns>
    public async ValueTask<int> StepAsync(CancellationToken cancellation)
    {
        var now = node.Options.Time.GetUtcNow();
        var range = CacheKeys.DueAt(now);
        var due = new List<ReadOnlyMemory<byte>>();
        // Outside the transaction: nothing new comes before now, so there is nothing to conflict with.
        await foreach (var found in node.Database(database).ScanAsync(range, cancellation: cancellation).ConfigureAwait(false))
        {
            due.Add(found.Key);
            if (due.Count == StepSize) break;
        }

        if (due.Count == 0) return 0;
        await node.TransactAsync(
            transaction =>
            {
                foreach (var key in due)
                {
                    var stored = CacheKeys.EntryOf(key).Span;
                    transaction.Delete(key.Span, database);
                    // It may have been set anew, prolonged or removed since; then only the index was out of date. What is no entry of ours, or of a newer version, is not ours to remove.
                    if (transaction.Get(stored, database) is { } bytes && CacheEntry.TryRead(bytes)?.HasExpired(now) == true) transaction.Delete(stored, database);
                }
            },
            commit,
            cancellation).ConfigureAwait(false);
        return due.Count;
    }
}
