using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Storage.Verification;
using Matchpoint.Verification;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>Backups of running and stopped nodes, and what a node does that is restored from one.</summary>
public class RestoredNodeTests
{
    private static readonly CommitOptions Unacknowledged = new() { Durability = Durability.Full with { Acks = AckPolicy.None } };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_backup_taken_while_writes_go_on_holds_all_that_was_acknowledged_before_it_and_no_hole()
    {
        using var backups = new Backups();
        using var work = new Work();
        await using (var node = await MatchpointNode.OpenAsync(work.At("node"), Cancellation))
        {
            var acknowledged = 0;
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            var writing = Task.Run(async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    await node.Default.PutAsync(Utf8($"k{acknowledged:000000}"), new byte[2000], cancellation: Cancellation);
                    acknowledged++;
                }
            }, Cancellation);
            await Eventually.HoldsAsync(() => Volatile.Read(ref acknowledged) > 200, "writes");
            var told = new List<BackupProgress>();
            for (var round = 0; round < 3; round++)
            {
                var before = Volatile.Read(ref acknowledged);
                var taken = await node.BackupAsync(backups.Path, new Listener(told.Add), Cancellation);
                backups.PutBack(work.At("restored"), taken.Id);
                await using var restored = await MatchpointNode.OpenAsync(work.At("restored"), Cancellation);
                var keys = await restored.Default.ScanAsync(cancellation: Cancellation).Select(item => item.KeyText).ToListAsync(Cancellation);
                Assert.True(keys.Count >= before, $"{before} were acknowledged, {keys.Count} are there");
                Assert.Equal(Enumerable.Range(0, keys.Count).Select(i => $"k{i:000000}"), keys);
                Assert.Equal((taken.TotalBytes, taken.TotalBytes), (told[^1].Bytes, told[^1].TotalBytes));
                await restored.Default.PutAsync(Utf8("more"), Utf8("v"), cancellation: Cancellation); // It goes on from there.
            }

