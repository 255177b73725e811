using Matchpoint.Storage.Files;

namespace Matchpoint.Simulation.Files;

/// <summary>A disk in memory that never fails. Safe for threads. Flushes do nothing: it has nothing to lose.</summary>
internal sealed class MemoryFiles : IFileSystem
{
    private readonly Lock _lock = new();
    private readonly NameTable<Pages> _names = new();
    private readonly HeldLocks _locks = new();

    /// <inheritdoc/>
    public IFile Open(string path, FileOpening opening)
    {
        lock (_lock)
        {
            var pages = opening == FileOpening.CreateNew ? null : _names.Find(path);
            if (pages is null && opening is FileOpening.Read or FileOpening.ReadWrite) pages = _names.Get(path);
            if (pages is null) _names.Add(path, pages = new Pages());
            return new MemoryFile(path, pages, opening != FileOpening.Read);
        }
    }

    /// <inheritdoc/>
    public Guid BootId { get; init; } = new(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

    /// <inheritdoc/>
    public bool FileExists(string path)
    {
        lock (_lock) return _names.HasFile(path);
    }

    /// <inheritdoc/>
    public bool DirectoryExists(string path)
    {
        lock (_lock) return _names.HasDirectory(path);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFiles(string directory)
    {
        lock (_lock) return _names.List(directory);
    }

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        lock (_lock) _names.AddDirectory(path);
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        lock (_lock) _names.RemoveDirectory(path);
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        lock (_lock) _names.Remove(path);
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        lock (_lock) _names.Move(from, to);
    }

    /// <inheritdoc/>
    public void FlushDirectory(string path)
    {
        lock (_lock) _names.MustBeDirectory(path);
    }

    /// <inheritdoc/>
    public IDisposable Lock(string path, string holder)
    {
        Open(path, FileOpening.OpenOrCreate).Dispose();
        return _locks.Take(path, holder);
    }

    /// <inheritdoc/>
    public string? LockHolder(string path) => _locks.Holder(path);

    /// <summary>Puts a file there, whole, with the directories above it.</summary>
    public void Put(string path, Pages pages)
    {
        lock (_lock)
        {
            _names.AddDirectory(NameTable<Pages>.DirectoryOf(NameTable<Pages>.Normalize(path)));
            _names.Put(path, pages);
        }
    }

    /// <summary>Copies of all files, by path, and the directories.</summary>
    public (IReadOnlyDictionary<string, Pages> Files, IReadOnlyList<string> Directories) Copy()
    {
        lock (_lock)
        {
            return (_names.Files.ToDictionary(file => file.Key, file => file.Value.Copy()), [.. _names.Directories]);
        }
    }
}
