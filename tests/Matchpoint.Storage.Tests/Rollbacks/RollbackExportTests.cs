using System.Text;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Storage.Tests.Log;

namespace Matchpoint.Storage.Tests.Rollbacks;

/// <summary>What is undone can be read again, all of it and as it was.</summary>
public sealed class RollbackExportTests : IDisposable
{
    private readonly MemoryFiles _files = new();
    private readonly TestLogs.OpenLog _open;

    public RollbackExportTests() => _open = TestLogs.Open(_files, TestLogs.Stepped with { PendingBytes = 64 * 1024 });

    private RecordLog Log => _open.Log;

    public void Dispose() => _open.Dispose();

    [Fact]
    public void Every_operation_comes_back_as_it_was()
    {
        var keys = new List<byte[]> { "plain"u8.ToArray(), "grüße \"quoted\" \\ <&>"u8.ToArray(), "new\nline"u8.ToArray(), "tab\t"u8.ToArray(), new byte[] { 0 }, new byte[] { 0x7F } };
        for (var i = 0; i < 256; i++) keys.Add([(byte)'k', (byte)i]);
        keys.AddRange([[0xED, 0xA0, 0x80], [0xC0, 0x80], [0xFF, 0xFE], [], [0xE2, 0x80, 0xA8], [0xC2, 0x85], [0xF0, 0x9F, 0x98, 0x80], new byte[65_536]]);
        Log.Commit("stays", "below");
        var writer = new TransactionWriter();
        var expected = new List<(string Kind, int Database, byte[] Key, byte[] Second)>();
        foreach (var key in keys)
        {
            writer.Put(key, key, database: 3);
            writer.Delete(key);
            writer.DeleteRange(key, [.. key.Take(100), 1]);
            expected.AddRange([("put", 3, key, key), ("delete", 0, key, []), ("delete-range", 0, key, [.. key.Take(100), 1])]);
        }

        Log.Append(RecordKind.Commit, writer.Payload(0, Vlsn.Null, Vlsn.Null).Span, policy: AckPolicy.Majority);
        Log.FlushAll();
        var found = Operations(Export(1));
        Assert.Equal(expected.Count, found.Length);
        Assert.All(expected.Zip(found), pair =>
        {
            Assert.Equal(
                (pair.First.Kind, pair.First.Database, Convert.ToHexString(pair.First.Key), Convert.ToHexString(pair.First.Second)),
                (pair.Second.Kind, pair.Second.Database, Convert.ToHexString(pair.Second.Key), Convert.ToHexString(pair.Second.Second)));
            Assert.Equal((Vlsn.Of(2), Vlsn.Of(2), true, false), (pair.Second.Vlsn, pair.Second.Transaction, pair.Second.Committed, pair.Second.Acknowledged));
        });
    }

    [Fact]
    public void A_commit_is_acknowledged_when_it_was_durable_or_waited_for_nobody()
    {
        for (var i = 0; i < 3; i++) Log.Commit("k", $"{i}");
        Log.Commit("k", "none", policy: AckPolicy.None);
        Log.Commit("k", "all", policy: AckPolicy.All);
        Log.NoteDurable(Vlsn.Of(2));
        Log.FlushAll();
        Assert.Equal([true, false, true, false], Operations(Export(1)).Select(operation => operation.Acknowledged));
    }

