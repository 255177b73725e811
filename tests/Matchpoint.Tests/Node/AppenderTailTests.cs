using System.Text;
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

    [Fact]
    public void Pieces_that_nobody_commits_make_room_for_those_of_later_transactions()
    {
        using var primary = new TestNode("p", options: Roomy).Write("t1");
        using var replica = new TestNode("r", options: Roomy).Write("t1");
        var appender = new Appender(replica.Log, new MemoryState(), maxBytes: 6000);
        appender.Rebuild();
        AppendPieces(primary, "abandoned", 5, isCommitted: false);
        AppendPieces(primary, "first", 3, isCommitted: true);
        AppendPieces(primary, "second", 3, isCommitted: true);
        primary.Log.FlushAll();
        var flushed = replica.Log.Flushed;
        foreach (var record in Records(primary, replica.Log.Appended.End))
            Assert.Equal(AppendResult.Appended, appender.TryAppendCopies(record, FlushPolicy.NoSync, Vlsn.Null, out _));
        // Where pieces are read back from the log, all of it is flushed first.
        Assert.Equal(flushed, replica.Log.Flushed);
        foreach (var key in new[] { "first0", "first2", "second0", "second2" })
            Assert.Equal(TailAnswer.Value, appender.Tail.TryFind(StateKey.Of(0, Encoding.UTF8.GetBytes(key)), replica.Log.Appended.Vlsn, Vlsn.Null, out _));
    }

    [Fact]
    public void A_replica_far_behind_goes_on_within_a_large_transaction_while_an_older_one_is_open()
    {
        using var primary = new TestNode("p", options: Roomy).Write("t1");
        using var replica = new TestNode("r", options: Roomy).Write("t1");
        var state = new MemoryState();
        var appender = new Appender(replica.Log, state, maxBytes: 1024 * 1024);
        appender.Rebuild();
        appender.Snapshots.Add(replica.Log.Appended.Vlsn);
        var commit = primary.Commit("a", new byte[1000]);
        AppendPieces(primary, "large", 3, isCommitted: true);
        primary.Log.FlushAll();
        var records = Records(primary, replica.Log.Appended.End);
        Assert.Equal(AppendResult.Appended, appender.TryAppendCopies(records[0], FlushPolicy.Sync, commit, out _));
        Assert.Equal(AppendResult.Appended, appender.TryAppendCopies(records[1], FlushPolicy.Sync, commit, out _));
        var durable = Vlsn.Of(100_000);
        Assert.Equal(AppendResult.TailFull, appender.TryAppendCopies(records[2], FlushPolicy.Sync, durable, out _));
        // The state stands at sync points: it comes no further before the transaction's commit is here.
        state.MoveTo(new StatePosition(commit, default));
        appender.ForgetApplied();
        Assert.True(appender.TailBytes > 0);
        Assert.Equal(AppendResult.Appended, appender.TryAppendCopies(records[2], FlushPolicy.Sync, durable, out _));
        Assert.Equal(AppendResult.Appended, appender.TryAppendCopies(records[3], FlushPolicy.Sync, durable, out _));
        Assert.Equal(primary.Log.Appended, replica.Log.Appended);
    }

    private static void AppendPieces(TestNode node, string name, int records, bool isCommitted)
    {
        var writer = new TransactionWriter(pieceBytes: 1000);
        for (var i = 0; i < records; i++) writer.Put(Encoding.UTF8.GetBytes($"{name}{i}"), new byte[1000]);
        Assert.Equal(records, writer.Records);
        var (first, previous) = (Vlsn.Null, Vlsn.Null);
        for (var i = 0; i < records; i++)
        {
            var isCommit = isCommitted && i == records - 1;
            previous = node.Append(isCommit ? RecordKind.Commit : RecordKind.Piece, isCommit ? AckPolicy.Majority : AckPolicy.None, writer.Payload(i, first, previous).Span);
            if (i == 0) first = previous;
        }
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
