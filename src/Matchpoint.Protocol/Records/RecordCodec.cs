using System.Buffers.Binary;
using System.IO.Hashing;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Records;

/// <summary>
/// The one place where a record becomes bytes and bytes become a record. All numbers are little-endian:
/// <code>
///  0 u32 length       the whole record
///  4 u32 CRC-32C      over the length and everything behind this field
///  8 u64 fingerprint
/// 16 i64 VLSN
/// 24 u64 term
/// 32 i64 timestamp    microseconds since 1970-01-01 UTC
/// 40 u8  kind
/// 41 u8  flags        bit 0 sync point, bit 1 transaction end, bits 2-3 acknowledgement policy
/// 42 u16 reserved     0
/// 44     payload
/// </code>
/// The encoding is canonical: the flags must be those that the kind demands, reserved bits are zero, so that one record
/// has one form and logs can be compared byte by byte.
/// </summary>
internal static class RecordCodec
{
    private const int CrcOffset = 4;
    private const int FingerprintOffset = 8;
    private const int VlsnOffset = 16;
    private const int TermOffset = 24;
    private const int TimestampOffset = 32;
    private const int KindOffset = 40;
    private const int FlagsOffset = 41;
    private const int ReservedOffset = 42;

    private const byte SyncPoint = 1;
    private const byte TransactionEnd = 2;
    private const int PolicyShift = 2;

