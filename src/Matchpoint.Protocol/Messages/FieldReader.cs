using System.Buffers.Binary;
using System.Text;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>Reads a message's fields in order; whatever cannot be there is a <see cref="ProtocolException"/> that names it.</summary>
internal ref struct FieldReader(string message, ReadOnlySpan<byte> body)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _message = message;
    private readonly int _length = body.Length;
    private ReadOnlySpan<byte> _rest = body;

    /// <summary>One byte.</summary>
    public byte U8(string field) => Take(field, 1)[0];

    /// <summary>Two bytes.</summary>
    public ushort U16(string field) => BinaryPrimitives.ReadUInt16LittleEndian(Take(field, 2));

    /// <summary>Eight bytes, unsigned.</summary>
    public ulong U64(string field) => BinaryPrimitives.ReadUInt64LittleEndian(Take(field, 8));

    /// <summary>Eight bytes, signed.</summary>
    public long I64(string field) => BinaryPrimitives.ReadInt64LittleEndian(Take(field, 8));

    /// <summary>0 or 1.</summary>
    public bool Flag(string field) => U8(field) switch
    {
        0 => false,
        1 => true,
        var other => throw Fault(field, "0 or 1", $"{other}"),
    };

    /// <summary>A record's number.</summary>
    public Vlsn Vlsn(string field)
    {
        var vlsn = VlsnOrNull(field);
        return vlsn.IsNull ? throw Fault(field, "1 or more", "-1") : vlsn;
    }

    /// <summary>A record's number, or null.</summary>
    public Vlsn VlsnOrNull(string field)
    {
        var raw = I64(field);
        return Identities.Vlsn.TryCreate(raw, out var vlsn) ? vlsn : throw Fault(field, "1 or more, or -1", $"{raw}");
    }

    /// <summary>Sixteen bytes, a big-endian UUID.</summary>
    public Guid Uuid(string field) => new(Take(field, 16), bigEndian: true);

    /// <summary>Two bytes of length, then UTF-8.</summary>
    public string Text(string field, int most)
    {
        var length = U16(field);
        if (length > most) throw Fault(field, $"at most {most} bytes", $"{length} bytes");
        var bytes = Take(field, length);
        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Fault(field, "UTF-8", Convert.ToHexStringLower(bytes[..Math.Min(bytes.Length, 16)]));
        }
    }

    /// <summary>Nothing may follow.</summary>
    public readonly void End()
    {
        if (!_rest.IsEmpty) throw Fault("length", $"{_length - _rest.Length} bytes", $"{_length} bytes");
    }

    /// <summary>What is wrong with a field.</summary>
    public readonly ProtocolException Fault(string field, string expected, string found) => new(_message, field, expected, found);

    private ReadOnlySpan<byte> Take(string field, int bytes)
    {
        if (_rest.Length < bytes) throw Fault(field, $"{bytes} bytes", $"{_rest.Length} bytes");
        var taken = _rest[..bytes];
        _rest = _rest[bytes..];
        return taken;
    }
}
