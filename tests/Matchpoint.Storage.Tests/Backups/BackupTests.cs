using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Tests.Log;
using static Matchpoint.Storage.Tests.Backups.GrowingNode;

namespace Matchpoint.Storage.Tests.Backups;

/// <summary>Backups in a directory, what they share, and what is restored from them.</summary>
public class BackupTests
{
    [Fact]
    public void What_is_restored_is_what_was_backed_up_under_an_identity_of_its_own_and_without_a_ballot()
    {
        using var node = new GrowingNode().Grow(40);
        var files = new MemoryFiles();
        var (manifest, _) = node.BackUp(files, second: 1);
        node.Grow(5);
        Assert.Equal(("1970-01-01T00-00-01Z", Vlsn.Of(40)), (manifest.Id, manifest.Last));
        Restore(files);
        AssertHolds(files, 40);
        using var directory = DataDirectory.OpenReadOnly(files, New);
        Assert.Equal(TestLogs.Group, directory.Identity.Group);
        Assert.NotEqual(TestLogs.Identity.Node, directory.Identity.Node);
        Assert.Equal(Standing.BallotLost, BallotFile.Open(directory, hasRecords: true).Ballot.Standing);
        Assert.False(files.FileExists(Path.Combine(New, DataDirectory.UnfinishedName)));
    }

    [Fact]
    public void What_was_not_known_to_be_durable_in_a_stopped_node_is_in_its_backup_and_still_undecided()
    {
        using var node = new GrowingNode().Grow(12);
        var files = new MemoryFiles();
        node.BackUp(files, second: 1, durable: 9);
        Restore(files);
        AssertHolds(files, 12, durable: 9);
    }

    [Fact]
    public void A_second_backup_writes_what_is_new_and_both_can_be_restored()
    {
        using var node = new GrowingNode(valueBytes: 200_000).Grow(40);
        var files = new MemoryFiles();
        var (first, written) = node.BackUp(files, second: 1);
        Assert.True(written >= first.Offer.TotalBytes - 4096, $"{written} of {first.Offer.TotalBytes} written");
        var (_, again) = node.BackUp(files, second: 1);
        Assert.Equal(0, again);
        var (_, more) = node.Grow(1).BackUp(files, second: 2);
        Assert.InRange(more, 1, 1_000_000);
        using (var store = BackupStore.OpenReadOnly(files, To))
        {
            Assert.Equal(["1970-01-01T00-00-01Z", "1970-01-01T00-00-01Z.002", "1970-01-01T00-00-02Z"], store.Ids());
            Assert.Empty(BackupVerifier.Verify(store, CancellationToken.None).Damage);
        }

        Restore(files, first.Id, "/one");
        AssertHolds(files, 40, path: "/one");
        Restore(files, path: "/two");
        AssertHolds(files, 41, path: "/two");
    }

    [Fact]
    public void Old_backups_go_with_what_only_they_needed_and_the_one_just_taken_stays_whatever_the_clock_says()
    {
        using var node = new GrowingNode(valueBytes: 100_000).Grow(10);
        var files = new MemoryFiles();
        node.BackUp(files, second: 50);
        node.Grow(10).BackUp(files, second: 60);
        var (newest, _) = node.Grow(10).BackUp(files, second: 40, keep: 2);
        using (var store = BackupStore.OpenReadOnly(files, To))
        {
            Assert.Equal([newest.Id, "1970-01-01T00-01-00Z"], store.Ids());
            var report = BackupVerifier.Verify(store, CancellationToken.None);
            Assert.Empty(report.Damage);
            Assert.Empty(report.Notes); // Nothing is left that nobody needs.
        }

        Restore(files, newest.Id);
        AssertHolds(files, 30);
        Restore(files, "1970-01-01T00-01-00Z", "/other");
        AssertHolds(files, 20, path: "/other");
    }

