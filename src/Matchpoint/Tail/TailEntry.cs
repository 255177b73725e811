using Matchpoint.Protocol.Identities;

namespace Matchpoint.Tail;

/// <summary>One version of one key: a value, or that it was deleted. Its bytes lie in its generation's chunks: the key, then the value.</summary>
internal sealed class TailEntry
{
    private readonly byte[] _chunk;
    private readonly int _offset;
    private readonly int _keyLength;
    private readonly int _valueLength;
    private readonly TailEntry?[]? _above;
    private TailEntry? _next;

    /// <summary>An entry of so many levels.</summary>
    public TailEntry(byte[] chunk, int offset, int keyLength, int valueLength, bool isDeleted, Vlsn vlsn, long order, int levels)
    {
        _chunk = chunk;
        _offset = offset;
        _keyLength = keyLength;
        _valueLength = valueLength;
        IsDeleted = isDeleted;
        Vlsn = vlsn;
        Order = order;
        _above = levels > 1 ? new TailEntry?[levels - 1] : null;
    }

    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key => _chunk.AsSpan(_offset, _keyLength);

    /// <summary>The value.</summary>
    public ReadOnlyMemory<byte> Value => _chunk.AsMemory(_offset + _keyLength, _valueLength);

    /// <summary>Whether the key was deleted.</summary>
    public bool IsDeleted { get; }

    /// <summary>The record that did it.</summary>
    public Vlsn Vlsn { get; }

    /// <summary>The operation's place among all.</summary>
    public long Order { get; }

    /// <summary>The entry behind it on a level.</summary>
    public TailEntry? Next(int level) => level == 0 ? Volatile.Read(ref _next) : Volatile.Read(ref _above![level - 1]);

    /// <summary>Puts an entry behind it on a level.</summary>
    public void SetNext(int level, TailEntry? entry)
    {
        if (level == 0) Volatile.Write(ref _next, entry);
        else Volatile.Write(ref _above![level - 1], entry);
    }
}

/// <summary>A range of keys that was deleted.</summary>
/// <param name="From">The first key.</param>
/// <param name="To">The key behind the last.</param>
/// <param name="Vlsn">The record that did it.</param>
/// <param name="Order">The operation's place among all.</param>
internal sealed record TailRange(byte[] From, byte[] To, Vlsn Vlsn, long Order)
{
    /// <summary>Whether a key lies in it.</summary>
    public bool Covers(ReadOnlySpan<byte> key) => key.SequenceCompareTo(From) >= 0 && key.SequenceCompareTo(To) < 0;

    /// <summary>Whether it has a key in common with another range.</summary>
    public bool Overlaps(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to) => from.SequenceCompareTo(To) < 0 && to.SequenceCompareTo(From) > 0;
}
