using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Tail;
using Matchpoint.Tests.Syncup;

namespace Matchpoint.Tests.Node;

/// <summary>The tail while a replica takes in records and while it is built anew.</summary>
public class AppenderTailTests
{
    private static readonly LogOptions Roomy = TestNode.SmallSegments with { SegmentBytes = 1024 * 1024, PendingBytes = 1024 * 1024 };

    [Fact]
    public void A_full_tail_waits_only_for_what_is_known_to_be_durable()
    {
        using var primary = new TestNode("p", options: Roomy).Write("t1");
        using var replica = new TestNode("r", options: Roomy).Write("t1");
        var state = new MemoryState();
        var appender = new Appender(replica.Log, state, maxBytes: 2000);
        appender.Rebuild();
        var known = primary.Commit("a", new byte[1000]);
        for (var i = 0; i < 3; i++) primary.Commit($"b{i}", new byte[1000]);
        primary.Log.FlushAll();
        var records = Records(primary, replica.Log.Appended.End);

        // That more is durable is told behind the records: whoever waits for it takes none of them waits for ever.
        Assert.Equal(AppendResult.Appended, appender.TryAppendCopies(records[0], FlushPolicy.Sync, known, out _));
        Assert.Equal(AppendResult.Appended, appender.TryAppendCopies(records[1], FlushPolicy.Sync, known, out _));
        Assert.Equal(AppendResult.TailFull, appender.TryAppendCopies(records[2], FlushPolicy.Sync, known, out _));
        state.MoveTo(new StatePosition(known, default));
        appender.ForgetApplied();
        Assert.Equal(AppendResult.Appended, appender.TryAppendCopies(records[2], FlushPolicy.Sync, known, out _));
        Assert.Equal(AppendResult.Appended, appender.TryAppendCopies(records[3], FlushPolicy.Sync, known, out _));
        Assert.Equal(primary.Log.Appended, replica.Log.Appended);
    }

    [Fact]
    public void Readers_find_in_the_tail_what_they_found_before_while_it_is_built_anew()
    {
        using var replica = new TestNode("r", options: Roomy).Write("t1 a b");
        var state = new MemoryState();
        var appender = new Appender(replica.Log, state, maxBytes: 1024 * 1024);
        appender.Rebuild();
        var missed = 0;
        state.Asked = () =>
        {
            if (appender.Tail.TryFind(StateKey.Of(0, "a"u8), replica.Log.Appended.Vlsn, Vlsn.Null, out _) != TailAnswer.Value) missed++;
        };
        appender.OnCut(replica.Log.Appended.Vlsn);
        Assert.Equal(0, missed);
    }

    private static List<byte[]> Records(TestNode node, Lsn from)
    {
        using var view = node.Log.View();
        var all = new byte[view.End.End.DistanceFrom(from)];
        Assert.True(view.TryCopy(from, all, out var length) && length == all.Length);
        var records = new List<byte[]>();
        for (var at = 0; at < all.Length; at += records[^1].Length)
        {
            Assert.Null(RecordCodec.TryReadHeader(all.AsSpan(at), out var header));
            records.Add(all[at..(at + header.Length)]);
        }

        return records;
    }
}
