using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Tests.Log;
using static Matchpoint.Storage.Tests.Backups.GrowingNode;

namespace Matchpoint.Storage.Tests.Backups;

/// <summary>Whatever ends a backup or a restore, at any point: earlier backups stay whole, and nothing unfinished is taken for something.</summary>
public class BackupCrashTests
{
    private const string First = "1970-01-01T00-00-01Z";
    private const string Second = "1970-01-01T00-00-02Z";

    [Fact]
    public void After_a_crash_at_any_effect_of_a_backup_every_backup_that_is_there_can_be_restored()
    {
        using var node = new GrowingNode().Grow(8);
        var old = new MemoryFiles();
        node.BackUp(old, second: 1);
        node.Grow(4);
        AtEveryEffect(old, files => node.BackUp(files, second: 2), left =>
        {
            using var store = BackupStore.OpenReadOnly(left, To);
            var ids = store.Ids();
            Assert.True(ids is [First] or [First, Second], string.Join(", ", ids));
            Assert.Empty(BackupVerifier.Verify(store, CancellationToken.None).Damage);
            foreach (var id in ids)
            {
                Restore(left, id, "/restored-" + id);
                AssertHolds(left, id == First ? 8 : 12, path: "/restored-" + id);
            }
        });
    }

    [Fact]
    public void After_a_crash_while_old_backups_are_removed_those_that_are_there_are_whole()
    {
        using var node = new GrowingNode().Grow(8);
        var old = new MemoryFiles();
        node.BackUp(old, second: 1);
        node.Grow(4);
        AtEveryEffect(old, files => node.BackUp(files, second: 2, keep: 1), left =>
        {
            using var store = BackupStore.OpenReadOnly(left, To);
            Assert.NotEmpty(store.Ids());
            Assert.Empty(BackupVerifier.Verify(store, CancellationToken.None).Damage);
        });
    }

    [Fact]
    public void After_a_crash_at_any_effect_of_the_first_backup_the_next_one_succeeds()
    {
        using var node = new GrowingNode().Grow(5);
        AtEveryEffect(new MemoryFiles(), files => node.BackUp(files, second: 1), left =>
        {
            node.BackUp(left, second: 2);
            Restore(left, Second);
            AssertHolds(left, 5);
        });
    }

    [Fact]
    public void After_a_crash_at_any_effect_of_a_restore_there_is_no_node_or_a_whole_one()
    {
        using var node = new GrowingNode().Grow(8);
        var old = new MemoryFiles();
        node.BackUp(old, second: 1);
        AtEveryEffect(old, files => Restore(files), left =>
        {
            if (!DataDirectory.Exists(left, New))
            {
                if (left.DirectoryExists(New) && left.FileExists(Path.Combine(New, DataDirectory.UnfinishedName))) Assert.Throws<ForeignException>(() => TestLogs.Open(left, root: New));
                Restore(left);
            }

            AssertHolds(left, 8);
        });
    }

    [Theory]
    [InlineData("/backups", 1)]
    [InlineData("/backups", 2)]
    [InlineData("/backups/backups", 1)]
    [InlineData("/backups/chunks/??", 1)]
    [InlineData("/backups/chunks/??", 2)]
    [InlineData("/backups/chunks", 1)]
    public void A_backup_that_was_tried_again_after_a_failed_flush_of_names_survives_a_power_cut(string directory, int nth)
    {
        using var node = new GrowingNode().Grow(8);
        var files = new FaultyFiles(new Random(1));
        files.Faults.FailFlush(directory, nth);
        Assert.ThrowsAny<IOException>(() => node.BackUp(files, second: 1));
        var restarted = files.AfterKill();
        node.BackUp(restarted, second: 2, keep: 2);
        var left = restarted.PowerCut().Nothing;
        using var store = BackupStore.OpenReadOnly(left, To);
        Assert.Empty(BackupVerifier.Verify(store, CancellationToken.None).Damage);
        Restore(left, Second);
        AssertHolds(left, 8);
    }

    [Fact]
    public void A_backup_whose_removal_a_failed_flush_left_in_the_cache_does_not_come_back_without_its_chunks()
    {
        using var node = new GrowingNode().Grow(8);
        for (var nth = 1; nth <= 3; nth++)
        {
            var files = new FaultyFiles(new Random(1));
            node.BackUp(files, second: 1);
            files.Faults.FailFlush("/backups/backups", nth);
            try
            {
                node.BackUp(files, second: 2, keep: 1);
            }
            catch (IOException)
            {
                // As wanted.
            }

            var restarted = files.AfterKill();
            restarted.Faults.Clear();
            node.BackUp(restarted, second: 3, keep: 1);
            var left = restarted.PowerCut().Nothing;
            using var store = BackupStore.OpenReadOnly(left, To);
            Assert.Equal("1970-01-01T00-00-03Z", Assert.Single(store.Ids()));
            Assert.Empty(BackupVerifier.Verify(store, CancellationToken.None).Damage);
        }
    }

    [Fact]
    public void A_backup_that_is_kept_is_there_after_a_power_cut_although_the_flush_that_made_it_failed()
    {
        using var node = new GrowingNode().Grow(4);
        var files = new FaultyFiles(new Random(1));
        node.BackUp(files, second: 1);
        files.Faults.FailFlush("/backups/backups");
        Assert.ThrowsAny<IOException>(() => node.BackUp(files, second: 2));
        var restarted = files.AfterKill();
        node.BackUp(restarted, second: 3, keep: 2);
        using var store = BackupStore.OpenReadOnly(restarted.PowerCut().Nothing, To);
        Assert.Equal([Second, "1970-01-01T00-00-03Z"], store.Ids());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_restore_that_was_tried_again_after_a_failed_flush_of_names_survives_a_power_cut(int nth)
    {
        using var node = new GrowingNode().Grow(8);
        var old = new MemoryFiles();
        node.BackUp(old, second: 1);
        var files = new FaultyFiles(new Random(1), old);
        files.Faults.FailFlush("/new", nth);
        Assert.ThrowsAny<IOException>(() => Restore(files));
        var restarted = files.AfterKill();
        // Where only the last step had failed, the node is there already, and is opened.
        if (DataDirectory.Exists(restarted, New)) TestLogs.Open(restarted, root: New).Dispose();
        else Restore(restarted);
        AssertHolds(restarted.PowerCut().Nothing, 8);
    }

    /// <summary>Crashes before and within every effect of an action, and looks at what a power cut leaves.</summary>
    private static void AtEveryEffect(MemoryFiles old, Action<FaultyFiles> act, Action<MemoryFiles> look)
    {
        var whole = new FaultyFiles(new Random(1), old);
        act(whole);
        Assert.InRange(whole.Effects, 10, 400);
        for (var at = 1; at <= whole.Effects; at++)
        {
            foreach (var within in new[] { false, true })
            {
                var files = new FaultyFiles(new Random(at), old);
                if (within) files.CrashWithin(at);
                else files.CrashBefore(at);
                try
                {
                    act(files);
                }
                catch (SimulatedCrashException)
                {
                    // As wanted.
                }

                var cut = files.PowerCut();
                foreach (var left in new[] { cut.Nothing, cut.Everything, cut.Sample(new Random(at)), cut.Sample(new Random(-at)) }) look(left);
            }
        }
    }
}
