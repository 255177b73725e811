using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Rollbacks;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>Directories put back or copied by hand, with all that is in them: the ballot too. Row by row of the table of syncup.</summary>
public class OldDirectoryTests
{
    private static readonly CommitOptions Unacknowledged = new() { Durability = Durability.Full with { Acks = AckPolicy.None } };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, 6)]
    [InlineData(2, 11)]
    [InlineData(5, 10)]
    public async Task An_old_directory_put_back_while_the_group_went_on_is_treated_by_what_only_it_has(int alone, int row)
    {
        await using var group = await TestGroup.StartAsync(change: static options => Filling.Calm(options) with { RollbackLimit = 3 });
        var old = group.Primary;
        var name = old.Options.Name;
        await old.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        if (alone > 0) group.Links(name, link => link.Cut());
        for (var i = 0; i < alone; i++) await old.Default.PutAsync(Utf8($"alone{i}"), Utf8("v"), Unacknowledged, Cancellation);
        await group.StopAsync(name);
        CopyDirectory(group.DirectoryOf(name), group.DirectoryOf("old"));
        await group.SettledAsync();
        for (var i = 0; i < 10; i++) await group.Primary.Default.PutAsync(Utf8($"k{i}"), Utf8("v"), cancellation: Cancellation);
        Directory.Delete(group.DirectoryOf(name), recursive: true);
        CopyDirectory(group.DirectoryOf("old"), group.DirectoryOf(name));
        group.Links(name, link => link.Heal());
        var node = await group.StartAsync(name);
        if (row == 10)
        {
            await Eventually.HoldsAsync(() => node.State == NodeState.AwaitingOperator, "the rollback refused");
            Assert.Equal("v", Text(await node.Default.GetAsync(Utf8("alone4"), ReadLevel.Local, Cancellation)));
        }
        else
        {
            await group.AgreedAsync();
            Assert.Null(await node.Default.GetAsync(Utf8("alone0"), ReadLevel.Local, Cancellation));
        }

        using var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, group.DirectoryOf(name));
        var exports = RollbackStore.List(data);
        if (row == 6)
        {
            Assert.Empty(exports);
            return;
        }

        var export = Assert.Single(exports);
        Assert.Equal((row, row == 10 ? RollbackState.Refused : RollbackState.Undone), (export.Header.Row, export.State));
        Assert.Equal(Enumerable.Range(0, alone).Select(static i => $"alone{i}"), RollbackStore.Operations(data, export.Name).Select(static operation => Text(operation.Key)!));
    }

    [Fact]
    public async Task An_old_directory_that_the_log_no_longer_reaches_back_to_fetches_a_full_copy()
    {
        var parts = Matchpoint.Node.NodeParts.Real with { Log = new Storage.Log.LogOptions { SegmentBytes = 64 * 1024 } };
        await using var group = await TestGroup.StartAsync(parts: parts);
        await group.Primary.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        CopyDirectory(group.DirectoryOf(name), group.DirectoryOf("old"));
        await group.SettledAsync();
        var primary = group.Primary;
        await Task.WhenAll(Enumerable.Range(0, 400).Select(i => primary.Default.PutAsync(Utf8($"k{i}"), new byte[1000], cancellation: Cancellation).AsTask()));
        foreach (var other in group.Nodes)
        {
            await Eventually.HoldsAsync(() => other.Core.State.Applied.Vlsn >= primary.Core.Progress.Durable, "everything applied");
            other.Core.State.Flush();
            await Eventually.HoldsAsync(() => other.Core.Log.RemoveUpTo(other.Core.State.Flushed.Vlsn) > 0, "nobody reads the log's head any more, and it goes");
        }

        Directory.Delete(group.DirectoryOf(name), recursive: true);
        CopyDirectory(group.DirectoryOf("old"), group.DirectoryOf(name));
        var node = await group.StartAsync(name);
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part again");
        Assert.True(node.GetStatus().First > 1);
    }

    [Fact]
    public async Task Old_directories_on_two_of_three_machines_make_the_third_undo_nothing()
    {
        await using var group = await TestGroup.StartAsync();
        await group.Primary.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var names = group.Names.ToList();
        var keeper = group.Replicas[0].Options.Name;
        var others = names.Where(name => name != keeper).ToList();
        foreach (var name in names) await group.StopAsync(name);
        foreach (var name in others) CopyDirectory(group.DirectoryOf(name), group.DirectoryOf(name + ".old"));
        foreach (var name in names) await group.StartAsync(name);
        await group.SettledAsync();
        for (var i = 0; i < 10; i++) await group.Primary.Default.PutAsync(Utf8($"kept{i}"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        // Both at once, while the third runs on and cannot be reached.
        group.Links(keeper, link => link.Cut());
        foreach (var name in others) await group.StopAsync(name);
        foreach (var name in others)
        {
            Directory.Delete(group.DirectoryOf(name), recursive: true);
            CopyDirectory(group.DirectoryOf(name + ".old"), group.DirectoryOf(name));
            await group.StartAsync(name);
        }

        // A later term and more than the third has, so that they need not vote for it when it is back.
        var primary = await group.LaterReignAsync(than: group[keeper].GetStatus().Term, others);
        for (var i = 0; i < 40; i++) await primary.Default.PutAsync(Utf8($"other{i}"), Utf8("v"), cancellation: Cancellation);
        var third = group[keeper];
        var (last, durable) = (third.GetStatus().Last, third.GetStatus().Durable);
        group.Links(keeper, link => link.Heal());
        await Eventually.HoldsAsync(
            () => third.GetStatus() is { State: NodeState.AwaitingOperator } status && status.Step.Contains("broke its promise", StringComparison.Ordinal)
                && status.Warnings.Any(static warning => warning.Contains("Compare this node with the others", StringComparison.Ordinal)),
            () => $"the broken promise noticed, and a warning of it: {third.State} {third.GetStatus().Step}; {string.Join(" | ", third.GetStatus().Warnings)}");
        Assert.Equal((last, durable), (third.GetStatus().Last, third.GetStatus().Durable));
        for (var i = 0; i < 10; i++) Assert.Equal("v", Text(await third.Default.GetAsync(Utf8($"kept{i}"), ReadLevel.Local, Cancellation)));
        Assert.Null(await third.Default.GetAsync(Utf8("other0"), ReadLevel.Local, Cancellation));
    }

    [Fact]
    public async Task A_directory_copied_to_another_member_is_refused_by_all_and_counts_for_nothing()
    {
        await using var group = await TestGroup.StartAsync();
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var (original, clone) = (group.Replicas[0].Options.Name, group.Replicas[1].Options.Name);
        await group.StopAsync(original);
        await group.StopAsync(clone);
        Directory.Delete(group.DirectoryOf(clone), recursive: true);
        CopyDirectory(group.DirectoryOf(original), group.DirectoryOf(clone));
        await group.StartAsync(original);
        await group.SettledAsync();
        if (group.Primary == group[original])
        {
            // The clone is to meet a primary that is neither of the two.
            await group.Primary.TransferAsync(cancellation: Cancellation);
            await group.SettledAsync();
        }

        var primary = group.Primary;
        var node = await group.StartAsync(clone);
        await Eventually.HoldsAsync(
            () => node.GetStatus().Warnings.Concat(primary.GetStatus().Warnings).Any(static warning => warning.Contains("the directory of one was copied to the other", StringComparison.Ordinal)),
            () => "the clone refused, and why; " + string.Join(" | ", node.GetStatus().Warnings));
        Assert.NotEqual(NodeState.Following, node.State);
        Assert.False(primary.GetStatus().Members.Single(member => member.Name == clone).IsConnected);
        await group.Primary.Default.PutAsync(Utf8("k2"), Utf8("v"), cancellation: Cancellation);

        // With a directory of its own it is let in.
        await group.StopAsync(clone);
        Directory.Delete(group.DirectoryOf(clone), recursive: true);
        await group.StartAsync(clone);
        await group.AgreedAsync();
    }

    private static void CopyDirectory(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
