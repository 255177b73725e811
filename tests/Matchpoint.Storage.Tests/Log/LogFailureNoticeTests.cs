using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>A node whose disk failed must learn of it, even when nothing comes after.</summary>
public class LogFailureNoticeTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Whoever_watches_the_log_is_told_that_it_failed(bool isWrite)
    {
        var files = new FaultyFiles(new Random(1));
        using var open = TestLogs.Open(files, TestLogs.Stepped);
        open.Log.Commit("a", "1", flush: FlushPolicy.Sync);
        open.Log.Drain();
        Exception? told = null;
        open.Log.Moved = () => told = open.Log.Failure;
        if (isWrite) files.Faults.FailWrite("*.log");
        else files.Faults.FailFlush("*.log");
        open.Log.Commit("b", "2", flush: FlushPolicy.Sync);
        open.Log.Drain();
        Assert.IsType<LogPoisonedException>(told);
    }

    [Fact]
    public void Whoever_watches_the_log_is_told_that_it_was_cut()
    {
        using var open = TestLogs.Open(new MemoryFiles(), TestLogs.Stepped);
        var kept = open.Log.StartTerm(1);
        open.Log.Commit("a", "1");
        open.Log.FlushAll();
        var (written, flushed) = (Vlsn.Null, Vlsn.Null);
        open.Log.Moved = () => (written, flushed) = (open.Log.Written, open.Log.Flushed);
        open.Log.CutAfter(kept, "");
        Assert.Equal((kept, kept), (written, flushed));
    }
}
