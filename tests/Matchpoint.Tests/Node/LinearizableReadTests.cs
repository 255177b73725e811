using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>Linearizable reads at a replica, which asks its primary.</summary>
public sealed class LinearizableReadTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    /// <summary>Connecting, asking and hearing may each take as long as the election's timeout, twenty seconds here.</summary>
    [Fact]
    public async Task A_read_whose_primary_does_not_answer_is_given_up_when_its_time_is_up()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var group = await StartAsync(change: static options => options with { ElectionTimeout = TimeSpan.FromSeconds(20), ReadTimeout = Patience });
        var (replica, primary) = (group.Replicas[0], group.Primary.Options.Name);
        group.Link(replica.Options.Name, primary).Hang();
        var start = TimeProvider.System.GetTimestamp();
        var error = await Assert.ThrowsAsync<StaleReadException>(async () => await replica.Default.GetAsync(Utf8("k"), ReadLevel.Linearizable, cancellation));
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), Patience, TimeSpan.FromSeconds(15));
        Assert.Contains($"no linearizable read within {Patience}", error.Message, StringComparison.Ordinal);
    }
}
