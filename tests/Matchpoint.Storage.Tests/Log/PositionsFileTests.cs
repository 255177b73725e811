using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>One slot of the positions is always sound, whatever fails in which order.</summary>
public sealed class PositionsFileTests
{
    private const string Path = "/positions";

    [Fact]
    public void A_slot_that_a_failed_flush_left_in_the_cache_is_durable_before_the_other_is_touched()
    {
        var files = new FaultyFiles(new Random(1));
        files.CreateDirectory("/log");
        using (var first = PositionsFile.Open(files, Path, "/log", out _))
        {
            first.Replace(At(1));
            first.Write(At(2));
            files.Faults.FailFlush("positions");
            Assert.Throws<DiskException>(first.Flush);
        }

        // The next process sees in the cache what the device lost, and is torn in the middle of its first write.
        var next = files.AfterKill();
        using (var second = PositionsFile.Open(next, Path, "/log", out _))
        {
            Assert.Equal(At(2), second.Current);
            next.CrashWithin(next.Effects + 1, bytes: 20);
            Assert.Throws<SimulatedCrashException>(() => second.Write(At(3)));
        }

        foreach (var left in new[] { next.PowerCut().Everything, next.PowerCut().Nothing })
        {
            using var third = PositionsFile.Open(left, Path, "/log", out _);
            Assert.Equal(At(2), third.Current);
        }
    }

    private static Positions At(long vlsn) => new(new Lsn((ulong)vlsn * 100), Vlsn.Of(vlsn), Vlsn.Of(vlsn), Lsn.Zero, Guid.Empty);
}
