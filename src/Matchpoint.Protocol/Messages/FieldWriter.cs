using System.Buffers.Binary;
using System.Text;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>Writes a message's fields in order into a span of the right size.</summary>
internal ref struct FieldWriter(Span<byte> to)
{
    private Span<byte> _rest = to;

    /// <summary>Bytes not yet written.</summary>
    public readonly int Left => _rest.Length;

    /// <summary>One byte.</summary>
    public void U8(byte value) => Take(1)[0] = value;

    /// <summary>Two bytes.</summary>
    public void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

    /// <summary>Eight bytes, unsigned.</summary>
    public void U64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    /// <summary>Eight bytes, signed.</summary>
    public void I64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    /// <summary>0 or 1.</summary>
    public void Flag(bool value) => U8(value ? (byte)1 : (byte)0);

    /// <summary>A record's number, -1 for null.</summary>
    public void Vlsn(Vlsn value) => I64(value.Value);

    /// <summary>Sixteen bytes, a big-endian UUID.</summary>
    public void Uuid(Guid value) => value.TryWriteBytes(Take(16), bigEndian: true, out _);

    /// <summary>Two bytes of length, then UTF-8.</summary>
    public void Text(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        U16(checked((ushort)length));
        Encoding.UTF8.GetBytes(value, Take(length));
    }

    /// <summary>The bytes that a text takes.</summary>
    public static int SizeOf(string text) => 2 + Encoding.UTF8.GetByteCount(text);

    private Span<byte> Take(int bytes)
    {
        var taken = _rest[..bytes];
        _rest = _rest[bytes..];
        return taken;
    }
}