    [Fact]
    public void A_damaged_chunk_is_named_not_restored_and_written_anew_by_the_next_backup()
    {
        using var node = new GrowingNode(valueBytes: 200_000).Grow(20);
        var files = new MemoryFiles();
        node.BackUp(files, second: 1);
        string path;
        using (var store = BackupStore.OpenReadOnly(files, To))
        {
            path = store.Shelf.PathOf(store.Find(null).Offer.Files[0].Chunks[1]);
            Flip(files, path, 1000);
            var report = BackupVerifier.Verify(store, CancellationToken.None);
            var damage = Assert.IsType<DamageException>(Assert.Single(report.Damage));
            Assert.Equal((path, 1), (damage.File, Assert.Single(report.Backups).Damaged));
            Assert.Contains("chunk 1 of log/", damage.What, StringComparison.Ordinal);
            Assert.Contains(Path.GetFileName(path), damage.Expected, StringComparison.Ordinal);
        }

        Assert.Equal(path, Assert.Throws<DamageException>(() => Restore(files)).File);
        Assert.False(DataDirectory.Exists(files, New));
        Assert.Contains("was not finished", Assert.Throws<ForeignException>(() => TestLogs.Open(files, root: New)).Message, StringComparison.Ordinal);
        files.Delete(path);
        Assert.Contains("no such file", Assert.Throws<DamageException>(() => Restore(files)).Found, StringComparison.Ordinal);
        node.BackUp(files, second: 2);
        Restore(files, "1970-01-01T00-00-01Z"); // What the unfinished one left is in nobody's way.
        AssertHolds(files, 20);
    }

