using System.Buffers.Binary;
using Matchpoint.Node;
using Matchpoint.Storage;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.State;
using Matchpoint.Storage.Verification;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>A state that is damaged where the log no longer reaches back to its beginning: it is all there is, and stays as it was found.</summary>
public sealed class DamagedStateTests : IDisposable
{
    private const int Keys = 150;

    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-damaged-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string State => Path.Combine(_directory, "state");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Without_the_file_that_names_its_newest_version_it_is_refused_each_time_and_keeps_its_data()
    {
        var before = await FillAsync();
        var current = Path.Combine(State, "CURRENT");
        var bytes = await File.ReadAllBytesAsync(current, Cancellation);
        File.Delete(current);
        for (var times = 1; times <= 3; times++)
        {
            var error = await Assert.ThrowsAsync<MatchpointException>(OpenAsync);
            Assert.Contains($"{State} at byte 0: ", error.Message, StringComparison.Ordinal);
            Assert.Contains("CURRENT", error.Message, StringComparison.Ordinal);
            Assert.Equal(before, Data());
        }

        Assert.ThrowsAny<StorageException>(Reset);
        Assert.Equal(before, Data());
        await File.WriteAllBytesAsync(current, bytes, Cancellation);
        await HoldsAllAsync();
    }

    /// <summary>RocksDB takes a record that seems to go on behind the end of the file for one that was being written, and begins with the version before it.</summary>
    [Fact]
    public async Task With_an_older_version_of_itself_than_the_log_needs_it_is_refused_and_keeps_its_data()
    {
        var before = await FillAsync();
        var manifest = Directory.GetFiles(State, "MANIFEST-*").Single();
        var at = LengthsOfFlushes(await File.ReadAllBytesAsync(manifest, Cancellation))[1] + 1;
        Flip(manifest, at);
        for (var times = 1; times <= 2; times++)
        {
            var error = await Assert.ThrowsAsync<MatchpointException>(OpenAsync);
            Assert.Contains("the log begins at", error.Message, StringComparison.Ordinal);
            Assert.Equal(before, Data());
        }

        Assert.ThrowsAny<StorageException>(Reset);
        Assert.Equal(before, Data());
        Flip(manifest, at);
        await HoldsAllAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Without_the_data_before_its_log_there_is_no_backup_and_no_sound_directory(bool isMadeAnew)
    {
        await FillAsync();
        Directory.Delete(State, recursive: true);
        if (isMadeAnew) new RocksStateStore(new RocksStateOptions()).Open(State).Dispose();
        using var backups = new Backups();
        var error = Assert.Throws<DamageException>(() => backups.OfStopped(_directory));
        Assert.Equal(State, error.File);
        Assert.Contains("no record", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(backups.Path), "nothing was written that looks like a backup");
        Assert.Equal(isMadeAnew, Directory.Exists(State));
        var report = DirectoryVerifier.Verify(PhysicalFiles.Instance, _directory, deeper: null, Cancellation);
        Assert.Equal(State, Assert.IsType<DamageException>(Assert.Single(report.Damage)).File);
        Assert.ThrowsAny<StorageException>(Reset);
        await Assert.ThrowsAsync<MatchpointException>(OpenAsync);
    }

    [Fact]
    public async Task What_a_reset_would_do_is_told_without_a_change_of_the_state()
    {
        await FillAsync();
        var before = Directory.GetFiles(State).Where(static path => !Path.GetFileName(path).StartsWith("LOG", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        Reset();
        Assert.Equal(before, Directory.GetFiles(State).Where(static path => !Path.GetFileName(path).StartsWith("LOG", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    /// <summary>A walk that somebody has begun and left keeps the damaged state open: until it goes on, or is given up, the new one cannot be opened in its place.</summary>
    [Fact]
    public async Task What_is_damaged_is_set_aside_once_however_often_the_mending_is_tried()
    {
        await using var group = await StartAsync();
        for (var i = 0; i < 10; i++) await group.Primary.Default.PutAsync(Utf8($"k{i}"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var node = group.Replicas[0];
        var directory = group.DirectoryOf(node.Options.Name);
        await using (var scan = node.Default.ScanAsync(cancellation: Cancellation).GetAsyncEnumerator(Cancellation))
        {
            Assert.True(await scan.MoveNextAsync());
            node.Core.Fail(new DamageException(node.Core.Log.Directory.StatePath, 0, "the state cannot be read", "a sound RocksDB database", "Corruption", ""));
            await Eventually.HoldsAsync(
                () => Directory.Exists(Path.Combine(directory, "state")) && Directory.GetFiles(Path.Combine(directory, "state"), "LOG*").Length >= 2
                    || Directory.GetDirectories(directory, "state.unusable-*").Length > 1,
                "opened in vain twice: each time writes one");
            Assert.Single(Directory.GetDirectories(directory, "state.unusable-*"));
        }

        await Eventually.HoldsAsync(() => node.State == NodeState.Following, "the node is mended and follows again");
        await group.AgreedAsync();
        // The old one, when it was closed at last, may have written where the new one was to lie: that is kept too.
        Assert.InRange(Directory.GetDirectories(directory, "state.unusable-*").Length, 1, 2);
    }

    /// <summary>Where RocksDB's log of versions says the lengths of the records that name a new file of data each. It is shorter than a block here.</summary>
    private static List<int> LengthsOfFlushes(byte[] manifest)
    {
        const int headerBytes = 7;
        const int lengthAt = 4;
        var lengths = new List<int>();
        for (int at = 0, bytes; at + headerBytes < manifest.Length; at += headerBytes + bytes)
        {
            bytes = BinaryPrimitives.ReadUInt16LittleEndian(manifest.AsSpan(at + lengthAt));
            if (manifest.AsSpan(at + headerBytes, bytes).IndexOf("position"u8) >= 0) lengths.Add(at + lengthAt);
        }

        return lengths;
    }

    private static void Flip(string path, int at)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[at] ^= 0x40;
        File.WriteAllBytes(path, bytes);
    }

    private void Reset() => GroupReset.Look(PhysicalFiles.Instance, _directory, "node");

    private Task<MatchpointNode> OpenAsync() =>
        MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory }, Filling.Parts() with { StateFlushBytes = 250 * 1024 }, Cancellation);

    /// <summary>Writes until the log has let go of what the state's first file holds. The state has three files then, too few to be merged.</summary>
    private async Task<IReadOnlyList<string>> FillAsync()
    {
        await using (var node = await OpenAsync())
        {
            List<long> flushed = [];
            for (var i = 0; i < Keys; i++)
            {
                await node.Default.PutAsync(Utf8($"k{i}"), Filling.Value(i, 4000), cancellation: Cancellation);
                if ((i + 1) % 70 != 0) continue;
                await Eventually.HoldsAsync(() => node.Core.State.Applied.Vlsn >= node.Core.Progress.Durable, "everything applied");
                flushed.Add(node.Core.State.Flushed.Vlsn.Value);
            }

            await Eventually.HoldsAsync(() => node.GetStatus().First > flushed[0] + 1, () => $"the log begins behind the state's first file, which ends at {flushed[0]}: {node.GetStatus().First}");
        }

        var data = Data();
        Assert.Equal(3, data.Count);
        return data;
    }

    /// <summary>The data that is there, wherever it was put.</summary>
    private IReadOnlyList<string> Data() =>
        [.. Directory.GetFiles(_directory, "*.sst", SearchOption.AllDirectories).Select(static path => $"{Path.GetFileName(path)}: {new FileInfo(path).Length}").Order(StringComparer.Ordinal)];

    private async Task HoldsAllAsync()
    {
        await using var node = await OpenAsync();
        for (var i = 0; i < Keys; i++) Assert.Equal(Filling.Value(i, 4000), await node.Default.GetAsync(Utf8($"k{i}"), cancellation: Cancellation));
    }
}
