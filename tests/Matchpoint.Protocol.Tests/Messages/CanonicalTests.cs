using CsCheck;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Messages;

/// <summary>A message has one encoding: what decodes, encodes to the same bytes, and everything else is an error.</summary>
[Trait("Hazard", "H11")]
public sealed class CanonicalTests
{
    [Fact]
    public void Every_message_survives_a_round_trip()
    {
        foreach (var message in Samples.All) Assert.Equal(message.ToBytes(), Samples.DecodeAndEncode(message.ToBytes()));
    }

    [Fact]
    public void Every_truncation_is_rejected()
    {
        foreach (var message in Samples.All)
        {
            var bytes = message.ToBytes();
            for (var length = 0; length < bytes.Length; length++)
                Assert.Throws<ProtocolException>(() => Samples.DecodeAndEncode(bytes.AsSpan(0, length)));
        }

        for (var length = 1; length <= LogBytes.HeaderSize; length++)
            Assert.Throws<ProtocolException>(() => Samples.DecodeAndEncode(new byte[] { 21, 0, 0, 0, 0, 0, 0, 0, 0 }.AsSpan(0, length)));
    }

    [Fact]
    public void Trailing_bytes_are_rejected()
    {
        foreach (var message in Samples.All)
        {
            var thrown = Assert.Throws<ProtocolException>(() => Samples.DecodeAndEncode([.. message.ToBytes(), 0]));
            Assert.Equal(($"{message.Opcode}", "length", "1 more"), (thrown.MessageName, thrown.Field, thrown.Found));
        }
    }

    [Fact]
    public void Every_flipped_bit_is_rejected_or_means_another_message()
    {
        foreach (var message in Samples.All)
        {
            var bytes = message.ToBytes();
            for (var bit = 0; bit < bytes.Length * 8; bit++)
            {
                var flipped = bytes.ToArray();
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                RejectedOrCanonical(flipped);
            }
        }
    }

    [Fact]
    public void Any_bytes_are_rejected_or_canonical() =>
        Gen.Byte.Array[0, 200].Sample(RejectedOrCanonical, iter: 20_000, threads: 1);

    [Fact]
    public void Samples_with_bytes_changed_are_rejected_or_canonical() =>
        Gen.Select(Gen.Int[0, Samples.All.Count() - 1], Gen.Select(Gen.Int[0, 250], Gen.Byte).Array[1, 6]).Sample(
            (index, changes) =>
            {
                var bytes = Samples.All.ElementAt(index).ToBytes();
                foreach (var (at, value) in changes) bytes[at % bytes.Length] = value;
                RejectedOrCanonical(bytes);
            },
            iter: 20_000,
            threads: 1);

    [Fact]
    [Trait("Hazard", "H12")]
    public void Any_number_is_a_vlsn_exactly_when_it_is_minus_1_or_above_0() =>
        Gen.OneOf(Gen.Long, Gen.Long[-3, 3], Gen.Const(long.MaxValue), Gen.Const(long.MinValue)).Sample(number =>
        {
            var body = BitConverter.GetBytes(number);
            Assert.Equal(number is > 0 or -1, IsAccepted(() => Assert.Equal(number, EntryRequest.Decode([1, .. body]).Vlsn.Value)));
            Assert.Equal(number is > 0 or -1, IsAccepted(() => Assert.Equal(number, RestoreRequest.Decode([6, .. body]).Failed.Value)));
            Assert.Equal(number > 0, IsAccepted(() => Assert.Equal(number, StartStream.Decode([5, .. body]).Start.Value)));
            Assert.Equal(number > 0, IsAccepted(() => Entry.Decode([2, .. body, .. new byte[17]])));
            Assert.Equal(number is > 0 or -1, Vlsn.TryCreate(number, out _));
        });

    [Fact]
    [Trait("Hazard", "H12")]
    public void Null_stands_below_1_and_nothing_overflows_at_the_top()
    {
        Assert.Equal(Vlsn.First, Vlsn.Null.Next);
        Assert.Equal(Vlsn.Null, Vlsn.First.Previous);
        Assert.True(Vlsn.Null < Vlsn.First);
        Assert.Throws<InvariantException>(() => Vlsn.Of(long.MaxValue).Next);
        Assert.Throws<InvariantException>(() => Vlsn.Null.Previous);
        Assert.Throws<ArgumentOutOfRangeException>(() => Vlsn.Of(0));
        Gen.Select(Gen.Long[1, long.MaxValue], Gen.Long[1, long.MaxValue]).Sample((a, b) =>
        {
            Assert.Equal(a.CompareTo(b), Vlsn.Of(a).CompareTo(Vlsn.Of(b)));
            Assert.Equal(a - b, Vlsn.Of(a).DistanceFrom(Vlsn.Of(b)));
            Assert.True(Vlsn.Null < Vlsn.Of(a));
        });
    }