            await stop.CancelAsync();
            await writing;
        }

        MustBeSound(work.At("restored"));
    }

    [Fact]
    public async Task A_backup_that_meets_damage_is_none_and_the_node_knows_of_it()
    {
        using var backups = new Backups();
        using var work = new Work();
        await using var node = await MatchpointNode.OpenAsync(work.At("node"), Cancellation);
        await node.Default.PutAsync(Utf8("k"), new byte[1000], cancellation: Cancellation);
        var segment = Directory.GetFiles(Path.Combine(work.At("node"), "log"), "*.log").Order(StringComparer.Ordinal).Last();
        await using (var bytes = File.Open(segment, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            bytes.Position = 100;
            var value = bytes.ReadByte();
            bytes.Position = 100;
            bytes.WriteByte((byte)(value ^ 1));
        }

        var refused = await Assert.ThrowsAnyAsync<MatchpointException>(() => node.BackupAsync(backups.Path, cancellation: Cancellation));
        Assert.Contains(segment, refused.Message, StringComparison.Ordinal);
        Assert.Contains(node.GetStatus().Warnings, warning => warning.Contains(segment, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_backup_that_cannot_be_taken_says_why()
    {
        using var backups = new Backups();
        using var work = new Work();
        await using var node = await MatchpointNode.OpenAsync(work.At("node"), Cancellation);
        await node.Default.PutAsync(Utf8("k"), new byte[100_000], cancellation: Cancellation);
        var second = "";
        await node.BackupAsync(backups.Path, new Listener(_ =>
        {
            if (second.Length == 0) second = Assert.ThrowsAsync<MatchpointException>(() => node.BackupAsync(backups.Path, cancellation: Cancellation)).GetAwaiter().GetResult().Message;
        }), Cancellation);
        Assert.Contains("being taken already", second, StringComparison.Ordinal);
        var refused = await Assert.ThrowsAsync<MatchpointException>(() => node.BackupAsync(work.At("node"), cancellation: Cancellation));
        Assert.Contains("data directory of a node", refused.Message, StringComparison.Ordinal);
        await using var other = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = work.At("other"), Group = "other" }, Cancellation);
        Assert.Contains("backups of group", (await Assert.ThrowsAsync<MatchpointException>(() => other.BackupAsync(backups.Path, cancellation: Cancellation))).Message, StringComparison.Ordinal);
        Assert.Contains("in use by", Assert.Throws<DirectoryInUseException>(() => backups.OfStopped(work.At("node"))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node.BackupAsync(backups.Path, cancellation: new CancellationToken(canceled: true)));
        await node.BackupAsync(backups.Path, cancellation: Cancellation);
    }

    [Fact]
    public async Task A_member_restored_from_an_older_backup_catches_up_before_it_counts_and_nothing_acknowledged_is_lost()
    {
        using var backups = new Backups();
        await using var group = await TestGroup.StartAsync();
        for (var i = 0; i < 20; i++) await group.Primary.Default.PutAsync(Utf8($"a{i}"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var name = group.Replicas[0].Options.Name;
        await group[name].BackupAsync(backups.Path, cancellation: Cancellation);
        var late = group.Replicas.First(other => other.Options.Name != name).Options.Name;
        await group.StopAsync(late);
        for (var i = 0; i < 20; i++) await group.Primary.Default.PutAsync(Utf8($"b{i}"), Utf8("v"), cancellation: Cancellation);

        // With the primary away the restored one and the third are a majority in number only: neither has what was acknowledged after the backup.
        var primary = group.Primary.Options.Name;
        await group.StopAsync(primary);
        await group.StopAsync(name);
        backups.PutBack(group.DirectoryOf(name));
        var node = await group.StartAsync(name);
        var third = await group.StartAsync(late);
        await Eventually.HoldsAsync(() => node.GetStatus().Warnings.Any(static warning => warning.Contains("ballot", StringComparison.Ordinal)), "its ballot is missed");
        await Eventually.HoldsAsync(() => third.Core.Elections.LastRefusal?.Contains("has not caught up", StringComparison.Ordinal) == true, "the vote refused");
        Assert.DoesNotContain(group.Nodes, static other => other.IsPrimary);
        Assert.False(node.GetStatus().Counts);

        await group.StartAsync(primary);
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part again");
        foreach (var other in group.Nodes)
        {
            for (var i = 0; i < 20; i++) Assert.Equal("v", Text(await other.Default.GetAsync(Utf8($"b{i}"), ReadLevel.Linearizable, Cancellation)));
        }

        // It is a member like any other.
        await group.StopAsync(third.Options.Name);
        await group.SettledAsync();
        await group.Primary.Default.PutAsync(Utf8("after"), Utf8("v"), cancellation: Cancellation);
        await group.StartAsync(third.Options.Name);
        await group.AgreedAsync();
    }

    [Fact]
    public async Task What_only_the_backup_had_is_exported_when_its_group_went_on_without_it()
    {
        using var backups = new Backups();
        await using var group = await TestGroup.StartAsync();
        var old = group.Primary;
        var name = old.Options.Name;
        await old.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        group.Links(name, link => link.Cut());
        await old.Default.PutAsync(Utf8("alone"), Utf8("v"), Unacknowledged, Cancellation);
        await group.StopAsync(name);
        backups.OfStopped(group.DirectoryOf(name));
        await group.SettledAsync();
        for (var i = 0; i < 10; i++) await group.Primary.Default.PutAsync(Utf8($"k{i}"), Utf8("v"), cancellation: Cancellation);
        backups.PutBack(group.DirectoryOf(name));
        group.Links(name, link => link.Heal());
        var node = await group.StartAsync(name);
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part again");
        Assert.Null(await node.Default.GetAsync(Utf8("alone"), ReadLevel.Local, Cancellation));
        using var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, group.DirectoryOf(name));
        var export = Assert.Single(RollbackStore.List(data));
        Assert.Equal((RollbackState.Undone, 11, 1), (export.State, export.Header.Row, export.Header.Acknowledged));
        Assert.Equal(["alone"], RollbackStore.Operations(data, export.Name).Select(static operation => Text(operation.Key)!));
    }

    [Fact]
    public async Task When_everything_is_lost_but_backups_all_members_restored_begin_again_with_the_newest()
    {
        using var backups = new Backups();
        await using var group = await TestGroup.StartAsync();
        await group.Primary.Default.PutAsync(Utf8("first"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var older = await group.Replicas[0].BackupAsync(backups.Path, cancellation: Cancellation);
        await group.Primary.Default.PutAsync(Utf8("second"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var newer = await group.Replicas[0].BackupAsync(backups.Path, cancellation: Cancellation);
        await group.Primary.Default.PutAsync(Utf8("in no backup"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var names = group.Names.ToList();
        var survivor = names[2];
        foreach (var name in names) await group.StopAsync(name);
        Directory.Move(group.DirectoryOf(survivor), group.DirectoryOf("survivor"));
        foreach (var name in names) backups.PutBack(group.DirectoryOf(name), name == names[1] ? older.Id : newer.Id, beginsAgain: true);

        // Two of three might both be behind the third: they wait for it.
        await group.StartAsync(names[0]);
        await group.StartAsync(names[1]);
        await Eventually.HoldsAsync(() => group.Nodes.Any(node => node.State == NodeState.AwaitingMembers), "the third awaited");
        Assert.DoesNotContain(group.Nodes, static node => node.IsPrimary);
        await group.StartAsync(names[2]);
        await group.AgreedAsync();
        foreach (var node in group.Nodes)
        {
            Assert.Equal("v", Text(await node.Default.GetAsync(Utf8("second"), ReadLevel.Linearizable, Cancellation)));
            Assert.Null(await node.Default.GetAsync(Utf8("in no backup"), ReadLevel.Linearizable, Cancellation));
            await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part");
        }

        await group.Primary.Default.PutAsync(Utf8("new"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();

        // The old directory of one turns up after all: it neither takes the group over nor undoes what was durable.
        await group.StopAsync(survivor);
        await group.SettledAsync();
        Directory.Delete(group.DirectoryOf(survivor), recursive: true);
        Directory.Move(group.DirectoryOf("survivor"), group.DirectoryOf(survivor));
        var node2 = await group.StartAsync(survivor);
        await Eventually.HoldsAsync(
            () => node2.GetStatus() is { State: NodeState.AwaitingOperator } status && status.Step.Contains("broke its promise", StringComparison.Ordinal),
            () => $"two histories noticed: {node2.State} {node2.GetStatus().Step}");
        Assert.Equal("v", Text(await node2.Default.GetAsync(Utf8("in no backup"), ReadLevel.Local, Cancellation)));
        Assert.Equal("v", Text(await group.Primary.Default.GetAsync(Utf8("new"), ReadLevel.Linearizable, Cancellation)));
        Assert.NotEqual(survivor, group.Primary.Options.Name);
    }

    [Fact]
    public async Task One_member_that_begins_again_while_its_group_lives_follows_it_and_holds_up_no_election_for_ever()
    {
        using var backups = new Backups();
        await using var group = await TestGroup.StartAsync();
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("old"), cancellation: Cancellation);
        await group.AgreedAsync();
        var name = group.Replicas[0].Options.Name;
        await group[name].BackupAsync(backups.Path, cancellation: Cancellation);
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("new"), cancellation: Cancellation);
        await group.AgreedAsync();
        await group.StopAsync(name);
        backups.PutBack(group.DirectoryOf(name), beginsAgain: true);
        var node = await group.StartAsync(name);
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part again");
        await group.StopAsync(group.Primary.Options.Name);
        await group.SettledAsync();
        Assert.Equal("new", Text(await node.Default.GetAsync(Utf8("k"), ReadLevel.Linearizable, Cancellation)));
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("newer"), cancellation: Cancellation);
    }

    /// <summary>All that a stopped node keeps is sound, and its state is what its log amounts to.</summary>
    private static void MustBeSound(string path)
    {
        var scratch = path + ".scratch";
        var report = DirectoryVerifier.Verify(PhysicalFiles.Instance, path, (directory, view, state) => StateFold.Compare(directory, view, state, scratch, Cancellation), Cancellation);
        Assert.Empty(report.Damage);
        Assert.True(report.Applied.Value > 0);
        Assert.False(Directory.Exists(scratch));
    }

    private sealed class Listener(Action<BackupProgress> hear) : IProgress<BackupProgress>
    {
        public void Report(BackupProgress value) => hear(value);
    }

    private sealed class Work : IDisposable
    {
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("matchpoint-restored-");

        public string At(string name) => Path.Combine(_directory.FullName, name);

        public void Dispose() => _directory.Delete(recursive: true);
    }
}
