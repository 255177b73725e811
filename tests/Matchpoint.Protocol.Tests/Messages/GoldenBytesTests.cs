using System.Buffers;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Messages;

/// <summary>The bytes of every message. A change here is a change of the protocol.</summary>
public sealed class GoldenBytesTests
{
    [Fact]
    public void Version_1()
    {
        Is("01 0700000000000000", new EntryRequest(Vlsn.Of(7)));
        Is("01 FFFFFFFFFFFFFFFF", new EntryRequest(Vlsn.Null));
        Is("02 0700000000000000 3412000000000000 CDAB000000000000 01", new Entry(Samples.Seven));
        Is("03", default(EntryNotFound));
        Is("04 0700000000000000 3412000000000000 CDAB000000000000 01", new AlternateMatchpoint(Samples.Seven));
        Is("05 0800000000000000", new StartStream(Vlsn.Of(8)));
        Is("06 0300000000000000", new RestoreRequest(Vlsn.Of(3)));
        Is("07", default(RestoreResponse));
    }

    [Fact]
    public void Hellos()
    {
        Is("""
           10 0100 0200
           00112233445566778899AABBCCDDEEFF 0F0E0D0C0B0A09080706050403020100
           0500 6EC5937564
           0500000000000000
           0300000000000000 0900000000000000
           CLOCK 02
           0400000000000000 0900000000000000 AA00000000000000
           0200000000000000 0600000000000000 BB00000000000000
           """.Replace("CLOCK", Hex(1_700_000_000_000_000)), Samples.ReplicaHello);
        Is("""
           11 0200
           00112233445566778899AABBCCDDEEFF 0F0E0D0C0B0A09080706050403020100
           0100 62
           0500000000000000 0400000000000000
           0100000000000000 0900000000000000
           FFFFFFFFFFFFFFFF FFFFFFFFFFFFFFFF 02
           0700000000000000 3412000000000000 CDAB000000000000 01
           0800000000000000 0013000000000000 DEBC000000000000 00
           """, Samples.FeederHello);
    }

    [Fact]
    public void Version_2()
    {
        Is("13 02 0700000000000000 0900000000000000", new Probe([Vlsn.Of(7), Vlsn.Of(9)]));
        Is("""
           14 02
           0700000000000000 01 3412000000000000 CDAB000000000000 01
           0900000000000000 00 0000000000000000 0000000000000000 00
           """, new ProbeAnswer([new ProbedEntry(Vlsn.Of(7), Samples.Seven), new ProbedEntry(Vlsn.Of(9), null)]));
    }

    [Fact]
    public void Stream()
    {
        Is("16 0900000000000000 FFFFFFFFFFFFFFFF 3412000000000000", new Heartbeat(Vlsn.Of(9), Vlsn.Null, 0x1234));
        Is("17 0900000000000000 0700000000000000 FFFFFFFFFFFFFFFF 3412000000000000 01", Samples.Acknowledge);
        Is("1C 0900000000000000 0700000000000000 FFFFFFFFFFFFFFFF 3412000000000000 01 0100 63", new RelayedAcknowledge("c", Samples.Acknowledge));
        var header = new byte[LogBytes.HeaderSize];
        LogBytes.WriteHeader(header, new Lsn(0x1234));
        Assert.Equal("153412000000000000", Convert.ToHexString(header));
        var bytes = LogBytes.Decode([.. header, 1, 2, 3]);
        Assert.Equal(new Lsn(0x1234), bytes.Start);
        Assert.Equal([1, 2, 3], bytes.Records.ToArray());
    }

    [Fact]
    public void Elections()
    {
        Is("""
           18
           00112233445566778899AABBCCDDEEFF 0F0E0D0C0B0A09080706050403020100
           0100 61 03 00 0500000000000000 0400000000000000 0900000000000000
           0500 613A373030 8877665544332211
           """, Samples.Poll);
        Is("19 0100 62 0500000000000000 00 02 0100 61 0500000000000000 0500 613A373030 0200 6E6F 01", Samples.PollAnswer);
        Is("1A 00112233445566778899AABBCCDDEEFF 0F0E0D0C0B0A09080706050403020100", Samples.ReadIndexRequest);
        Is("1B 01 0900000000000000 0000", new ReadIndexAnswer(true, Vlsn.Of(9), ""));
    }

    [Fact]
    public void Copies()
    {
        Is("1F 0100 00112233445566778899AABBCCDDEEFF 0F0E0D0C0B0A09080706050403020100 0500 6EC5937564 0500000000000000 0700000000000000", Samples.CopyRequest);
        Is("""
           20 0F0E0D0C0B0A09080706050403020100 0700000000000000 0900000000000000 0300
           0500 6C6F672F61 0300000000000000 0100000000000000 0200000000000000
           0700 73746174652F62 0100100000000000 0300000000000000 0400000000000000 0500000000000000 0600000000000000
           0700 73746174652F63 0000000000000000
           """, Samples.CopyOffer);
        Is("21 0100 0200000000000000", new ChunkRequest(1, 2));
        var head = new byte[Chunk.HeadSize];
        Chunk.EncodeHead(head, 1, 2);
        Assert.Equal("2201000200000000000000", Convert.ToHexString(head));
        var chunk = Chunk.Decode([.. head, 7, 8]);
        Assert.Equal(((ushort)1, 2UL), (chunk.File, chunk.Index));
        Assert.Equal([7, 8], chunk.Bytes.ToArray());
        Is("23 0100 00112233445566778899AABBCCDDEEFF 0F0E0D0C0B0A09080706050403020100 0500 6EC5937564 0500000000000000 0700000000000000", new HoldRequest(Samples.CopyRequest));
        Is("24 0700000000000000 02 0500 6EC5937564 0100 62", Samples.HoldAnswer);
        Is("25", default(CopyBusy));
    }

    [Fact]
    public void Ranges()
    {
        Is("30 0100 00112233445566778899AABBCCDDEEFF 0F0E0D0C0B0A09080706050403020100 0500 6EC5937564 3412000000000000 7856000000000000", Samples.RangeRequest);
        Is("31 0700000000000000 3412000000000000 CDAB000000000000 0500000000000000 7856000000000000 0900000000000000", Samples.RangeOffer);
    }

    private static string Hex(long value) => Convert.ToHexString(BitConverter.GetBytes(value));

    private static void Is<TMessage>(string hex, TMessage message)
        where TMessage : struct, IMessage<TMessage>
    {
        hex = hex.Replace(" ", "").Replace("\n", "");
        Assert.Equal(hex, Convert.ToHexString(message.ToBytes()));
        var writer = new ArrayBufferWriter<byte>();
        TMessage.Decode(Convert.FromHexString(hex)).EncodeTo(writer);
        Assert.Equal(hex, Convert.ToHexString(writer.WrittenSpan));
    }
}
