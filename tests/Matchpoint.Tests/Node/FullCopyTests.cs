using Matchpoint.Node;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>A node that the log of its group no longer reaches back to gets a full copy by itself.</summary>
public class FullCopyTests
{
    private static readonly NodeParts SmallSegments = NodeParts.Real with { Log = new LogOptions { SegmentBytes = 64 * 1024 } };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_node_that_lost_its_disk_gets_a_full_copy_and_counts_again()
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        var lost = group.Replicas[0].Options.Name;
        await group.StopAsync(lost);
        await FillAndTrimAsync(group, 0, 400);
        Directory.Delete(group.DirectoryOf(lost), recursive: true);
        var states = new List<StateChange>();
        var node = await group.StartAsync(lost, node => node.StateChanged += (_, change) =>
        {
            lock (states) states.Add(change);
        });
        await Eventually.HoldsAsync(() => node.State == NodeState.Following, "the copy, and then the stream");
        await group.AgreedAsync();
        Assert.True(FirstOf(node) > 1);
        Assert.Equal("v399", Text(await node.Default.GetAsync(Utf8("k399"), cancellation: Cancellation))?[..4]);
        await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part again");
        Assert.Null(node.GetStatus().Copy);
        Assert.DoesNotContain(node.GetStatus().Warnings, static warning => warning.Contains("copy", StringComparison.Ordinal));
        lock (states)
        {
            Assert.Contains(states, static change => change.From == NodeState.NeedsCopy);
            Assert.DoesNotContain(states, static change => change.To == NodeState.Closed);
        }

        await Eventually.HoldsAsync(() => group.Nodes.All(other => !Directory.Exists(SnapshotsOf(group, other)) || Directory.GetFileSystemEntries(SnapshotsOf(group, other)).Length == 0),
            "the picture that was copied is gone");

