using Matchpoint.Simulation.State;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.State;

namespace Matchpoint.Storage.Tests.Copies;

/// <summary>States in memory whose pictures lie on a disk, and which are opened from them.</summary>
internal sealed class PictureStates(IFileSystem files) : IStateStore
{
    public IStateSnapshot? Look(string path) => (OrderedState.ReadFrom(files, path) as IState)?.Snapshot();

    public IState Open(string path) => OrderedState.ReadFrom(files, path) ?? new OrderedState { Files = files };

    public string? SetAside(string path, string into) => throw new NotSupportedException();

    public void Remove(string path)
    {
        if (!files.DirectoryExists(path)) return;
        foreach (var name in files.ListFiles(path)) files.Delete(Path.Combine(path, name));
    }
}
