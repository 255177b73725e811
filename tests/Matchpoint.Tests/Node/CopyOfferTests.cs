using Matchpoint.Copies;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Tests.Node;

/// <summary>Which offers of a copy a node takes: those behind which the stream can go on.</summary>
public class CopyOfferTests
{
    [Theory]
    [InlineData(9, 10, true)]
    [InlineData(10, 10, true)]
    [InlineData(9, -1, true)]
    [InlineData(-1, 1, true)]
    [InlineData(8, 10, false)]
    [InlineData(-1, 2, false)]
    [InlineData(long.MaxValue - 1, 10, true)]
    [InlineData(long.MaxValue, 10, false)]
    [InlineData(long.MaxValue, -1, false)]
    public void An_offer_is_taken_where_the_stream_can_go_on_behind_it(long last, long neededFrom, bool isTaken)
    {
        var frame = new CopyOffer(new Guid(1, 0, 0, new byte[8]), Vlsn.Null, Vlsn.Of(last), []).ToBytes();
        if (isTaken) Assert.Equal(Vlsn.Of(last), CopyFetch.TakeOffer(frame, Vlsn.Of(neededFrom)).Last);
        else Assert.Contains("last", Assert.Throws<ProtocolException>(() => CopyFetch.TakeOffer(frame, Vlsn.Of(neededFrom))).Message, StringComparison.Ordinal);
    }
}
