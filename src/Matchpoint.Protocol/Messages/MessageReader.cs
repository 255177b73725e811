using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>Reads a message's fields in order. Every fault names the message, the field, what may stand there and what stood there.</summary>
internal ref struct MessageReader
{
    private readonly string _message;
    private ReadOnlySpan<byte> _rest;

    /// <summary>Begins a message and reads its opcode.</summary>
    /// <exception cref="ProtocolException">Another message stands there.</exception>
    public MessageReader(ReadOnlySpan<byte> frame, Opcode expected)
    {
        _message = Opcodes.NameOf(expected)!;
        _rest = frame;
        var opcode = ReadByte("opcode");
        if (opcode != (byte)expected) throw Fault("opcode", $"{(byte)expected}", $"{opcode}");
    }

    /// <summary>The bytes that were not read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>An error about a field of this message.</summary>
    public readonly ProtocolException Fault(string field, string expected, string found) => new(_message, field, expected, found);

    /// <summary>One byte.</summary>
    public byte ReadByte(string field) => Take(1, field)[0];

    /// <summary>Two bytes.</summary>
    public ushort ReadUInt16(string field) => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort), field));

    /// <summary>Eight bytes.</summary>
    public ulong ReadUInt64(string field) => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong), field));

    /// <summary>Eight bytes with a sign.</summary>
    public long ReadInt64(string field) => BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long), field));

    /// <summary>0 or 1.</summary>
    public bool ReadFlag(string field) => ReadByte(field) switch
    {
        0 => false,
        1 => true,
        var other => throw Fault(field, "0 or 1", $"{other}"),
    };

    /// <summary>A record's number.</summary>
    public Vlsn ReadVlsn(string field)
    {
        var value = ReadInt64(field);
        return value > 0 ? Vlsn.Of(value) : throw Fault(field, "1 or more", $"{value}");
    }

    /// <summary>A record's number or null.</summary>
    public Vlsn ReadVlsnOrNull(string field)
    {
        var value = ReadInt64(field);
        return Vlsn.TryCreate(value, out var vlsn) ? vlsn : throw Fault(field, "-1 or 1 or more", $"{value}");
    }

    /// <summary>Sixteen bytes, the most significant first.</summary>
    public Guid ReadGuid(string field) => new(Take(16, field), bigEndian: true);

    /// <summary>A length of two bytes and that many bytes of UTF-8.</summary>
    public string ReadText(string field, int most)
    {
        var length = ReadUInt16($"{field} length");
        if (length > most) throw Fault($"{field} length", $"0 to {most}", $"{length}");
        var bytes = Take(length, field);
        return Utf8.IsValid(bytes)
            ? Encoding.UTF8.GetString(bytes)
            : throw Fault(field, "UTF-8", Convert.ToHexStringLower(bytes));
    }

    /// <summary>The message ends here.</summary>
    public readonly void End()
    {
        if (!_rest.IsEmpty) throw Fault("length", "no more bytes", $"{_rest.Length} more");
    }

    private ReadOnlySpan<byte> Take(int count, string field)
    {
        if (_rest.Length < count) throw Fault(field, $"{count} {(count == 1 ? "byte" : "bytes")}", $"{_rest.Length}");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
