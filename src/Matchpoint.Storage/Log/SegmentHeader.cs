using System.Buffers.Binary;
using System.Globalization;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Storage.Log;

/// <summary>
/// The first bytes of a segment file: which group's log it is a part of, and where the log stands before its first record.
/// Little-endian; records follow at byte 64:
/// <code>
///  0 8 bytes "MPLOGSEG"
///  8 u32 format version
/// 12 u32 CRC-32C of all the other bytes of the header
/// 16 16 bytes group id, big-endian UUID
/// 32 u64 first LSN
/// 40 i64 first VLSN
/// 48 u64 fingerprint before
/// 56 u64 term before
/// </code>
/// </summary>
internal static class SegmentHeader
{
    /// <summary>Bytes before the first record.</summary>
    public const int Size = 64;

    /// <summary>The format that this build writes and reads.</summary>
    public const uint FormatVersion = 1;

    /// <summary>How the name of a segment file ends.</summary>
    public const string Extension = ".log";

    private static ReadOnlySpan<byte> Magic => "MPLOGSEG"u8;

    /// <summary>The name of the segment that begins at a position: twenty digits, so that names sort like positions.</summary>
    public static string FileName(Lsn first) => first.Value.ToString("D20", CultureInfo.InvariantCulture) + Extension;

    /// <summary>The position a segment's name tells; false when it is no segment's name.</summary>
    public static bool TryParseName(string name, out Lsn first)
    {
        first = default;
        if (name.Length != 20 + Extension.Length || !name.EndsWith(Extension, StringComparison.Ordinal)) return false;
        if (!ulong.TryParse(name.AsSpan(0, 20), NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return false;
        first = new Lsn(value);
        return true;
    }

    /// <summary>Writes the header of a segment that continues the log at a position.</summary>
    public static void Write(Span<byte> bytes, GroupId group, in LogPosition before)
    {
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], FormatVersion);
        group.Value.TryWriteBytes(bytes[16..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], before.End.Value);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[40..], before.Vlsn.Next.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[48..], before.Fingerprint.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[56..], before.Term.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], Crc32C.AroundItself(bytes[..Size]));
    }

    /// <summary>Reads and proves a header.</summary>
    /// <param name="bytes">The start of the file; may be shorter than a header.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="group">The group it must be of.</param>
    /// <param name="named">The position that its name tells.</param>
    /// <exception cref="ForeignException">The segment is of another group or of a newer format.</exception>
    /// <exception cref="DamageException">The header is damaged.</exception>
    public static LogPosition Read(ReadOnlySpan<byte> bytes, string path, GroupId group, Lsn named)
    {
        if (bytes.Length < Size) throw Damaged(path, bytes.Length, "length", $"{Size} bytes or more", $"{bytes.Length} bytes");
        if (!bytes.StartsWith(Magic)) throw Damaged(path, 0, "magic", "MPLOGSEG", Convert.ToHexStringLower(bytes[..8]));
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        var computed = Crc32C.AroundItself(bytes[..Size]);
        if (stored != computed) throw Damaged(path, 12, "CRC-32C", $"{computed:x8}", $"{stored:x8}");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version != FormatVersion)
            throw new ForeignException($"{path}: the segment has format {version}; this build knows format {FormatVersion}. Use the version of Matchpoint that wrote it, or a newer one.");
        var found = new GroupId(new Guid(bytes.Slice(16, GroupId.Size), bigEndian: true));
        if (found != group)
            throw new ForeignException($"{path}: the segment belongs to another group: expected {group}, found {found}. It does not belong in this directory.");
        var first = new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]));
        if (first != named) throw Damaged(path, 32, "first LSN", $"{named} (as its name says)", $"{first}");
        var rawVlsn = BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]);
        if (!Vlsn.TryCreate(rawVlsn, out var vlsn) || vlsn.IsNull) throw Damaged(path, 40, "first VLSN", "1 or more", $"{rawVlsn}");
        return new LogPosition(
            vlsn.Previous,
            first,
            new Fingerprint(BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..])),
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..])));
    }

    private static DamageException Damaged(string path, long position, string field, string expected, string found) =>
        new(path, position, $"segment header: {field}", expected, found, DamageException.RestoreAdvice);
}
