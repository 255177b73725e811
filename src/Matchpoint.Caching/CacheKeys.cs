using System.Buffers.Binary;
using System.Text;

namespace Matchpoint.Caching;

/// <summary>The keys in a cache's database: entries by their keys, and behind them the index by time.</summary>
internal static class CacheKeys
{
    private const byte EntryPrefix = (byte)'e';
    private const byte DuePrefix = (byte)'x';
    private const int DueSize = 1 + sizeof(long);

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The key of an entry.</summary>
    public static byte[] Entry(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var bytes = new byte[1 + Strict.GetByteCount(key)];
        bytes[0] = EntryPrefix;
        Strict.GetBytes(key, bytes.AsSpan(1));
        return bytes;
    }

    /// <summary>The key in the index of an entry that expires at a time.</summary>
    public static byte[] Due(DateTimeOffset at, ReadOnlySpan<byte> entry)
    {
        var bytes = new byte[DueSize + entry.Length];
        Write(bytes, at);
        entry.CopyTo(bytes.AsSpan(DueSize));
        return bytes;
    }

    /// <summary>The keys in the index of all that has expired at a time.</summary>
    public static KeyRange DueAt(DateTimeOffset now)
    {
        var end = new byte[DueSize];
        Write(end, now.AddTicks(1));
        return new KeyRange(new[] { DuePrefix }, end);
    }

    /// <summary>The key of the entry that a key in the index is about.</summary>
    public static ReadOnlyMemory<byte> EntryOf(ReadOnlyMemory<byte> due) => due[DueSize..];

    private static void Write(Span<byte> bytes, DateTimeOffset at)
    {
        bytes[0] = DuePrefix;
        BinaryPrimitives.WriteInt64BigEndian(bytes[1..], at.UtcTicks); // Big end first: in the order of time.
    }
}