    [Fact]
    public void A_garbled_or_newer_manifest_is_told_and_the_other_backups_can_be_restored()
    {
        using var node = new GrowingNode().Grow(10);
        var files = new MemoryFiles();
        var (first, _) = node.BackUp(files, second: 1);
        var (second, _) = node.Grow(1).BackUp(files, second: 2);
        using var store = BackupStore.OpenReadOnly(files, To);
        var length = Length(files, store.ManifestOf(second.Id));
        for (var at = 0; at < length; at++)
        {
            Flip(files, store.ManifestOf(second.Id), at);
            Assert.Throws<DamageException>(() => store.Find(null));
            Flip(files, store.ManifestOf(second.Id), at);
        }

        Assert.Equal(Vlsn.Of(11), store.Find(null).Last);
        Flip(files, store.ManifestOf(second.Id), 70);
        var report = BackupVerifier.Verify(store, CancellationToken.None);
        Assert.Equal(store.ManifestOf(second.Id), Assert.IsType<DamageException>(Assert.Single(report.Damage)).File);
        Restore(files, first.Id);
        AssertHolds(files, 10);
        // Which chunks it needs is not known: none is removed.
        var refused = Assert.Throws<DamageException>(() => node.BackUp(files, second: 3, keep: 2));
        Assert.Equal(store.ManifestOf(second.Id), refused.File);
        Assert.Equal(3, store.Ids().Count);
        files.Delete(store.ManifestOf(second.Id));
        Assert.Contains($"there is no backup {second.Id}", Assert.Throws<StorageException>(() => store.Find(second.Id)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_format_that_is_newer_is_named()
    {
        using var node = new GrowingNode().Grow(3);
        var files = new MemoryFiles();
        var (manifest, _) = node.BackUp(files, second: 1);
        string path;
        using (var store = BackupStore.OpenReadOnly(files, To)) path = store.ManifestOf(manifest.Id);
        Rewrite(files, path, bytes =>
        {
            bytes[8] = 9;
            bytes.AsSpan(12, 16).Clear();
            var digest = ChunkDigest.Of(bytes).Value;
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(12), (ulong)(digest >> 64));
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(20), (ulong)digest);
        });
        Assert.Contains("has format 9; this build knows format 1", Assert.Throws<ForeignException>(() => Restore(files)).Message, StringComparison.Ordinal);
        Rewrite(files, To + "/store", bytes =>
        {
            bytes[8] = 9;
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), Protocol.Crc32C.AroundItself(bytes));
        });
        Assert.Contains("have format 9; this build knows format 1", Assert.Throws<ForeignException>(() => Restore(files)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_groups_backups_another_programs_files_and_a_nodes_directory_are_left_alone()
    {
        using var node = new GrowingNode().Grow(3);
        var files = new MemoryFiles();
        node.BackUp(files, second: 1);
        Assert.Contains("these are backups of group", Assert.Throws<ForeignException>(() => node.BackUp(files, second: 2, group: GroupId.FromName("other"))).Message, StringComparison.Ordinal);

        var strange = new MemoryFiles();
        strange.CreateDirectory(To);
        strange.Open(To + "/letter.txt", FileOpening.CreateNew).Dispose();
        Assert.Contains("letter.txt", Assert.Throws<ForeignException>(() => node.BackUp(strange, second: 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ForeignException>(() => BackupStore.OpenReadOnly(strange, To));
        Assert.Throws<StorageException>(() => BackupStore.OpenReadOnly(strange, "/nowhere"));

        var data = new MemoryFiles();
        TestLogs.Open(data, root: To).Dispose();
        Assert.Contains("data directory of a node", Assert.Throws<ForeignException>(() => node.BackUp(data, second: 1)).Message, StringComparison.Ordinal);

        Restore(files);
        Assert.Contains("already", Assert.Throws<RestoreRefusedException>(() => Restore(files)).Message, StringComparison.Ordinal);
        files.CreateDirectory("/full");
        files.Open("/full/letter.txt", FileOpening.CreateNew).Dispose();
        Assert.Contains("letter.txt", Assert.Throws<RestoreRefusedException>(() => Restore(files, path: "/full")).Message, StringComparison.Ordinal);
        AssertHolds(files, 3);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(100)]
    [InlineData(150)]
    public void A_record_that_is_damaged_in_the_node_is_named_and_no_backup_is_made_of_it(int at)
    {
        using var node = new GrowingNode().Grow(20);
        var name = "/node/log/" + node.Disk.ListFiles("/node/log").Where(static name => SegmentHeader.TryParseName(name, out _)).Last();
        var files = new MemoryFiles();
        Flip(node.Disk, name, at);
        var damage = Assert.Throws<DamageException>(() => node.BackUp(files, second: 1));
        Assert.Equal(name, damage.File);
        Flip(node.Disk, name, at);
        node.BackUp(files, second: 2);
        using var store = BackupStore.OpenReadOnly(files, To);
        Assert.Single(store.Ids());
    }

    [Fact]
    public void A_full_disk_and_one_that_takes_no_changes_fail_clearly_and_earlier_backups_stay()
    {
        using var node = new GrowingNode(valueBytes: 100_000).Grow(10);
        var files = new FaultyFiles(new Random(1));
        node.BackUp(files, second: 1);
        node.Grow(20);
        files.Faults.Capacity = 2_000_000;
        Assert.True(Assert.Throws<DiskException>(() => node.BackUp(files, second: 2)).IsFull);
        Assert.True(Assert.Throws<DiskException>(() => Restore(files)).IsFull);
        Assert.False(DataDirectory.Exists(files, New));
        files.Faults.Capacity = long.MaxValue;
        files.Faults.ReadOnly = true;
        Assert.ThrowsAny<IOException>(() => node.BackUp(files, second: 2));
        Assert.ThrowsAny<IOException>(() => Restore(files, path: "/elsewhere"));
        files.Faults.ReadOnly = false;
        using (var store = BackupStore.OpenReadOnly(files, To)) Assert.Single(store.Ids());
        Restore(files);
        AssertHolds(files, 10);
        Assert.Equal(Vlsn.Of(30), node.BackUp(files, second: 2).Manifest.Last);
    }

    [Fact]
    public void Whoever_begins_again_elects_with_all_others_and_votes_in_no_term_that_was_reached_meanwhile()
    {
        using var node = new GrowingNode().Grow(3);
        var files = new MemoryFiles();
        node.BackUp(files, second: 1);
        Restore(files, beginsAgain: true);
        using var directory = DataDirectory.OpenReadOnly(files, New);
        var (ballot, unflushed) = BallotFile.Read(files, directory.BallotPath);
        Assert.Equal((Standing.Rebooted, new Term(1), null, null), (ballot.Standing, ballot.Term, ballot.VotedFor, unflushed));
        Assert.True(ballot.NoVoteUpTo.Value >= 1_000_000);
    }

    private static int Length(MemoryFiles files, string path)
    {
        using var file = files.Open(path, FileOpening.Read);
        return (int)file.Length;
    }

    private static void Flip(MemoryFiles files, string path, int at) => Rewrite(files, path, bytes => bytes[at] ^= 4);

    private static void Rewrite(MemoryFiles files, string path, Action<byte[]> change)
    {
        using var file = files.Open(path, FileOpening.ReadWrite);
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        change(bytes);
        file.Write(0, bytes);
    }
}