    [Fact]
    public void A_transaction_in_pieces_is_exported_whole_and_in_order_and_one_without_its_commit_is_not_committed()
    {
        // 1: a of A | 2: commit | 3: b of A | 4: of B | 5: c of A, commit | 6: of C | 7: commit of C | 8: of D, no commit
        Piece("a", 0, 0);
        Log.Commit("between", "x");
        Piece("b", 1, 1);
        Piece("B", 0, 0);
        Piece("c", 1, 3, RecordKind.Commit);
        Piece("C1", 0, 0);
        Piece("C2", 6, 6, RecordKind.Commit);
        Piece("D", 0, 0);
        Log.FlushAll();
        Assert.Equal(
            ["1 a of 1 True", "3 b of 1 True", "4 B of 4 False", "5 c of 1 True", "6 C1 of 6 True", "7 C2 of 6 True", "8 D of 8 False"],
            Operations(Export(2)).Select(Words));
        Assert.Equal(["6 C1 of 6 True", "7 C2 of 6 True", "8 D of 8 False"], Operations(Export(5)).Select(Words));
        Assert.Equal(["6 C1 of 6 True", "7 C2 of 6 True", "8 D of 8 False"], Operations(Export(5)).Select(Words));
    }

    [Fact]
    public void Two_straddling_transactions_are_exported_in_the_order_in_which_they_were_written()
    {
        Piece("a", 0, 0);
        Piece("A", 0, 0);
        Piece("b", 1, 1);
        Log.Commit("matchpoint", "x");
        Piece("B", 2, 2);
        Piece("C", 2, 5, RecordKind.Commit);
        Piece("c", 1, 3, RecordKind.Commit);
        Log.FlushAll();
        Assert.Equal(["1 a of 1 True", "2 A of 2 True", "3 b of 1 True", "5 B of 2 True", "6 C of 2 True", "7 c of 1 True"], Operations(Export(4)).Select(Words));
    }

    [Fact]
    public void Pieces_that_were_removed_with_the_head_are_left_out()
    {
        Piece("a", 0, 0);
        Log.StartTerm(1);
        for (var i = 0; i < 20; i++) Log.Commit("filler", "filler");
        Piece("b", 1, 1);
        Log.Commit("matchpoint", "x");
        Piece("c", 1, 23, RecordKind.Commit);
        Log.FlushAll();
        Assert.NotEqual(0, Log.RemoveUpTo(Vlsn.Of(18)));
        Assert.Equal(["23 b of 1 True", "25 c of 1 True"], Operations(Export(24)).Select(Words));
    }

    [Fact]
    public void The_same_export_twice_is_one_file_and_another_history_is_another()
    {
        for (var i = 0; i < 5; i++) Log.Commit("k", $"{i}");
        Log.FlushAll();
        var name = Export(2);
        var before = Bytes(name);
        Assert.Equal(name, Export(2));
        Assert.Equal(before, Bytes(name));
        Assert.Equal([name + ".pending"], _files.ListFiles(_open.Directory.RollbacksPath));
        Assert.NotEqual(name, Export(3));
        Log.CutAfter(Vlsn.Of(2), name);
        for (var i = 0; i < 3; i++) Log.Commit("other", $"{i}");
        Log.FlushAll();
        Assert.NotEqual(name, Export(2));
        var refused = Export(2, refused: true);
        var entries = RollbackStore.List(_open.Directory).ToDictionary(entry => entry.Name, entry => entry.State);
        Assert.Equal(RollbackState.Undone, entries[name]);
        Assert.Equal(RollbackState.Refused, entries[refused]);
        Assert.Equal(2, entries.Values.Count(state => state == RollbackState.Pending));
    }

    [Fact]
    public void A_shortened_export_is_damaged_at_every_length()
    {
        for (var i = 0; i < 3; i++) Log.Commit("k", $"{i}");
        Log.FlushAll();
        var name = Export(1) + ".pending";
        var whole = Bytes(name[..^8]);
        for (var length = 0; length < whole.Length - 1; length++)
        {
            using (var file = _files.Open(Path.Combine(_open.Directory.RollbacksPath, name), FileOpening.ReadWrite))
            {
                file.SetLength(length);
            }

            var error = Assert.Throws<DamageException>(() => RollbackStore.Operations(_open.Directory, name).Count());
            Assert.Contains("line ", error.Message, StringComparison.Ordinal);
            Assert.Contains(name, error.Message, StringComparison.Ordinal);
            using (var file = _files.Open(Path.Combine(_open.Directory.RollbacksPath, name), FileOpening.ReadWrite)) file.Write(0, whole);
        }
    }

