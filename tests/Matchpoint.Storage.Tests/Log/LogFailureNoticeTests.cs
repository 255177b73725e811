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
}