    /// <summary>
    /// Completes a record in place: the payload already stands behind the header's room, and the record fills the span.
    /// Computes the fingerprint from the one before, and the CRC.
    /// </summary>
    /// <returns>The header as written.</returns>
    public static RecordHeader Seal(
        Span<byte> record, Vlsn vlsn, Term term, long timestamp, RecordKind kind, AckPolicy policy, Fingerprint before)
    {
        Invariant.Holds(record.Length is >= RecordHeader.Size and <= Limits.RecordBytes,
            $"a record of {record.Length} bytes is outside {RecordHeader.Size} to {Limits.RecordBytes}.");
        Invariant.Holds(!vlsn.IsNull, "a record has no VLSN.");

        BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)record.Length);
        BinaryPrimitives.WriteInt64LittleEndian(record[VlsnOffset..], vlsn.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(record[TermOffset..], term.Value);
        BinaryPrimitives.WriteInt64LittleEndian(record[TimestampOffset..], timestamp);
        record[KindOffset] = (byte)kind;
        record[FlagsOffset] = FlagsOf(kind, policy);
        BinaryPrimitives.WriteUInt16LittleEndian(record[ReservedOffset..], 0);

        var fingerprint = Chain(record, before);
        BinaryPrimitives.WriteUInt64LittleEndian(record[FingerprintOffset..], fingerprint.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(record[CrcOffset..], Crc(record));
        return new RecordHeader(record.Length, vlsn, term, fingerprint, timestamp, kind, policy);
    }

    /// <summary>
    /// Reads the header at the start of the bytes without looking at the payload: whether the fields can be a record's at
    /// all. It does not prove that the record is intact; <see cref="Check"/> does.
    /// </summary>
    public static RecordFault? TryReadHeader(ReadOnlySpan<byte> bytes, out RecordHeader header)
    {
        header = default;
        if (bytes.Length < RecordHeader.Size) return RecordFault.Truncated(bytes.Length, RecordHeader.Size);

        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (length is < RecordHeader.Size or > Limits.RecordBytes) return RecordFault.Length(length);

        var rawVlsn = BinaryPrimitives.ReadInt64LittleEndian(bytes[VlsnOffset..]);
        if (!Vlsn.TryCreate(rawVlsn, out var vlsn) || vlsn.IsNull) return RecordFault.Field("VLSN", "1 or more", rawVlsn);

        var kind = bytes[KindOffset];
        if (kind is < (byte)RecordKind.TermStart or > (byte)RecordKind.Membership) return RecordFault.Field("kind", "1 to 4", kind);

        var flags = bytes[FlagsOffset];
        var policy = (AckPolicy)(flags >> PolicyShift);
        if (policy > AckPolicy.All || flags != FlagsOf((RecordKind)kind, policy)
            || (policy != AckPolicy.None && (RecordKind)kind != RecordKind.Commit))
        {
            return RecordFault.Field("flags", $"those of kind {(RecordKind)kind}", flags);
        }

        var reserved = BinaryPrimitives.ReadUInt16LittleEndian(bytes[ReservedOffset..]);
        if (reserved != 0) return RecordFault.Field("reserved", "0", reserved);

        header = new RecordHeader(
            (int)length,
            vlsn,
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(bytes[TermOffset..])),
            new Fingerprint(BinaryPrimitives.ReadUInt64LittleEndian(bytes[FingerprintOffset..])),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[TimestampOffset..]),
            (RecordKind)kind,
            policy);
        return null;
    }

    /// <summary>
    /// Proves a whole record: its CRC, its number and its place in the chain. The span holds exactly the record.
    /// </summary>
    /// <param name="record">The record's bytes, <see cref="RecordHeader.Length"/> of them.</param>
    /// <param name="header">What <see cref="TryReadHeader"/> read from them.</param>
    /// <param name="expected">The number the record must have.</param>
    /// <param name="before">The fingerprint before it.</param>
    public static RecordFault? Check(ReadOnlySpan<byte> record, in RecordHeader header, Vlsn expected, Fingerprint before)
    {
        var fault = CheckAlone(record, header, expected);
        if (fault is not null) return fault;
        var fingerprint = Chain(record, before);
        return fingerprint == header.Fingerprint ? null : RecordFault.Broken(fingerprint, header.Fingerprint);
    }

    /// <summary>
    /// Proves a record by its CRC and its number where the fingerprint before it is not at hand. The span holds exactly the
    /// record.
    /// </summary>
    public static RecordFault? CheckAlone(ReadOnlySpan<byte> record, in RecordHeader header, Vlsn expected)
    {
        Invariant.Holds(record.Length == header.Length, $"{record.Length} bytes given for a record of {header.Length}.");
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(record[CrcOffset..]);
        var computed = Crc(record);
        if (stored != computed) return RecordFault.Checksum(computed, stored);
        return header.Vlsn == expected ? null : RecordFault.Order(expected, header.Vlsn);
    }

    private static byte FlagsOf(RecordKind kind, AckPolicy policy) => (byte)(kind switch
    {
        RecordKind.Piece => 0,
        RecordKind.Commit => SyncPoint | TransactionEnd | ((byte)policy << PolicyShift),
        RecordKind.TermStart or RecordKind.Membership => SyncPoint,
        _ => throw Invariant.Unreachable(kind),
    });

    /// <summary>fingerprint(v) = XxHash3(fingerprint(v-1), length, VLSN, term, timestamp, kind, flags, XxHash3(payload)).</summary>
    private static Fingerprint Chain(ReadOnlySpan<byte> record, Fingerprint before)
    {
        const int fields = RecordHeader.Size - VlsnOffset;
        Span<byte> link = stackalloc byte[8 + 4 + fields + 8];
        BinaryPrimitives.WriteUInt64LittleEndian(link, before.Value);
        record[..4].CopyTo(link[8..]);
        record[VlsnOffset..RecordHeader.Size].CopyTo(link[12..]);
        BinaryPrimitives.WriteUInt64LittleEndian(link[(12 + fields)..], XxHash3.HashToUInt64(record[RecordHeader.Size..]));
        return new Fingerprint(XxHash3.HashToUInt64(link));
    }

    private static uint Crc(ReadOnlySpan<byte> record)
    {
        var register = Crc32C.Carry(uint.MaxValue, record[..CrcOffset]);
        return ~Crc32C.Carry(register, record[FingerprintOffset..]);
    }
}
