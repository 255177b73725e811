using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>A log that is read again while its head goes, and while it is cut and grows anew.</summary>
public class LogScrubTests
{
    private readonly MemoryFiles _files = new();

    [Fact]
    public void A_scrub_holds_no_log_between_two_looks()
    {
        using var open = Filled(60);
        var scrub = new LogScrub(open.Log);
        Assert.True(scrub.Read(1, out _));
        Assert.NotEqual(0, open.Log.RemoveUpTo(Vlsn.Of(30)));
        Assert.Equal(Bytes(open.Log), ReadOn(scrub));
    }

    [Fact]
    public void A_scrub_goes_on_in_a_log_that_was_cut_and_has_grown_anew()
    {
        using var open = Filled(60);
        var scrub = new LogScrub(open.Log);
        for (var i = 1; i <= 40; i++) Assert.True(scrub.Read(1, out _));
        open.Log.CutAfter(Vlsn.Of(10), "");
        for (var i = 11; i <= 80; i++) open.Log.Commit($"other{i}", new string('x', i), term: 2);
        open.Log.FlushAll();
        Assert.True(ReadOn(scrub) > 0);
    }

    private static long ReadOn(LogScrub scrub)
    {
        long bytes = 0;
        for (var hasMore = true; hasMore;)
        {
            hasMore = scrub.Read(1, out var read);
            bytes += read;
        }

        return bytes;
    }

    private static long Bytes(RecordLog log)
    {
        using var view = log.View();
        return view.End.End.DistanceFrom(view.Segments.First().Before.End);
    }

    private TestLogs.OpenLog Filled(int records)
    {
        var open = TestLogs.Open(_files);
        for (var i = 1; i <= records; i++) open.Log.Commit($"k{i}", "v");
        open.Log.FlushAll();
        return open;
    }
}
