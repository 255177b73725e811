using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Simulation.State;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Storage.Tests.Copies;
using Matchpoint.Storage.Tests.Log;

namespace Matchpoint.Storage.Tests.Backups;

/// <summary>A node's log and state that grow, on a disk of its own, of which backups are taken.</summary>
internal sealed class GrowingNode : IDisposable
{
    public const string To = "/backups";
    public const string New = "/new";

    private readonly MemoryFiles _files = new();
    private readonly TestLogs.OpenLog _open;
    private readonly IState _state;
    private readonly int _valueBytes;
    private int _pictures;

    public GrowingNode(int valueBytes = 10)
    {
        _valueBytes = valueBytes;
        _state = new OrderedState { Files = _files };
        _open = TestLogs.Open(_files, new LogOptions { SegmentBytes = Math.Max(600, valueBytes * 100), OwnThread = false }, root: "/node");
    }

    public int Records { get; private set; }

    /// <summary>The node's own disk.</summary>
    public MemoryFiles Disk => _files;

    /// <summary>Commits some, and applies them.</summary>
    public GrowingNode Grow(int records)
    {
        for (var i = 0; i < records; i++)
        {
            Records++;
            _open.Log.Commit($"k{Records}", new string('v', _valueBytes));
            _open.Log.FlushAll();
            using var view = _open.Log.View();
            using var batch = _state.NewBatch();
            batch.Put(Encoding.UTF8.GetBytes($"k{Records}"), Encoding.UTF8.GetBytes($"v{Records}"));
            _state.Apply(batch, new StatePosition(Vlsn.Of(Records), view.PositionAt(Vlsn.Of(Records)).Fingerprint));
        }

        return this;
    }

    /// <summary>Takes a backup.</summary>
    public (BackupManifest Manifest, long Written) BackUp(IFileSystem files, int second, int? keep = null, int? durable = null, GroupId? group = null)
    {
        var id = new Guid(++_pictures, 0, 0, new byte[8]);
        using var source = CopySource.Create(_open.Directory, new PictureStates(_files), _open.Log, _state, Vlsn.Of(Records), id, CancellationToken.None);
        var identity = _open.Directory.Identity;
        var facts = new BackupFacts(group ?? identity.Group, identity.Node, "a", source.First, Vlsn.Of(durable ?? Records), source.End.Fingerprint, source.End.Term);
        using var store = BackupStore.Open(files, To, facts.Group, "a test");
        var target = new BackupTarget(store, facts, source.Offer);
        var buffer = new byte[Limits.ChunkBytes];
        foreach (var (file, chunk) in target.Chunks())
        {
            if (!target.Has(file, chunk)) target.Write(file, chunk, buffer.AsSpan(0, source.Read(file, chunk, buffer)));
        }

        var manifest = target.Finish(DateTimeOffset.UnixEpoch.AddSeconds(second));
        if (keep is { } count) store.Keep(count, manifest.Id);
        return (manifest, target.Written);
    }

    /// <summary>Restores a backup.</summary>
    public static void Restore(IFileSystem files, string? id = null, string path = New, bool beginsAgain = false)
    {
        using var store = BackupStore.OpenReadOnly(files, To);
        new BackupRestore
        {
            Store = store,
            Manifest = store.Find(id),
            Files = files,
            States = new PictureStates(files),
            Node = new NodeId(new Guid(99, 0, 0, new byte[8])),
            Holder = "a test",
            BeginsAgain = beginsAgain,
        }.Run(path, CancellationToken.None);
    }

    /// <summary>Requires that a restored directory holds so many records, and the state of them.</summary>
    public static void AssertHolds(IFileSystem files, int records, int? durable = null, string path = New)
    {
        using var open = TestLogs.Open(files, root: path);
        Assert.Equal(Vlsn.Of(records), open.Log.Written);
        Assert.Equal(Vlsn.Of(durable ?? records), open.Log.Durable);
        Assert.Null(open.Log.OpenReport.Torn);
        using var state = new PictureStates(files).Open(open.Directory.StatePath);
        Assert.Equal(Vlsn.Of(records), state.Applied.Vlsn);
        Assert.Equal($"v{records}", Encoding.UTF8.GetString(state.Get(Encoding.UTF8.GetBytes($"k{records}")) ?? []));
        Assert.Null(state.Get(Encoding.UTF8.GetBytes($"k{records + 1}")));
    }

    public void Dispose()
    {
        _state.Dispose();
        _open.Dispose();
    }
}
