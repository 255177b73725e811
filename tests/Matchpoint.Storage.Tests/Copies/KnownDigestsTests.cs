using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.State;
using Matchpoint.Storage.Tests.Log;

namespace Matchpoint.Storage.Tests.Copies;

/// <summary>What a donor has read for one picture it need not read for the next, and what has changed since is found all the same.</summary>
public sealed class KnownDigestsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("matchpoint-digests-").FullName;
    private readonly TestLogs.OpenLog _open;
    private readonly RocksState _state;
    private int _count;

    public KnownDigestsTests()
    {
        _open = TestLogs.Open(PhysicalFiles.Instance, root: _root);
        _state = RocksState.Open(_open.Directory.StatePath);
    }

    public void Dispose()
    {
        _state.Dispose();
        _open.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void The_sorted_files_of_a_picture_are_not_read_again_for_the_next()
    {
        var known = new KnownDigests();
        Put(3);
        using var first = Picture(known);
        Put(3);
        using var second = Picture(known);
        using var third = Picture(null);
        var before = Assert.Single(SortedFiles(first));
        Assert.Same(before, Assert.Single(SortedFiles(second), file => file.Name == before.Name));
        Assert.Equal(2, SortedFiles(second).Count);
        Assert.Equal(SortedFiles(third).SelectMany(static file => file.Chunks), SortedFiles(second).SelectMany(static file => file.Chunks));
        // What may change is read.
        Assert.DoesNotContain(second.Offer.Files, file => first.Offer.Files.Any(other => ReferenceEquals(file, other)) && !file.Name.EndsWith(".sst", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_that_the_disk_has_changed_since_is_found_when_it_is_sent_and_forgotten()
    {
        var known = new KnownDigests();
        Put(3);
        CopyFile file;
        using (var first = Picture(known)) file = Assert.Single(SortedFiles(first));
        var path = Path.Combine(_open.Directory.StatePath, Path.GetFileName(file.Name));
        using (var bytes = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            var value = bytes.ReadByte();
            bytes.Position = 0;
            bytes.WriteByte((byte)(value ^ 1));
        }

        using var second = Picture(known);
        var damage = Assert.Throws<DamageException>(() => second.Read(second.Offer.Files.IndexOf(file), 0, new byte[Limits.ChunkBytes]));
        // What the picture shows is the state's: that is what is mended, not the picture, and not the log.
        Assert.Equal(_open.Directory.StatePath, damage.File);
        Assert.Contains(Path.GetFileName(file.Name), damage.What, StringComparison.Ordinal);
        known.Forget();
        Assert.Null(known.TryGet(file.Name, file.Length));
    }

    [Fact]
    public void A_file_of_another_length_is_another_file()
    {
        var known = new KnownDigests();
        Put(1);
        using var picture = Picture(known);
        var file = Assert.Single(SortedFiles(picture));
        Assert.Same(file, known.TryGet(file.Name, file.Length));
        Assert.Null(known.TryGet(file.Name, file.Length + 1));
    }

    private static List<CopyFile> SortedFiles(CopySource source) => [.. source.Offer.Files.Where(static file => file.Name.EndsWith(".sst", StringComparison.Ordinal))];

    private void Put(int records)
    {
        for (var i = 0; i < records; i++)
        {
            _open.Log.Commit($"k{++_count}", "v");
            _open.Log.FlushAll();
            using var view = _open.Log.View();
            using var batch = _state.NewBatch();
            batch.Put(System.Text.Encoding.UTF8.GetBytes($"k{_count}"), "v"u8);
            _state.Apply(batch, new StatePosition(Vlsn.Of(_count), view.PositionAt(Vlsn.Of(_count)).Fingerprint));
        }
    }

    private CopySource Picture(KnownDigests? known) => CopySource.Create(
        _open.Directory, new RocksStateStore(new RocksStateOptions()), _open.Log, _state, Vlsn.Of(_count), Guid.NewGuid(), CancellationToken.None, known);
}
