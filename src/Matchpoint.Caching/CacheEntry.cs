using System.Buffers;
using System.Buffers.Binary;

namespace Matchpoint.Caching;

/// <summary>An entry as it is stored: version, when it expires, its absolute expiration, its window, each 0 for none, all little-endian; then the value.</summary>
internal readonly struct CacheEntry
{
    private const byte Version = 1;
    private const int HeaderSize = 1 + (3 * sizeof(long));

    private CacheEntry(ReadOnlyMemory<byte> bytes) => Bytes = bytes;

    /// <summary>All of it.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>The value.</summary>
    public ReadOnlyMemory<byte> Value => Bytes[HeaderSize..];

    /// <summary>When it expires; null for never.</summary>
    public DateTimeOffset? ExpiresAt => TimeAt(1);

    private CacheLifetime Lifetime => new(TimeAt(9), Ticks(17) is not 0 and var window ? TimeSpan.FromTicks(window) : null);

    /// <summary>A new entry.</summary>
    public static CacheEntry Create(CacheLifetime lifetime, ReadOnlySequence<byte> value, DateTimeOffset now)
    {
        var bytes = new byte[HeaderSize + value.Length];
        bytes[0] = Version;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1), lifetime.EndsFrom(now)?.UtcTicks ?? 0);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(9), lifetime.Absolute?.UtcTicks ?? 0);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(17), lifetime.Window?.Ticks ?? 0);
        value.CopyTo(bytes.AsSpan(HeaderSize));
        return new CacheEntry(bytes);
    }

    /// <summary>An entry that was stored.</summary>
    /// <exception cref="MatchpointException">It is none: something else writes to the database, or a newer version did.</exception>
    public static CacheEntry Read(byte[] bytes, string key) => TryRead(bytes)
        ?? throw new MatchpointException(
            $"cache entry '{key}': expected version {Version} and at least {HeaderSize} bytes, found {(bytes.Length > 0 ? $"version {bytes[0]} and " : "")}{bytes.Length} bytes. "
            + "Give the cache a database of its own, or remove the entry.");

    /// <summary>An entry that was stored; null for what is none.</summary>
    public static CacheEntry? TryRead(byte[] bytes) => bytes.Length >= HeaderSize && bytes[0] == Version ? new CacheEntry(bytes) : null;

    /// <summary>Whether it may no longer be returned.</summary>
    public bool HasExpired(DateTimeOffset now) => ExpiresAt <= now;

    /// <summary>Whether less than its window is left of what could be.</summary>
    public bool IsToBeProlonged(DateTimeOffset now)
    {
        var lifetime = Lifetime;
        return lifetime.Window is { } window && ExpiresAt is { } end && end - now < window && end != lifetime.Absolute;
    }

    /// <summary>The same, read now.</summary>
    public CacheEntry Prolonged(DateTimeOffset now) => Create(Lifetime, new ReadOnlySequence<byte>(Value), now);

    private long Ticks(int at) => BinaryPrimitives.ReadInt64LittleEndian(Bytes.Span[at..]);

    private DateTimeOffset? TimeAt(int at) => Ticks(at) is not 0 and var ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;
}
