using Matchpoint.Backups;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.State;

namespace Matchpoint.Tests.Node;

/// <summary>Backups of test nodes on the machine's own disk, gone with the test.</summary>
internal sealed class Backups : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("matchpoint-backups-");

    /// <summary>Where they lie.</summary>
    public string Path => System.IO.Path.Combine(_directory.FullName, "b");

    /// <summary>Takes one of a stopped node's directory.</summary>
    public BackupSummary OfStopped(string data) => LocalBackup.OfStopped(data, Path, "a test", progress: null, TestContext.Current.CancellationToken);

    /// <summary>Puts one in the place of a directory.</summary>
    public void PutBack(string data, string? id = null, bool beginsAgain = false)
    {
        if (Directory.Exists(data)) Directory.Delete(data, recursive: true);
        using var store = BackupStore.OpenReadOnly(PhysicalFiles.Instance, Path);
        new BackupRestore
        {
            Store = store,
            Manifest = store.Find(id),
            Files = PhysicalFiles.Instance,
            States = new RocksStateStore(new RocksStateOptions()),
            Node = new NodeId(Guid.NewGuid()),
            Holder = "a test",
            BeginsAgain = beginsAgain,
        }.Run(data, TestContext.Current.CancellationToken);
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