    [Theory]
    [InlineData("02 0000000000000000 3412000000000000 CDAB000000000000 01", "Entry: vlsn: expected 1 or more, found 0.")]
    [InlineData("02 FFFFFFFFFFFFFFFF 3412000000000000 CDAB000000000000 01", "Entry: vlsn: expected 1 or more, found -1.")]
    [InlineData("04 0700000000000000 3412000000000000 CDAB000000000000 02", "AlternateMatchpoint: isSync: expected 0 or 1, found 2.")]
    [InlineData("02 0700000000000000 341200", "Entry: lsn: expected 8 bytes, found 3.")]
    [InlineData("13 00", "Probe: count: expected 1 to 255, found 0.")]
    [InlineData("13 02 0900000000000000 0900000000000000", "Probe: vlsn[1]: expected above 9, found 9.")]
    [InlineData("14 01 0900000000000000 00 0100000000000000 0000000000000000 00", "ProbeAnswer: entry[0].lsn: expected 0 in an entry not found, found 1.")]
    [InlineData("17 0700000000000000 0900000000000000 FFFFFFFFFFFFFFFF 0000000000000000 01", "Acknowledge: flushed: expected 7 or below, found 9.")]
    [InlineData("08", "frame: opcode: expected 1 to 7, 16 to 37, 48 or 49, found 8.")]
    [InlineData("21 0100", "ChunkRequest: chunk: expected 8 bytes, found 0.")]
    [InlineData("22 0100 0200000000000000", "Chunk: bytes: expected 1 to 1048576, found 0.")]
    [InlineData("24 0700000000000000 01", "HoldAnswer: donor[0] length: expected 2 bytes, found 0.")]
    [InlineData("25 00", "CopyBusy: length: expected no more bytes, found 1 more.")]
    [InlineData("30 0100 00112233445566778899AABBCCDDEEFF 0F0E0D0C0B0A09080706050403020100 0100 61 0700000000000000 0700000000000000", "RangeRequest: to: expected more than 7, found 7.")]
    [InlineData("31 0700000000000000 0900000000000000 CDAB000000000000 0500000000000000 0900000000000000 0900000000000000", "RangeOffer: end: expected more than 9, found 9.")]
    [InlineData("", "frame: opcode: expected 1 byte, found an empty frame.")]
    public void An_error_names_message_field_expected_and_found(string hex, string expected)
    {
        var frame = Convert.FromHexString(hex.Replace(" ", ""));
        Assert.Equal(expected, Assert.Throws<ProtocolException>(() => Samples.DecodeAndEncode(frame)).Message);
    }

    [Fact]
    public void A_hello_is_checked_in_every_field()
    {
        var hello = Samples.ReplicaHello;
        Rejects(hello with { LowestVersion = 0 }, "lowestVersion");
        Rejects(hello with { LowestVersion = 3 }, "highestVersion");
        Rejects(hello with { First = Vlsn.Null }, "last");
        Rejects(hello with { Last = Vlsn.Null }, "last");
        Rejects(hello with { First = Vlsn.Of(10) }, "last");
        Rejects(hello with { Last = Vlsn.Of(8) }, "terms[0].vlsn");
        Rejects(hello with { First = Vlsn.Of(7) }, "terms[1].vlsn");
        Rejects(hello with { Terms = [hello.Terms[0], hello.Terms[1] with { Term = new Term(4) }] }, "terms[1].term");
        Rejects(hello with { Terms = [hello.Terms[0], hello.Terms[1] with { Term = Term.None }] }, "terms[1].term");
        Rejects(hello with { Terms = [hello.Terms[0], hello.Terms[1] with { Last = Vlsn.Of(9) }] }, "terms[1].vlsn");
        var invalid = hello.ToBytes();
        invalid[39] = 0xFF;
        Assert.Equal("name", Assert.Throws<ProtocolException>(() => ReplicaHello.Decode(invalid)).Field);
        Rejects(hello with { Name = new string('n', 256) }, null);
        Assert.Throws<InvariantException>(() => (hello with { Name = new string('n', 257) }).ToBytes());

        var feeder = Samples.FeederHello;
        Rejects(feeder with { Version = 0 }, "version");
        Rejects(feeder with { Version = 1 }, "answer");
        Rejects(feeder with { PrimaryTerm = new Term(6) }, "primaryTerm");
        Rejects(feeder with { First = Vlsn.Of(8) }, "answer.vlsn");
        Rejects(feeder with { Last = Vlsn.Of(6) }, "answer.vlsn");
        Rejects(feeder with { Last = Vlsn.Of(7) }, "answer");
        Rejects(feeder with { Answer = new SyncupAnswer(Samples.Seven, null) }, "answer");
        Rejects(feeder with { Answer = new SyncupAnswer(Samples.Seven, Samples.Seven) }, "answer.next.vlsn");
    }

