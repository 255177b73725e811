using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.State;

/// <summary>States in RocksDB, each in a directory of its own.</summary>
internal sealed class RocksStateStore(RocksStateOptions options) : IStateStore
{
    /// <inheritdoc/>
    public IStateSnapshot? Look(string path) => RocksLook.Exists(PhysicalFiles.Instance, path) ? RocksLook.Open(path) : null;

    /// <inheritdoc/>
    public IState Open(string path) => RocksState.Open(path, options);

    /// <inheritdoc/>
    public void Remove(string path)
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
    }

    /// <inheritdoc/>
    public string? SetAside(string path, string into)
    {
        // Where a state could not be made RocksDB has left its lock and LOG, and may again and again: that is nothing to keep.
        if (!RocksLook.Exists(PhysicalFiles.Instance, path)) return null;
        for (var i = 1; ; i++)
        {
            var aside = Path.Combine(into, $"{Path.GetFileName(path)}.unusable-{i}");
            if (Directory.Exists(aside)) continue;
            Directory.Move(path, aside);
            return aside;
        }
    }
}