    [Theory]
    [InlineData(2, "{\"vlsn\":2", "{\"vlsn\":0", "line 2")]
    [InlineData(3, "\"put\"", "\"pot\"", "line 3")]
    [InlineData(3, "\"key\":\"k\"", "\"kex\":\"k\"", "line 3")]
    [InlineData(4, "\"end\":2", "\"end\":3", "line 4")]
    [InlineData(2, "\"term\":1", "\"term\":x", "line 2")]
    [InlineData(2, "\"committed\":true", "\"committed\":1111", "line 2")]
    public void A_garbled_line_is_named(int line, string what, string with, string named)
    {
        for (var i = 0; i < 3; i++) Log.Commit("k", $"{i}");
        Log.FlushAll();
        var name = Export(1);
        var lines = Encoding.UTF8.GetString(Bytes(name)).Split('\n');
        Assert.Contains(what, lines[line - 1], StringComparison.Ordinal);
        lines[line - 1] = lines[line - 1].Replace(what, with, StringComparison.Ordinal);
        Put(name + ".pending", string.Join('\n', lines));
        var error = Assert.Throws<DamageException>(() => RollbackStore.Operations(_open.Directory, name + ".pending").Count());
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "line 1")]
    [InlineData("hello", "line 1")]
    [InlineData("[]", "line 1")]
    [InlineData("{\"group\":1}", "line 1")]
    [InlineData("{\"matchpointRollback\":2}", "format 2")]
    public void A_file_that_is_no_export_is_told(string content, string told)
    {
        Put("undo-strange.jsonl", content);
        var error = Assert.ThrowsAny<StorageException>(() => RollbackStore.List(_open.Directory));
        Assert.Contains(told, error.Message, StringComparison.Ordinal);
        Assert.Contains("undo-strange", error.Message, StringComparison.Ordinal);
    }

    private static string Words(UndoneOperation operation) =>
        $"{operation.Vlsn} {Encoding.UTF8.GetString(operation.Key)} of {operation.Transaction} {operation.Committed}";

    private void Piece(string key, long first, long previous, RecordKind kind = RecordKind.Piece)
    {
        var payload = new byte[TransactionPayload.HeaderSize + TransactionPayload.OperationHeaderSize + key.Length + 5];
        var writer = new TransactionWriter();
        writer.Put(Encoding.UTF8.GetBytes(key), "value"u8);
        writer.Payload(0, VlsnOf(first), VlsnOf(previous)).CopyTo(payload);
        Log.Append(kind, payload);
    }

    private static Vlsn VlsnOf(long number) => number == 0 ? Vlsn.Null : Vlsn.Of(number);

    private string Export(long matchpoint, bool refused = false)
    {
        using var view = Log.View();
        var header = TestLogs.ExportOf(view, Vlsn.Of(matchpoint)) with
        {
            Acknowledged = 0,
            Row = 4,
            Reason = "told \"in\" words\nand lines",
            ExportedAt = DateTimeOffset.UnixEpoch.AddDays(1),
        };
        var name = RollbackExporter.Write(_open.Directory, view, header, refused);
        Assert.Contains(RollbackStore.List(_open.Directory), entry => entry.Header == header);
        return name;
    }

    private UndoneOperation[] Operations(string name) => [.. RollbackStore.Operations(_open.Directory, name + LogCut.PendingSuffix)];

    private byte[] Bytes(string name) =>
        DurableFile.Read(_files, Path.Combine(_open.Directory.RollbacksPath, name + LogCut.PendingSuffix), 1 << 24);

    private void Put(string name, string content) =>
        DurableFile.Replace(_files, Path.Combine(_open.Directory.RollbacksPath, name), Encoding.UTF8.GetBytes(content));
}
