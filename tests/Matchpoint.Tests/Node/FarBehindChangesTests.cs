using Matchpoint.Node;
using Matchpoint.Storage.State;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>A replica which is so far behind that its tail is not filled: what it holds and knows to be durable it does not show yet.</summary>
public sealed class FarBehindChangesTests
{
    private const int Behind = 20_500; // More than the appender's limit.

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Databases_have_their_names_however_far_the_state_is_behind_the_log()
    {
        using var states = new HeldStates(new RocksStateStore(new RocksStateOptions()));
        await using var group = await StartAsync(parts: NodeParts.Real with { States = _ => states });
        await group.AgreedAsync();
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        await group.Primary.Database("orders").PutAsync(Utf8("first"), Utf8("v"), cancellation: Cancellation);
        var soon = new CommitOptions { Durability = new Durability(FlushPolicy.NoSync, FlushPolicy.NoSync, AckPolicy.None) };
        for (var i = 0; i < Behind; i++) await group.Primary.Database("orders").PutAsync(Utf8("k"), Utf8("v"), soon, Cancellation);
        await group.AgreedAsync();
        states.Hold(group.DirectoryOf(name));
        try
        {
            var node = await group.StartAsync(name);
            var last = group.Primary.GetStatus().Last;
            await Eventually.HoldsAsync(() => node.Core.Progress.Durable.DistanceFrom(Protocol.Identities.Vlsn.Null) >= last, "everything in its log, and known to be durable");
            Assert.True(node.Core.State.Applied.Vlsn < node.Core.Appender.Tail.Floor);
            var first = node.ChangesAsync(CommitToken.Beginning, Cancellation).FirstAsync(Cancellation).AsTask();
            states.LetGo();
            Assert.Equal("orders", (await first.WaitAsync(Eventually.Patience, Cancellation)).Changes[0].Database);
        }
        finally
        {
            states.LetGo();
        }

        await group.AgreedAsync();
    }

    [Fact]
    public async Task What_is_not_shown_yet_does_not_make_a_read_fresh()
    {
        using var states = new HeldStates(new RocksStateStore(new RocksStateOptions()));
        await using var group = await StartAsync(change: options => Steady(options) with { ReadTimeout = TimeSpan.FromSeconds(2) }, parts: NodeParts.Real with { States = _ => states });
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("old"), cancellation: Cancellation);
        await group.AgreedAsync();
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        var soon = new CommitOptions { Durability = new Durability(FlushPolicy.NoSync, FlushPolicy.NoSync, AckPolicy.None) };
        for (var i = 0; i < Behind; i++) await group.Primary.Default.PutAsync(Utf8("k"), Utf8("new"), soon, Cancellation);
        await group.AgreedAsync();
        states.Hold(group.DirectoryOf(name));
        try
        {
            var node = await group.StartAsync(name);
            var last = group.Primary.GetStatus().Last;
            await Eventually.HoldsAsync(() => node.Core.Progress.Durable.DistanceFrom(Protocol.Identities.Vlsn.Null) >= last, "everything in its log, and known to be durable");
            await Assert.ThrowsAsync<StaleReadException>(async () => await node.Default.GetAsync(Utf8("k"), ReadLevel.MaxLag(TimeSpan.FromSeconds(1)), Cancellation));
            states.LetGo();
            await Eventually.HoldsAsync(() => node.GetStatus().Lag < TimeSpan.FromSeconds(1), "as current as its primary");
            Assert.Equal("new", Text(await node.Default.GetAsync(Utf8("k"), ReadLevel.MaxLag(TimeSpan.FromSeconds(10)), Cancellation)));
        }
        finally
        {
            states.LetGo();
        }

        await group.AgreedAsync();
    }
}
