using System.Buffers.Binary;

namespace Matchpoint.Fuzz;

/// <summary>Takes small decisions out of a fuzzer's bytes; zeros when they have come to their end.</summary>
internal ref struct InputReader(ReadOnlySpan<byte> input)
{
    private ReadOnlySpan<byte> _rest = input;

    /// <summary>Whether there is more.</summary>
    public readonly bool HasMore => !_rest.IsEmpty;

    /// <summary>What is left.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>A byte.</summary>
    public byte Byte()
    {
        if (_rest.IsEmpty) return 0;
        var value = _rest[0];
        _rest = _rest[1..];
        return value;
    }

    /// <summary>A number from 0 to below a bound.</summary>
    public int Below(int bound) => Byte() % bound;

    /// <summary>Two bytes.</summary>
    public ushort UInt16()
    {
        Span<byte> bytes = [Byte(), Byte()];
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    /// <summary>Some bytes: as many as the next one says, or are left.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        var length = Math.Min(Byte(), _rest.Length);
        var bytes = _rest[..length];
        _rest = _rest[length..];
        return bytes;
    }
}
