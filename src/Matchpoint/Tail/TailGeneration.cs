using Matchpoint.Protocol.Identities;

namespace Matchpoint.Tail;

/// <summary>
/// A stretch of the tail: a skip list (Pugh 1990) of versions, by key and then newest first. One writer inserts, readers walk it at the same time
/// without a lock: an entry is complete before it is linked, and nothing is ever taken
/// out; the generation goes as a whole.
/// </summary>
internal sealed class TailGeneration
{
    private const int MostLevels = 12;
    private const int ChunkBytes = 64 * 1024;
    private const int EntryBytes = 88;

    private readonly TailEntry _head = new([], 0, 0, 0, isDeleted: true, Vlsn.Null, long.MaxValue, MostLevels);
    private readonly TailEntry[] _before = new TailEntry[MostLevels];
    private byte[] _chunk = [];
    private int _used;
    private TailRange[] _ranges = [];
    private uint _random = 0x9E3779B9;

    /// <summary>Bytes it takes in memory, roughly.</summary>
    public long Bytes { get; private set; }

    /// <summary>The newest record that has a version here.</summary>
    public Vlsn Newest { get; private set; }

    /// <summary>Deleted ranges, oldest first.</summary>
    public TailRange[] Ranges => Volatile.Read(ref _ranges);

    /// <summary>Whether there is nothing in it.</summary>
    public bool IsEmpty => Bytes == 0;

    /// <summary>Adds a version. Only the writer calls this.</summary>
    /// <param name="database">The key's database.</param>
    /// <param name="userKey">The key in it.</param>
    /// <param name="value">The value; nothing for a deletion.</param>
    /// <param name="isDeleted">Whether the key is deleted.</param>
    /// <param name="vlsn">The record that does it.</param>
    /// <param name="order">The operation's place among all; higher than every one before.</param>
    public void Add(ushort database, ReadOnlySpan<byte> userKey, ReadOnlySpan<byte> value, bool isDeleted, Vlsn vlsn, long order)
    {
        var keyLength = Storage.State.StateKey.Size(userKey.Length);
        var length = keyLength + value.Length;
        var (chunk, offset) = Take(length);
        Storage.State.StateKey.Write(chunk.AsSpan(offset, keyLength), database, userKey);
        value.CopyTo(chunk.AsSpan(offset + keyLength));
        var levels = Levels();
        var entry = new TailEntry(chunk, offset, keyLength, value.Length, isDeleted, vlsn, order, levels);
        var key = entry.Key;
        var at = _head;
        for (var level = MostLevels - 1; level >= 0; level--)
        {
            // The new version is the newest of its key: it goes before the others.
            while (at.Next(level) is { } next && next.Key.SequenceCompareTo(key) < 0) at = next;
            _before[level] = at;
        }

        for (var level = 0; level < levels; level++)
        {
            entry.SetNext(level, _before[level].Next(level));
            _before[level].SetNext(level, entry);
        }

        Bytes += length + EntryBytes;
        Newest = vlsn;
    }

    /// <summary>Adds a deleted range. Only the writer calls this.</summary>
    public void AddRange(TailRange range)
    {
        Volatile.Write(ref _ranges, [.. _ranges, range]);
        Bytes += range.From.Length + range.To.Length + EntryBytes;
        Newest = range.Vlsn;
    }

    /// <summary>The newest version of a key up to a record; null when there is none.</summary>
    public TailEntry? Find(ReadOnlySpan<byte> key, Vlsn at)
    {
        var entry = AtOrAbove(key);
        while (entry is not null && entry.Key.SequenceEqual(key))
        {
            if (entry.Vlsn <= at) return entry;
            entry = entry.Next(0);
        }

        return null;
    }

    /// <summary>The newest deleted range that covers a key, up to a record; null when there is none.</summary>
    public TailRange? FindRange(ReadOnlySpan<byte> key, Vlsn at)
    {
        var ranges = Ranges;
        for (var i = ranges.Length - 1; i >= 0; i--)
        {
            if (ranges[i].Vlsn <= at && ranges[i].Covers(key)) return ranges[i];
        }

        return null;
    }

    /// <summary>The first entry at or above a key; null when there is none.</summary>
    public TailEntry? AtOrAbove(ReadOnlySpan<byte> key) => LastBelow(key).Next(0);

    /// <summary>The first version of the smallest key above a key; null when there is none.</summary>
    public TailEntry? Above(ReadOnlySpan<byte> key) => Behind(AtOrAbove(key), key);

    /// <summary>The first entry from one on that is none of a key; null when there is none.</summary>
    public static TailEntry? Behind(TailEntry? entry, ReadOnlySpan<byte> key)
    {
        while (entry is not null && entry.Key.SequenceEqual(key)) entry = entry.Next(0);
        return entry;
    }

    /// <summary>The first version of the greatest key below a key; null when there is none.</summary>
    public TailEntry? Below(ReadOnlySpan<byte> key)
    {
        var last = LastBelow(key);
        return last == _head ? null : AtOrAbove(last.Key);
    }

    private TailEntry LastBelow(ReadOnlySpan<byte> key)
    {
        var at = _head;
        for (var level = MostLevels - 1; level >= 0; level--)
        {
            while (at.Next(level) is { } next && next.Key.SequenceCompareTo(key) < 0) at = next;
        }

        return at;
    }

    private (byte[] Chunk, int Offset) Take(int length)
    {
        if (length > ChunkBytes / 4) return (new byte[length], 0);
        if (_chunk.Length - _used < length)
        {
            _chunk = GC.AllocateUninitializedArray<byte>(ChunkBytes); // What is read of it was written.
            _used = 0;
        }

        var offset = _used;
        _used += length;
        return (_chunk, offset);
    }

    /// <summary>
    /// One level, and each further one with a chance of a quarter. The seed is fixed: nobody but chance chooses the keys' levels, and runs can be
    /// repeated.
    /// </summary>
    private int Levels()
    {
        _random ^= _random << 13;
        _random ^= _random >> 17;
        _random ^= _random << 5;
        return Math.Min(MostLevels, 1 + (System.Numerics.BitOperations.TrailingZeroCount(_random) / 2));
    }
}
