using CsCheck;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Protocol.Tests.Records;

/// <summary>The operations of a transaction, in one record or in many.</summary>
public sealed class TransactionPayloadTests
{
    [Fact]
    public void Golden_bytes()
    {
        var writer = new TransactionWriter();
        writer.Put([0xA1], [0xB1, 0xB2], database: 3);
        writer.Delete([0xA2, 0xA3]);
        writer.DeleteRange([0xA4], [0xA5]);
        const string expected =
            "FFFFFFFFFFFFFFFF" + "FFFFFFFFFFFFFFFF" + "03000000"
            + "01000300" + "01000000" + "02000000" + "A1B1B2"
            + "02000000" + "02000000" + "00000000" + "A2A3"
            + "03000000" + "01000000" + "01000000" + "A4A5";
        Assert.Equal(expected, Convert.ToHexString(writer.Payload(0, Vlsn.Null, Vlsn.Null).Span));
    }

    [Fact]
    public void Operations_come_back_as_they_were_written_however_they_are_split() =>
        Gen.Select(
            Gen.Select(Gen.Int[1, 3], Gen.UShort, Gen.Byte.Array[0, 12], Gen.Byte.Array[0, 12]).Array[0, 20],
            Gen.Int[1, 120]).Sample(
            (operations, pieceBytes) =>
            {
                var writer = new TransactionWriter(pieceBytes);
                foreach (var (kind, database, key, second) in operations)
                {
                    if (kind == 1) writer.Put(key, second, database);
                    else if (kind == 2) writer.Delete(key, database);
                    else writer.DeleteRange(key, second, database);
                }

                Assert.Equal(operations.Length, writer.Operations);
                var expected = operations.Select(o => $"{(OperationKind)o.Item1} {o.Item2} {Convert.ToHexString(o.Item3)} {(o.Item1 == 2 ? "" : Convert.ToHexString(o.Item4))}");
                Assert.Equal(expected, ReadBack(writer));
            },
            iter: 2_000,
            threads: 1);

    [Fact]
    public void A_piece_is_full_when_the_next_operation_would_pass_its_size_and_never_empty()
    {
        var writer = new TransactionWriter(pieceBytes: 100);
        for (byte i = 0; i < 10; i++) writer.Put([i], new byte[20]);
        Assert.Equal(5, writer.Records);
        writer.Put([1], new byte[500]);
        Assert.Equal(6, writer.Records);
        Assert.Equal(11, ReadBack(writer).Count);

        writer.Clear();
        Assert.Equal((0, 1), (writer.Operations, writer.Records));
        Assert.Empty(ReadBack(writer));
    }

    [Fact]
    public void Operations_added_after_a_payload_was_given_out_are_not_lost()
    {
        var writer = new TransactionWriter();
        writer.Put([1], [1]);
        _ = writer.Payload(0, Vlsn.Null, Vlsn.Null);
        for (byte i = 0; i < 200; i++) writer.Put([i], new byte[50]);
        Assert.Equal(201, ReadBack(writer).Count);
    }

    [Fact]
    public void What_is_over_its_limit_is_not_taken()
    {
        var writer = new TransactionWriter();
        Assert.Throws<ArgumentException>(() => writer.Put(new byte[Limits.KeyBytes + 1], []));
        Assert.Throws<ArgumentException>(() => writer.Put([], new byte[Limits.ValueBytes + 1]));
        Assert.Throws<ArgumentException>(() => writer.DeleteRange([], new byte[Limits.KeyBytes + 1]));
        Assert.Equal(0, writer.Operations);
    }

    [Fact]
    public void Every_truncation_and_every_trailing_byte_is_rejected()
    {
        var bytes = Sample();
        for (var length = 0; length < bytes.Length; length++)
            Assert.False(TransactionPayload.TryRead(bytes.AsSpan(0, length), Vlsn.Of(9), out _, out _));
        Assert.False(TransactionPayload.TryRead([.. bytes, 0], Vlsn.Of(9), out _, out var fault));
        Assert.Equal("bytes behind the operations", fault!.FieldName);
    }

    [Fact]
    public void Every_flipped_bit_is_rejected_or_can_be_walked()
    {
        var bytes = Sample();
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            var flipped = bytes.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            if (!TransactionPayload.TryRead(flipped, Vlsn.Of(9), out var payload, out _)) continue;
            var walked = 0;
            foreach (var operation in payload) walked += operation.Key.Length >= 0 ? 1 : 0;
            Assert.Equal(payload.Count, walked);
        }
    }

    [Theory]
    [InlineData(-1, -1, true)]
    [InlineData(5, 5, true)]
    [InlineData(5, 8, true)]
    [InlineData(-1, 5, false)]
    [InlineData(5, -1, false)]
    [InlineData(6, 5, false)]
    [InlineData(9, 9, false)]
    [InlineData(5, 9, false)]
    [InlineData(0, 0, false)]
    [InlineData(-2, -2, false)]
    public void Pieces_hang_together_below_their_own_record(long first, long previous, bool isAccepted)
    {
        var bytes = new byte[TransactionPayload.HeaderSize];
        BitConverter.TryWriteBytes(bytes, first);
        BitConverter.TryWriteBytes(bytes.AsSpan(8), previous);
        Assert.Equal(isAccepted, TransactionPayload.TryRead(bytes, Vlsn.Of(9), out _, out var fault));
        Assert.Equal(isAccepted, fault is null);
    }

    private static byte[] Sample()
    {
        var writer = new TransactionWriter();
        writer.Put([1, 2], [3, 4, 5], database: 7);
        writer.Delete([6]);
        writer.DeleteRange([7], [8, 9]);
        return writer.Payload(0, Vlsn.Null, Vlsn.Null).ToArray();
    }

    /// <summary>Reads every record of the transaction as if its pieces were 10, 11, 12 ...</summary>
    private static List<string> ReadBack(TransactionWriter writer)
    {
        var read = new List<string>();
        for (var i = 0; i < writer.Records; i++)
        {
            var vlsn = Vlsn.Of(10 + i);
            var (first, previous) = i == 0 ? (Vlsn.Null, Vlsn.Null) : (Vlsn.Of(10), vlsn.Previous);
            Assert.True(TransactionPayload.TryRead(writer.Payload(i, first, previous).Span, vlsn, out var payload, out var fault), $"{fault}");
            Assert.Equal((first, previous), (payload.FirstPiece, payload.PreviousPiece));
            Assert.True(payload.Count > 0 || writer.Operations == 0);
            foreach (var operation in payload)
                read.Add($"{operation.Kind} {operation.Database} {Convert.ToHexString(operation.Key)} {Convert.ToHexString(operation.Value)}");
        }

        return read;
    }
}
