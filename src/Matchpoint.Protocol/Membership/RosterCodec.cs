using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Matchpoint.Protocol.Membership;

/// <summary>
/// A roster as the payload of a <see cref="Records.RecordKind.Membership"/> record, little-endian:
/// <code>
///  0 u8  version, 1
///  1 u8  members, 1 to 64; for each:
///    u16 length, name       UTF-8
///    u16 length, address    UTF-8
///    u8  kind               0 voter, 1 secondary, 2 arbiter
///    u8  priority           0 to 9
///    u8  flags              bit 0 designated, bit 1 pending
/// </code>
/// </summary>
internal static class RosterCodec
{
    private const byte Version = 1;

    /// <summary>Encodes a roster.</summary>
    public static byte[] Encode(Roster roster)
    {
        var bytes = new List<byte> { Version, (byte)roster.Members.Length };
        foreach (var member in roster.Members)
        {
            Add(bytes, member.Name);
            Add(bytes, member.Address);
            bytes.Add((byte)member.Kind);
            bytes.Add(member.Priority);
            bytes.Add((byte)((member.IsDesignated ? 1 : 0) | (member.IsPending ? 2 : 0)));
        }

        return [.. bytes];
    }

    /// <summary>Decodes a roster; null, and why, when the bytes are none.</summary>
    public static Roster? TryDecode(ReadOnlySpan<byte> payload, out string? why)
    {
        if (payload.Length < 2 || payload[0] != Version)
        {
            why = $"expected version {Version}, found {(payload.IsEmpty ? "nothing" : $"{payload[0]}")}";
            return null;
        }

        var members = new List<Member>();
        var rest = payload[2..];
        for (var i = 0; i < payload[1]; i++)
        {
            if (!TryText(ref rest, Limits.NodeNameBytes, out var name) || name.Length == 0 || !TryText(ref rest, Limits.AddressBytes, out var address) || rest.Length < 3
                || rest[0] > (byte)MemberKind.Arbiter || rest[2] > 3)
            {
                why = $"member {i + 1} of {payload[1]} cannot be read";
                return null;
            }

            members.Add(new Member(name, address, (MemberKind)rest[0], rest[1], (rest[2] & 1) != 0, (rest[2] & 2) != 0));
            rest = rest[3..];
        }

        if (!rest.IsEmpty)
        {
            why = $"{rest.Length} bytes behind the last member";
            return null;
        }

        return Roster.TryCreate(members, out why);
    }

    private static void Add(List<byte> bytes, string text)
    {
        var encoded = Encoding.UTF8.GetBytes(text);
        bytes.Add((byte)encoded.Length);
        bytes.Add((byte)(encoded.Length >> 8));
        bytes.AddRange(encoded);
    }

    private static bool TryText(ref ReadOnlySpan<byte> rest, int most, out string text)
    {
        text = "";
        if (rest.Length < sizeof(ushort)) return false;
        var length = BinaryPrimitives.ReadUInt16LittleEndian(rest);
        if (length > most || rest.Length < sizeof(ushort) + length) return false;
        var bytes = rest.Slice(sizeof(ushort), length);
        rest = rest[(sizeof(ushort) + length)..];
        if (!Utf8.IsValid(bytes)) return false;
        text = Encoding.UTF8.GetString(bytes);
        return true;
    }
}
