using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>What is written and flushed, in which order.</summary>
public class LogEffectsTests
{
    private const string First = "00000000000000000000";

    private readonly FaultyFiles _files = new(new Random(1));

    [Fact]
    public void A_synced_append_is_one_write_and_one_flush()
    {
        using var open = TestLogs.Open(_files);
        Trace();
        Sync(open.Log);
        Assert.Equal(
            [
                $"create {First}.log", $"write {First}.log 0+64", $"write {First}.log 64+84", $"write {First}.log 148+428",
                $"flush {First}.log", "flush dir log", "write positions 0+72",
            ],
            Trace());
        Sync(open.Log);
        // Room was made ahead: the length does not change, and the name is durable.
        Assert.Equal([$"write {First}.log 148+84", $"flush {First}.log", "write positions 0+72"], Trace());
        for (var i = 0; i < 3; i++) open.Log.Commit("key", "value");
        open.Log.Drain();
        Assert.Equal([$"write {First}.log 232+252"], Trace());
    }

    [Fact]
    public void A_complete_segment_is_flushed_before_the_next_one_and_the_names_before_anybody_is_told()
    {
        using var open = TestLogs.Open(_files);
        for (var i = 0; i < 5; i++) open.Log.Commit("key", "value");
        Sync(open.Log);
        Trace();
        for (var i = 0; i < 6; i++) open.Log.Commit("key", "value");
        Sync(open.Log);
        Assert.Equal(
            [
                $"create {First}.idx", $"write {First}.idx 0+128",
                "create 00000000000000000504.log", "write 00000000000000000504.log 0+64", "write 00000000000000000504.log 64+504",
                "write 00000000000000000504.log 568+8",
                "create 00000000000000000504.idx", "write 00000000000000000504.idx 0+128",
                "create 00000000000000001008.log", "write 00000000000000001008.log 0+64", "write 00000000000000001008.log 64+84",
                "write 00000000000000001008.log 148+428",
                $"flush {First}.log", "flush 00000000000000000504.log", "flush 00000000000000001008.log", "flush dir log",
                "write positions 0+72",
            ],
            Trace().Where(line => !line.StartsWith("set length", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_cut_is_promised_then_done_then_told()
    {
        using var open = TestLogs.Open(_files);
        for (var i = 0; i < 13; i++) open.Log.Commit("key", "value");
        open.Log.FlushAll();
        _files.Open($"{TestLogs.Root}/rollbacks/undo.jsonl.pending", FileOpening.CreateNew).Dispose();
        open.Log.Commit("key", "value");
        Trace();
        open.Log.CutAfter(Vlsn.Of(7), "undo.jsonl");
        Assert.Equal(
            [
                "write 00000000000000001008.log 148+84", "flush 00000000000000001008.log", "write positions 0+72",
                "create cut.tmp", "write cut.tmp 0+58", "flush cut.tmp", "rename cut.tmp cut", "flush dir data",
                "delete 00000000000000001008.log",
                "delete 00000000000000000504.idx", "set length 00000000000000000504.log 148", "flush 00000000000000000504.log",
                "flush dir log",
                "write positions 0+72", "flush positions", "write positions 4096+72", "flush positions",
                "rename undo.jsonl.pending undo.jsonl", "flush dir rollbacks",
                "create cut.tmp", "write cut.tmp 0+8", "flush cut.tmp", "rename cut.tmp cut", "flush dir data",
                "delete cut", "flush dir data",
            ],
            Trace());
    }

    [Fact]
    public void What_is_removed_is_flushed_and_forgotten_before_the_first_of_it_goes()
    {
        using var open = TestLogs.Open(_files);
        for (var i = 0; i < 22; i++) open.Log.Commit("key", "value");
        open.Log.Drain();
        Trace();
        Assert.Equal(2, open.Log.RemoveUpTo(Vlsn.Of(12)));
        var trace = Trace();
        var forgotten = Array.LastIndexOf(trace, "flush positions");
        Assert.True(Array.LastIndexOf(trace, "flush dir log", forgotten) >= 0, string.Join('\n', trace));
        Assert.All(Enumerable.Range(0, trace.Length).Where(i => trace[i].StartsWith("delete", StringComparison.Ordinal)), i => Assert.True(i > forgotten));
        open.Log.Commit("and", "on");
        open.Log.FlushAll();
        Assert.Null(open.Log.Failure);
        using var again = TestLogs.Open(_files.PowerCut().Nothing);
        Assert.Equal(open.Log.Headers(), again.Log.Headers());
    }

    private static void Sync(RecordLog log)
    {
        log.Commit("key", "value", flush: FlushPolicy.Sync);
        log.Drain();
    }

    private string[] Trace()
    {
        var trace = _files.Trace.ToArray();
        _files.ClearTrace();
        return trace;
    }
}