        // It is a member like any other: the group lives on with it alone beside one.
        var away = group.Nodes.First(other => other != node && !other.IsPrimary).Options.Name;
        await group.StopAsync(away);
        await group.Primary.Default.PutAsync(Utf8("after"), Utf8("v"), cancellation: Cancellation);
        await group.StartAsync(away);
        await group.AgreedAsync();
        await group.StopAsync(lost);
        await group.StartAsync(lost);
        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_node_that_fell_off_the_log_gets_a_full_copy_and_what_it_alone_has_is_exported()
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        var late = group.Primary;
        var name = late.Options.Name;
        await late.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        group.Links(name, link => link.Cut());
        await late.Default.PutAsync(Utf8("alone"), Utf8("v"), new CommitOptions { Durability = Durability.Full with { Acks = AckPolicy.None } }, Cancellation);
        await group.StopAsync(name);
        await group.SettledAsync();
        await FillAndTrimAsync(group, 0, 400);
        group.Links(name, link => link.Heal());
        var node = await group.StartAsync(name);
        await Eventually.HoldsAsync(() => node.State == NodeState.Following, "the copy, and then the stream");
        await group.AgreedAsync();
        Assert.Null(await node.Default.GetAsync(Utf8("alone"), ReadLevel.Local, Cancellation));
        Assert.Equal("v", Text(await node.Default.GetAsync(Utf8("shared"), cancellation: Cancellation)));
        using var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, group.DirectoryOf(name));
        var export = Assert.Single(RollbackStore.List(data));
        Assert.Equal(RollbackState.Undone, export.State);
        Assert.Contains("alone", RollbackStore.Operations(data, export.Name).Select(static operation => Text(operation.Key)));
    }

    [Fact]
    public async Task A_copy_goes_on_where_it_was_when_the_node_or_the_donor_was_closed()
    {
        const int rate = 2_000_000;
        await using var group = await TestGroup.StartAsync(change: static options => options with { CopyBytesPerSecond = rate }, parts: SmallSegments);
        var lost = group.Replicas[0].Options.Name;
        await group.StopAsync(lost);
        await FillAndTrimAsync(group, 0, 400, valueBytes: 10_000);
        Directory.Delete(group.DirectoryOf(lost), recursive: true);
        var (donor, had) = ("", 0L);
        foreach (var part in new[] { 0.25, 0.5 })
        {
            if (donor.Length > 0)
            {
                await group.StopAsync(lost);
                group.Link(lost, donor).Heal();
            }

            var reached = new TaskCompletionSource<CopyProgress>(TaskCreationOptions.RunContinuationsAsynchronously);
            var node = await group.StartAsync(lost, node => node.CopyProgressed += (_, progress) =>
            {
                // In the copy's own turn: however late the rest of this test has its own, no more comes.
                if (progress.Bytes <= progress.TotalBytes * part || reached.Task.IsCompleted) return;
                group.Link(lost, progress.Donor).Hang();
                reached.SetResult(progress);
            });
            var progress = await reached.Task.WaitAsync(Eventually.Patience, Cancellation);
            Assert.Contains("copying from", node.GetStatus().Step, StringComparison.Ordinal);
            (donor, had) = (progress.Donor, progress.Bytes);
        }

        Assert.True(had > 1_000_000);
        group.Links(donor, link => link.Cut());
        var least = long.MaxValue;
        group[lost].CopyProgressed += (_, progress) => least = Math.Min(least, progress.Bytes);
        group.Links(donor, link => link.Heal());
        await Eventually.HoldsAsync(() => group[lost].State == NodeState.Following, "the copy, and then the stream");
        await group.AgreedAsync();
        Assert.InRange(least, had / 2, long.MaxValue - 1); // What was there is there, and the rest came.
    }

    /// <summary>Copies take turns in two directories: what was set aside when one of them was in use must not be in the way of the next but one.</summary>
    [Fact]
    public async Task A_node_whose_state_is_damaged_again_and_again_gets_a_full_copy_each_time_and_keeps_what_was_there()
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        var name = group.Replicas[0].Options.Name;
        await FillAndTrimAsync(group, 0, 400);
        for (var times = 1; times <= 4; times++)
        {
            await group.StopAsync(name);
            string state;
            using (var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, group.DirectoryOf(name))) state = directory.StatePath;
            var data = Directory.GetFiles(state, "*.sst").Select(Path.GetFileName).ToHashSet(StringComparer.Ordinal);
            Assert.NotEmpty(data);
            if (times % 2 == 0) await File.WriteAllTextAsync(Path.Combine(state, "CURRENT"), "damaged", Cancellation);
            else File.Delete(times == 1 ? Directory.GetFiles(state, "MANIFEST-*").Single() : Path.Combine(state, "CURRENT")); // A part that is gone is damage like any other.
            var node = await group.StartAsync(name);
            await Eventually.HoldsAsync(() => node.State == NodeState.Following && node.GetStatus().Counts, $"copy {times}, and then the stream");
            await group.AgreedAsync();
            Assert.Equal(times, Directory.GetDirectories(group.DirectoryOf(name), "state.unusable-*").Length);
            Assert.ProperSubset(Directory.GetFiles(Path.Combine(group.DirectoryOf(name), $"state.unusable-{times}")).Select(Path.GetFileName).ToHashSet(StringComparer.Ordinal), data);
        }
    }

    /// <summary>A chunk takes longer here than a primary waits for a majority: two of three get over that only when who fetches a copy counts as there.</summary>
    [Fact]
    public async Task A_primary_that_only_a_member_without_its_log_can_hear_goes_on_until_that_has_its_copy()
    {
        const int rate = 100_000;
        await using var group = await TestGroup.StartAsync(change: static options => options with { CopyBytesPerSecond = rate }, parts: SmallSegments);
        var late = group.Replicas[0].Options.Name;
        await group.StopAsync(late);
        await FillAndTrimAsync(group, 0, 400, valueBytes: 4000);
        var primary = group.Primary;
        await group.StopAsync(group.Replicas[0].Options.Name);
        var node = await group.StartAsync(late);
        await Eventually.HoldsAsync(() => node.State == NodeState.NeedsCopy && primary.IsPrimary, "one leads, the other asks for a copy");
        var term = primary.GetStatus().Term;
        await Eventually.HoldsAsync(() => node.GetStatus().Copy is { } copy && copy.Bytes > copy.TotalBytes / 3, "a part of the copy");
        Assert.Equal((true, term), (primary.IsPrimary, primary.GetStatus().Term));
        await Eventually.HoldsAsync(() => node.State == NodeState.Following, "the copy, and then the stream");
        await primary.Default.PutAsync(Utf8("after"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
    }

    private static string SnapshotsOf(TestGroup group, MatchpointNode node) => Path.Combine(group.DirectoryOf(node.Options.Name), "snapshots");

    /// <summary>Bytes that no compression makes shorter.</summary>
    private static byte[] Value(int number, int bytes)
    {
        var value = new byte[bytes];
        new Random(number).NextBytes(value);
        Utf8($"v{number}").CopyTo(value, 0);
        return value;
    }

    private static long FirstOf(MatchpointNode node) => node.GetStatus().First;

    /// <summary>Writes, and has all running nodes forget the log that their states no longer need.</summary>
    private static async Task FillAndTrimAsync(TestGroup group, int from, int count, int valueBytes = 1000)
    {
        await group.SettledAsync();
        var primary = group.Primary;
        await Task.WhenAll(Enumerable.Range(from, count).Select(i => primary.Default.PutAsync(Utf8($"k{i}"), Value(i, valueBytes), cancellation: Cancellation).AsTask()));
        await group.AgreedAsync();
        foreach (var node in group.Nodes)
        {
            await Eventually.HoldsAsync(() => node.Core.State.Applied.Vlsn >= primary.Core.Progress.Durable, "everything applied");
            node.Core.State.Flush();
            await Eventually.HoldsAsync(() => node.Core.Log.RemoveUpTo(node.Core.State.Flushed.Vlsn) > 0, "nobody reads the log's head any more, and it goes");
            Assert.True(FirstOf(node) > 1);
        }
    }
}
