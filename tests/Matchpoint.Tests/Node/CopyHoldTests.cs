namespace Matchpoint.Tests.Node;

/// <summary>The log behind a full copy is kept until its member streams: a member joins with one copy, however much is written meanwhile.</summary>
public class CopyHoldTests
{
    private const int StateBytes = 6_000_000;
    private const int Rate = 3_000_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_member_joins_under_full_write_load_with_one_copy()
    {
        await using var group = await TestGroup.StartAsync(change: static options => Filling.Calm(options) with { CopyBytesPerSecond = Rate }, parts: Filling.Parts());
        var lost = group.Replicas[0].Options.Name;
        await group.StopAsync(lost);
        await Filling.WriteAsync(group.Primary, 0, StateBytes / 10_000, 10_000);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var load = Filling.LoadAsync(group.Primary, writers: 8, keys: 50, bytes: 4000, stop.Token);
        for (var round = 0; round < 2; round++)
        {
            await group.StopAsync(lost);
            Directory.Delete(group.DirectoryOf(lost), recursive: true);
            await Eventually.HoldsAsync(() => group.Primary.GetStatus().First > 1, "a log that does not reach back to the first record");
            var copies = 0;
            var (node, way) = await HangAsync(
                group, lost, (_, change) => Interlocked.Add(ref copies, change.From == NodeState.NeedsCopy && change.To != NodeState.NeedsCopy ? 1 : 0));
            // Without the hold the log's head would leave the copy behind.
            var began = group.Primary.Core.Log.Appended.End;
            await Eventually.HoldsAsync(() => group.Primary.Core.Log.Appended.End.DistanceFrom(began) > 4 * Filling.Small.BudgetBytes, "more is written than is kept without the hold");
            way.Heal();
            await Eventually.HoldsAsync(() => node.State == NodeState.Following && node.GetStatus().Counts, "the copy, and then the stream, under load");
            Assert.Equal(1, copies);
        }

        await stop.CancelAsync();
        await load;
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => Kept(group.Primary) <= Filling.Small.KeepBytes + (3 * 64 * 1024), "what was held is let go of");
    }

    [Fact]
    public async Task A_hold_that_takes_too_much_is_given_up_with_a_warning_and_the_member_begins_again()
    {
        var retention = Filling.Small with { HoldBytes = 0 }; // And as much as the state takes.
        await using var group = await TestGroup.StartAsync(change: static options => Filling.Calm(options) with { CopyBytesPerSecond = 500_000 }, parts: Filling.Parts(retention));
        var lost = group.Replicas[0].Options.Name;
        await group.StopAsync(lost);
        await Filling.WriteAsync(group.Primary, 0, StateBytes / 10_000, 10_000);
        Directory.Delete(group.DirectoryOf(lost), recursive: true);
        await Eventually.HoldsAsync(() => group.Primary.GetStatus().First > 1, "a log that does not reach back to the first record");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var load = Filling.LoadAsync(group.Primary, writers: 8, keys: 50, bytes: 4000, stop.Token);
        var (node, way) = await HangAsync(group, lost);
        await Eventually.HoldsAsync(() => Warned(group.Primary), "the hold was given up");
        await Eventually.HoldsAsync(() => node.GetStatus().Warnings.Any(static warning => warning.Contains("the primary gave up the log behind this copy", StringComparison.Ordinal)),
            "the member knows");
        way.Heal();
        Assert.Contains($"'{lost}'", group.Primary.GetStatus().Warnings.Single(static warning => warning.Contains("was given up", StringComparison.Ordinal)), StringComparison.Ordinal);
        await stop.CancelAsync();
        await load;
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => !Warned(group.Primary), "the warning is taken back");
    }

    /// <summary>Starts a member, and lets its copy stand still once it has begun: it takes as long as the writes beside it then, however slow the disk is.</summary>
    private static async Task<(MatchpointNode Node, TestLink Way)> HangAsync(TestGroup group, string lost, EventHandler<StateChange>? listen = null)
    {
        var begun = new TaskCompletionSource<TestLink>(TaskCreationOptions.RunContinuationsAsynchronously);
        var node = await group.StartAsync(lost, node =>
        {
            node.StateChanged += listen;
            node.CopyProgressed += (_, progress) =>
            {
                if (begun.Task.IsCompleted) return;
                var way = group.Link(lost, progress.Donor);
                way.Hang();
                begun.SetResult(way);
            };
        });
        return (node, await begun.Task.WaitAsync(Eventually.Patience, Cancellation));
    }

    private static bool Warned(MatchpointNode node) => node.GetStatus().Warnings.Any(static warning => warning.Contains("was given up", StringComparison.Ordinal));

    private static long Kept(MatchpointNode node)
    {
        using var view = node.Core.Log.View();
        return view.Segments.Sum(static segment => segment.Totals.Position.End.DistanceFrom(segment.Before.End));
    }
}