    [Fact]
    public void The_longest_messages_fit_a_frame_of_a_handshake()
    {
        var terms = Enumerable.Range(0, Limits.TermsListed).Select(i => new TermEnd(new Term((ulong)(999 - i)), Vlsn.Of(999 - i), default));
        var hello = Samples.ReplicaHello with { Name = new string('n', 256), Last = Vlsn.Of(999), Terms = [.. terms] };
        Assert.InRange(hello.ToBytes().Length, 1, Limits.HandshakeFrameBytes);
        Assert.Equal(Limits.TermsListed, ReplicaHello.Decode(hello.ToBytes()).Terms.Length);
        var answer = new ProbeAnswer([.. Enumerable.Range(1, 255).Select(i => new ProbedEntry(Vlsn.Of(i), Samples.Seven with { Vlsn = Vlsn.Of(i) }))]);
        Assert.InRange(answer.ToBytes().Length, 1, Limits.HandshakeFrameBytes);
        Assert.Equal(255, ProbeAnswer.Decode(answer.ToBytes()).Entries.Length);
        Assert.Throws<InvariantException>(() => new Probe([]).ToBytes());
    }

    [Fact]
    public void Each_version_knows_its_own_messages_only()
    {
        foreach (var message in Samples.All)
        {
            var number = (byte)message.Opcode;
            Assert.Equal(number <= 7, IsAccepted(() => SyncupVersion.Decode(1, message.ToBytes())));
            Assert.Equal(number is 5 or 6 or 7 or 19 or 20, IsAccepted(() => SyncupVersion.Decode(2, message.ToBytes())));
        }

        Assert.Contains("EntryRequest", Assert.Throws<ProtocolException>(() => SyncupVersion.Decode(2, new EntryRequest(Vlsn.First).ToBytes())).Message);
    }

    [Fact]
    public void Every_opcode_has_a_name_and_no_other_number_has()
    {
        for (var number = 0; number < 256; number++)
            Assert.Equal(Enum.GetName((Opcode)number), Opcodes.NameOf((Opcode)number));
        Assert.Equal(18, (byte)Opcode.Goodbye);
    }

    [Fact]
    public void An_offer_of_a_copy_leads_nowhere_and_allocates_no_more_than_it_holds()
    {
        var offer = Samples.CopyOffer;
        Rejects(offer with { Applied = Vlsn.Of(10) }, "applied");
        Rejects(offer with { Files = [offer.Files[1], offer.Files[0]] }, "file[1].name");
        Rejects(offer with { Files = [offer.Files[0], offer.Files[0]] }, "file[1].name");
        foreach (var name in new[] { "", "log", "log/", "log/.", "log/..", "log/../a", "log/a/b", "log/a\\b", "/etc/passwd", "state/.a", "rollbacks/a", "log/a b", "log/a:b", "log/\0", "log/é" })
            Rejects(offer with { Files = [offer.Files[0] with { Name = name }] }, "file[0].name");
        var huge = (offer with { Files = [offer.Files[0]] }).ToBytes();
        BitConverter.GetBytes(long.MaxValue).CopyTo(huge, huge.Length - ChunkDigest.Size - sizeof(ulong));
        Assert.Equal("file[0].length", Assert.Throws<ProtocolException>(() => CopyOffer.Decode(huge)).Field);
        Assert.Throws<ProtocolException>(() => Chunk.Decode(new byte[Chunk.HeadSize + Limits.ChunkBytes + 1]));
    }

    private static void Rejects<TMessage>(TMessage message, string? field)
        where TMessage : struct, IMessage<TMessage>
    {
        var bytes = message.ToBytes();
        if (field is null) TMessage.Decode(bytes);
        else Assert.Equal(field, Assert.Throws<ProtocolException>(() => TMessage.Decode(bytes)).Field);
    }

    private static bool IsAccepted(Action decode)
    {
        try
        {
            decode();
            return true;
        }
        catch (ProtocolException)
        {
            return false;
        }
    }

    private static void RejectedOrCanonical(byte[] bytes)
    {
        try
        {
            Assert.Equal(bytes, Samples.DecodeAndEncode(bytes));
        }
        catch (ProtocolException fault)
        {
            Assert.NotEmpty(fault.Field);
        }
    }
}
