using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Protocol.Tests.Records;

/// <summary>A record's one encoding, and that no change of it goes unseen.</summary>
public sealed class RecordCodecTests
{
    private static readonly Fingerprint Genesis = GroupId.FromName("golden").Genesis;

    [Fact]
    public void Golden_bytes()
    {
        var record = Seal(RecordKind.Commit, AckPolicy.Majority, [1, 2, 3], out _);
        Assert.Equal(
            "2F000000" + "AC9ABC55" + "916A6AE023FF9851" + "0700000000000000" + "0300000000000000" + "15CD5B0700000000"
            + "02" + "07" + "0000" + "010203",
            Convert.ToHexString(record));
    }

    [Theory]
    [InlineData((byte)RecordKind.TermStart, 0b0001)]
    [InlineData((byte)RecordKind.Commit, 0b0011)]
    [InlineData((byte)RecordKind.Piece, 0b0000)]
    [InlineData((byte)RecordKind.Membership, 0b0001)]
    public void The_flags_are_those_of_the_kind(byte kind, byte flags) =>
        Assert.Equal(flags, Seal((RecordKind)kind, AckPolicy.None, [], out _)[41]);

    [Fact]
    public void A_record_survives_a_round_trip()
    {
        foreach (var kind in Enum.GetValues<RecordKind>())
            foreach (var policy in Enum.GetValues<AckPolicy>().Where(policy => policy == AckPolicy.None || kind == RecordKind.Commit))
                foreach (var length in new[] { 0, 1, 7, 8, 9, 1000 })
                {
                    var record = Seal(kind, policy, new byte[length], out var written);
                    Assert.Null(RecordCodec.TryReadHeader(record, out var read));
                    Assert.Equal(written, read);
                    Assert.Equal((kind, policy, length), (read.Kind, read.AckPolicy, read.PayloadLength));
                    Assert.Equal(kind != RecordKind.Piece, read.IsSync);
                    Assert.Equal(kind == RecordKind.Commit, read.IsTransactionEnd);
                    Assert.Null(RecordCodec.Check(record, read, Vlsn.Of(7), Genesis));
                }
    }

    [Fact]
    public void Every_flipped_bit_is_detected()
    {
        var record = Seal(RecordKind.Commit, AckPolicy.All, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], out _);
        for (var bit = 0; bit < record.Length * 8; bit++)
        {
            var flipped = record.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            var fault = RecordCodec.TryReadHeader(flipped, out var header);
            if (fault is null && header.Length != flipped.Length) continue;
            Assert.NotNull(fault ?? RecordCodec.Check(flipped, header, Vlsn.Of(7), Genesis));
        }
    }

    [Fact]
    public void A_flipped_length_is_detected_in_the_bytes_that_it_claims()
    {
        var record = Seal(RecordKind.Commit, AckPolicy.None, new byte[300], out _);
        for (var bit = 0; bit < 10; bit++)
        {
            var flipped = new byte[2048];
            record.CopyTo(flipped, 0);
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            if (RecordCodec.TryReadHeader(flipped, out var header) is not null) continue;
            var fault = RecordCodec.Check(flipped.AsSpan(0, header.Length), header, Vlsn.Of(7), Genesis);
            Assert.Equal("CRC-32C", fault!.FieldName);
        }
    }

    [Fact]
    public void Every_truncation_of_the_header_is_told_from_a_fault()
    {
        var record = Seal(RecordKind.Commit, AckPolicy.None, [], out _);
        for (var length = 0; length < RecordHeader.Size; length++)
            Assert.True(RecordCodec.TryReadHeader(record.AsSpan(0, length), out _)!.IsTruncated);
    }

    [Fact]
    public void Another_number_and_another_chain_are_named()
    {
        var record = Seal(RecordKind.Commit, AckPolicy.None, [1], out var header);
        Assert.Equal("VLSN: expected 8, found 7", RecordCodec.Check(record, header, Vlsn.Of(8), Genesis)!.ToString());
        Assert.Equal("fingerprint", RecordCodec.Check(record, header, Vlsn.Of(7), new Fingerprint(1))!.FieldName);
    }

    [Fact]
    public void The_fingerprint_depends_on_every_immutable_field_and_on_what_came_before()
    {
        var record = new byte[50];
        RecordHeader[] sealedRecords =
        [
            RecordCodec.Seal(record, Vlsn.Of(7), new Term(3), 5, RecordKind.Commit, AckPolicy.None, Genesis),
            RecordCodec.Seal(record, Vlsn.Of(8), new Term(3), 5, RecordKind.Commit, AckPolicy.None, Genesis),
            RecordCodec.Seal(record, Vlsn.Of(7), new Term(4), 5, RecordKind.Commit, AckPolicy.None, Genesis),
            RecordCodec.Seal(record, Vlsn.Of(7), new Term(3), 6, RecordKind.Commit, AckPolicy.None, Genesis),
            RecordCodec.Seal(record, Vlsn.Of(7), new Term(3), 5, RecordKind.Piece, AckPolicy.None, Genesis),
            RecordCodec.Seal(record, Vlsn.Of(7), new Term(3), 5, RecordKind.Commit, AckPolicy.All, Genesis),
            RecordCodec.Seal(record, Vlsn.Of(7), new Term(3), 5, RecordKind.Commit, AckPolicy.None, new Fingerprint(1)),
            RecordCodec.Seal(record.AsSpan(0, 49), Vlsn.Of(7), new Term(3), 5, RecordKind.Commit, AckPolicy.None, Genesis),
            RecordCodec.Seal([.. record[..49], 1], Vlsn.Of(7), new Term(3), 5, RecordKind.Commit, AckPolicy.None, Genesis),
        ];
        Assert.Equal(sealedRecords.Length, sealedRecords.Select(header => header.Fingerprint).Distinct().Count());
    }

    [Theory]
    [InlineData(43)]
    [InlineData(Limits.RecordBytes + 1)]
    public void A_record_of_an_impossible_length_is_not_written(int length) =>
        Assert.Throws<InvariantException>(() =>
            RecordCodec.Seal(new byte[length], Vlsn.Of(1), new Term(1), 0, RecordKind.Commit, AckPolicy.None, Genesis));

    [Fact]
    public void What_a_kind_cannot_have_is_rejected()
    {
        Rejected(40, 0, "kind");
        Rejected(40, 5, "kind");
        Rejected(41, 0b0001, "flags");
        Rejected(41, 0b1111, "flags");
        Rejected(41, 0b10011, "flags");
        Rejected(42, 1, "reserved");
        Rejected(31 - 8, 0x80, "VLSN");
        Rejected(3, 0xFF, "length");
    }

    private static void Rejected(int at, byte value, string field)
    {
        var record = Seal(RecordKind.Commit, AckPolicy.None, [], out _);
        record[at] = value;
        Assert.Equal(field, RecordCodec.TryReadHeader(record, out _)!.FieldName);
    }

    private static byte[] Seal(RecordKind kind, AckPolicy policy, ReadOnlySpan<byte> payload, out RecordHeader header)
    {
        var record = new byte[RecordHeader.Size + payload.Length];
        payload.CopyTo(record.AsSpan(RecordHeader.Size));
        header = RecordCodec.Seal(record, Vlsn.Of(7), new Term(3), 123_456_789, kind, policy, Genesis);
        return record;
    }
}
