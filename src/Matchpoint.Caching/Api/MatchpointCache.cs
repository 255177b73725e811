using System.Buffers;
using Matchpoint.Caching;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Options;

namespace Matchpoint;

/// <summary>
/// A distributed cache on a node. Every member of the group reads the same entries from its own disk; writes go through on the primary only, elsewhere they fail with a
/// <see cref="NotPrimaryException"/>. An entry is never returned after its absolute expiration, nor lost before its window of sliding expiration has passed unread; unread, it
/// may stay up to an eighth of the window longer, so that not each read must write. Reads on a replica do not prolong it.
/// </summary>
public sealed class MatchpointCache : IBufferDistributedCache
{
    private readonly MatchpointNode _node;
    private readonly MatchpointDatabase _entries;
    private readonly MatchpointCacheOptions _options;
    private readonly TimeProvider _time;

    /// <summary>A cache on an open node.</summary>
    /// <exception cref="ArgumentException">An option cannot be used.</exception>
    public MatchpointCache(MatchpointNode node, IOptions<MatchpointCacheOptions> options)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(options);
        _options = options.Value with { };
        if (_options.SweepInterval <= TimeSpan.Zero) throw new ArgumentException($"SweepInterval is {_options.SweepInterval}: expected more than zero.", nameof(options));
        if (_options.DefaultSlidingExpiration <= TimeSpan.Zero)
            throw new ArgumentException($"DefaultSlidingExpiration is {_options.DefaultSlidingExpiration}: expected more than zero, or null.", nameof(options));
        _node = node;
        _time = node.Options.Time;
        _entries = node.Database(_options.Database);
        Sweep = new CacheSweep(node, _options.Database, _options.Commit);
    }

    internal CacheSweep Sweep { get; }

    /// <inheritdoc/>
    public async Task<byte[]?> GetAsync(string key, CancellationToken token = default) => await FindAsync(key, token).ConfigureAwait(false) is { } entry ? entry.Value.ToArray() : null;

    /// <inheritdoc/>
    public async ValueTask<bool> TryGetAsync(string key, IBufferWriter<byte> destination, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        if (await FindAsync(key, token).ConfigureAwait(false) is not { } entry) return false;
        destination.Write(entry.Value.Span);
        return true;
    }

    /// <inheritdoc/>
    public Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(value);
        return SetAsync(key, new ReadOnlySequence<byte>(value), options, token).AsTask();
    }

    /// <inheritdoc/>
    public async ValueTask SetAsync(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var now = _time.GetUtcNow();
        var entry = CacheEntry.Create(CacheLifetime.Of(options, _options.DefaultSlidingExpiration, now), value, now);
        await WriteAsync(CacheKeys.Entry(key), entry, token).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task RefreshAsync(string key, CancellationToken token = default) => await FindAsync(key, token).ConfigureAwait(false);

    /// <inheritdoc/>
    /// <remarks>What the index holds of it is removed when its time has come.</remarks>
    public async Task RemoveAsync(string key, CancellationToken token = default) => await _entries.DeleteAsync(CacheKeys.Entry(key), _options.Commit, token).ConfigureAwait(false);

    /// <inheritdoc/>
    public byte[]? Get(string key) => GetAsync(key).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public bool TryGet(string key, IBufferWriter<byte> destination) => TryGetAsync(key, destination).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public void Set(string key, byte[] value, DistributedCacheEntryOptions options) => SetAsync(key, value, options).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public void Set(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options) => SetAsync(key, value, options).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public void Refresh(string key) => RefreshAsync(key).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public void Remove(string key) => RemoveAsync(key).GetAwaiter().GetResult();

    /// <summary>The entry of a key that has not expired; it is prolonged where it is time.</summary>
    private async ValueTask<CacheEntry?> FindAsync(string key, CancellationToken cancellation)
    {
        var stored = CacheKeys.Entry(key);
        if (await _entries.GetAsync(stored, cancellation: cancellation).ConfigureAwait(false) is not { } bytes) return null;
        var entry = CacheEntry.Read(bytes, key);
        var now = _time.GetUtcNow();
        if (entry.HasExpired(now)) return null;
        if (entry.IsToBeProlonged(now)) await ProlongAsync(stored, bytes, entry, now, cancellation).ConfigureAwait(false);
        return entry;
    }

    private async ValueTask ProlongAsync(byte[] stored, byte[] found, CacheEntry entry, DateTimeOffset now, CancellationToken cancellation)
    {
        if (!_node.IsPrimary) return;
        try
        {
            var prolonged = entry.Prolonged(now);
            await _node.TransactAsync(
                transaction =>
                {
                    // Only what was read: who set it anew meanwhile gave it a life of its own.
                    if (transaction.Get(stored, _options.Database) is not { } still || !still.AsSpan().SequenceEqual(found)) return;
                    Put(transaction, stored, prolonged);
                },
                _options.Commit,
                cancellation).ConfigureAwait(false);
        }
        catch (MatchpointException error) when (error is NotPrimaryException or InsufficientAcksException or ConflictException or TailFullException)
        {
            // The value is read all the same. The next read tries again, and until the window has passed there are more.
        }
    }

    private async ValueTask WriteAsync(byte[] stored, CacheEntry entry, CancellationToken cancellation) =>
        await _node.TransactAsync(transaction => Put(transaction, stored, entry), _options.Commit, cancellation).ConfigureAwait(false);

    private void Put(MatchpointTransaction transaction, byte[] stored, CacheEntry entry)
    {
        transaction.Put(stored, entry.Bytes.Span, _options.Database);
        // What the index held of it before stays, and is found out of date when its time has come: so a write reads nothing, and meets no conflict.
        if (entry.ExpiresAt is { } at) transaction.Put(CacheKeys.Due(at, stored), [], _options.Database);
    }
}
