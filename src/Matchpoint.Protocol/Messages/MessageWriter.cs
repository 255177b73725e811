using System.Buffers.Binary;
using System.Text;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>Writes a message's fields in order into room that its <see cref="IMessage.EncodedLength"/> measured.</summary>
internal ref struct MessageWriter
{
    private Span<byte> _rest;

    /// <summary>Begins a message.</summary>
    public MessageWriter(Span<byte> frame, Opcode opcode)
    {
        _rest = frame;
        WriteByte((byte)opcode);
    }

    /// <summary>One byte.</summary>
    public void WriteByte(byte value) => Take(1)[0] = value;

    /// <summary>Two bytes.</summary>
    public void WriteUInt16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(sizeof(ushort)), value);

    /// <summary>Eight bytes.</summary>
    public void WriteUInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(sizeof(ulong)), value);

    /// <summary>Eight bytes with a sign.</summary>
    public void WriteInt64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(sizeof(long)), value);

    /// <summary>0 or 1.</summary>
    public void WriteFlag(bool value) => WriteByte(value ? (byte)1 : (byte)0);

    /// <summary>A record's number, -1 for null.</summary>
    public void WriteVlsn(Vlsn value) => WriteInt64(value.Value);

    /// <summary>Sixteen bytes, the most significant first.</summary>
    public void WriteGuid(Guid value) => value.TryWriteBytes(Take(16), bigEndian: true, out _);

    /// <summary>A length of two bytes and the text in UTF-8.</summary>
    public void WriteText(string value, int most)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        Invariant.Holds(length <= most, $"a text of {length} bytes is longer than {most}.");
        WriteUInt16((ushort)length);
        Encoding.UTF8.GetBytes(value, Take(length));
    }

    /// <summary>The message ends here.</summary>
    public readonly void End() =>
        Invariant.Holds(_rest.IsEmpty, $"{_rest.Length} bytes of room are left behind the message.");

    private Span<byte> Take(int count)
    {
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
