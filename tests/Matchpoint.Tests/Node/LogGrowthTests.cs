using Matchpoint.Node;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Tests.Node;

/// <summary>When a member falls off is told by how fast the log grows now.</summary>
public class LogGrowthTests
{
    [Fact]
    public void It_is_the_rate_of_the_last_minute()
    {
        var growth = new LogGrowth();
        Assert.Null(growth.TimeFor(1));
        for (var second = 0; second <= 200; second++) growth.Note(TimeSpan.FromSeconds(second), new Lsn((ulong)(second <= 100 ? second * 1000 : 100_000 + ((second - 100) * 10))));
        Assert.Equal(10, growth.BytesPerSecond, 1e-9);
        Assert.Equal(TimeSpan.FromSeconds(500), growth.TimeFor(5000));
    }

    [Fact]
    public void A_log_that_does_not_grow_or_was_cut_makes_nobody_fall_off()
    {
        var growth = new LogGrowth();
        for (var second = 0; second < 10; second++) growth.Note(TimeSpan.FromSeconds(second), new Lsn(1000));
        Assert.Null(growth.TimeFor(1));
        growth.Note(TimeSpan.FromSeconds(11), new Lsn(500));
        Assert.Null(growth.TimeFor(1));
        growth.Note(TimeSpan.FromSeconds(12), new Lsn(600));
        Assert.Equal(TimeSpan.FromSeconds(1), growth.TimeFor(100));
    }
}
