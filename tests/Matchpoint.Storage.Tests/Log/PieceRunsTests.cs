using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>Any of the last records can be lowered to a sync point: appended here or copied, cut, or found when the log is opened.</summary>
public class PieceRunsTests
{
    [Fact]
    public void An_inner_piece_is_lowered_to_the_sync_point_before_it()
    {
        var files = new MemoryFiles();
        using (var open = TestLogs.Open(files))
        {
            open.Log.Commit("a", "1");
            Piece(open.Log);
            Piece(open.Log);
            open.Log.Commit("b", "2");
            Piece(open.Log);
            Assert.Equal([-1, 1, 1, 1, 4, 4], Lowered(open.Log, 5));
            open.Log.NoteDurable(Vlsn.Of(4));
            Assert.Equal(4, open.Log.SyncPointAtOrBelow(Vlsn.Of(5)).Value);
            open.Log.FlushAll();
        }

        using var again = TestLogs.Open(files);
        Assert.Equal(4, again.Log.SyncPointAtOrBelow(Vlsn.Of(5)).Value);
        Piece(again.Log);
        Assert.Equal(4, again.Log.SyncPointAtOrBelow(Vlsn.Of(6)).Value);
        again.Log.CutAfter(Vlsn.Of(4), export: "");
        again.Log.Commit("c", "3");
        Assert.Equal(5, again.Log.SyncPointAtOrBelow(Vlsn.Of(5)).Value);
    }

    [Fact]
    public void Copies_are_known_like_own_records_and_refused_ones_are_not()
    {
        using var from = TestLogs.Open(new MemoryFiles());
        from.Log.Commit("a", "1");
        Piece(from.Log);
        from.Log.FlushAll();
        using var to = TestLogs.Open(new MemoryFiles());
        using var view = from.Log.View();
        var bytes = new byte[4096];
        Assert.True(view.TryCopy(Lsn.Zero, bytes, out var length));
        bytes[length - 1] ^= 1;
        Assert.False(to.Log.TryAppendCopies(bytes.AsSpan(0, length), FlushPolicy.NoSync, out var fault));
        Assert.NotNull(fault);
        Assert.Equal(Vlsn.Null, to.Log.SyncPointAtOrBelow(Vlsn.Null));
        bytes[length - 1] ^= 1;
        Assert.True(to.Log.TryAppendCopies(bytes.AsSpan(0, length), FlushPolicy.NoSync, out _));
        Assert.Equal(1, to.Log.SyncPointAtOrBelow(Vlsn.Of(2)).Value);
    }

    private static void Piece(RecordLog log)
    {
        var writer = new TransactionWriter(pieceBytes: 1);
        writer.Put("k"u8, "v"u8);
        writer.Put("l"u8, "v"u8);
        log.Append(RecordKind.Piece, writer.Payload(0, Vlsn.Null, Vlsn.Null).Span);
    }

    private static IEnumerable<long> Lowered(RecordLog log, int last) =>
        Enumerable.Range(0, last + 1).Select(i => log.SyncPointAtOrBelow(Vlsn.Null.Plus(i)).Value);
}
