using System.Text;
using CsCheck;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport.Tests;

/// <summary>The last frame of a side that closes.</summary>
public sealed class GoodbyeTests
{
    [Theory]
    [InlineData(GoodbyeCode.Done, "", "1200000000")]
    [InlineData(GoodbyeCode.UnknownService, "no", "12050002006e6f")]
    [InlineData(GoodbyeCode.Demoted, "ü", "1208000200c3bc")]
    [InlineData((GoodbyeCode)0x1234, "later version", "1234120d006c617465722076657273696f6e")]
    internal void A_goodbye_has_these_bytes(GoodbyeCode code, string reason, string bytes)
    {
        var goodbye = new Goodbye(code, reason);
        Assert.Equal(bytes, Convert.ToHexStringLower(Encode(goodbye)));
        Assert.Equal(goodbye, Goodbye.Decode(Convert.FromHexString(bytes)));
    }

    [Theory]
    [InlineData("", "opcode")]
    [InlineData("13", "opcode")]
    [InlineData("120000", "reason length")]
    [InlineData("1200000100", "reason")]
    [InlineData("120000000000", "length")]
    [InlineData("12000001 00ff", "reason")]
    [InlineData("1200000200c0af", "reason")]
    [InlineData("1200000300eda080", "reason")]
    [InlineData("1200000110", "reason length")]
    public void What_is_no_goodbye_is_refused_by_name(string bytes, string field)
    {
        var error = Assert.Throws<ProtocolException>(() => Goodbye.Decode(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal))));
        Assert.Equal(("Goodbye", field), (error.MessageName, error.Field));
    }

    [Theory]
    [InlineData("x", 4096)]
    [InlineData("ü", 4096)]
    [InlineData("€", 4095)]
    [InlineData("😀", 4096)]
    [InlineData("😀x", 4095)]
    public void A_long_reason_is_cut_between_characters(string unit, int bytes)
    {
        var reason = string.Concat(Enumerable.Repeat(unit, 5000));
        var goodbye = new Goodbye(GoodbyeCode.Refused, reason);
        Assert.Equal(bytes, Encoding.UTF8.GetByteCount(goodbye.Reason));
        Assert.StartsWith(goodbye.Reason, reason, StringComparison.Ordinal);
        Assert.Equal(goodbye, Goodbye.Decode(Encode(goodbye)));
    }

    [Fact]
    public void What_decodes_encodes_to_the_same_bytes() => Gen.Byte.Array[0, 24].Sample(tail =>
    {
        byte[] bytes = [18, .. tail];
        try
        {
            Assert.Equal(bytes, Encode(Goodbye.Decode(bytes)));
        }
        catch (ProtocolException)
        {
            // Refused is fine.
        }
    });

    [Fact]
    public void Every_truncation_is_refused()
    {
        var bytes = Encode(new Goodbye(GoodbyeCode.Busy, "try again later"));
        for (var length = 0; length < bytes.Length; length++) Assert.Throws<ProtocolException>(() => Goodbye.Decode(bytes.AsSpan(0, length)));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_replaced_not_refused_by_the_peer()
    {
        var bytes = Encode(new Goodbye(GoodbyeCode.Done, "a\ud800b"));
        Assert.Equal("a\ufffdb", Goodbye.Decode(bytes).Reason);
    }

    private static byte[] Encode(Goodbye goodbye)
    {
        var bytes = new byte[goodbye.EncodedLength];
        goodbye.Encode(bytes);
        return bytes;
    }
}
