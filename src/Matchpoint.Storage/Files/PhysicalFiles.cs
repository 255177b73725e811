using System.Runtime.InteropServices;

namespace Matchpoint.Storage.Files;

/// <summary>The machine's own disk.</summary>
internal sealed class PhysicalFiles : IFileSystem
{
    /// <summary>It has no state: one is enough.</summary>
    public static PhysicalFiles Instance { get; } = new();

    /// <inheritdoc/>
    public IFile Open(string path, FileOpening opening)
    {
        var (mode, access) = opening switch
        {
            FileOpening.Read => (FileMode.Open, FileAccess.Read),
            FileOpening.ReadWrite => (FileMode.Open, FileAccess.ReadWrite),
            FileOpening.CreateNew => (FileMode.CreateNew, FileAccess.ReadWrite),
            FileOpening.OpenOrCreate => (FileMode.OpenOrCreate, FileAccess.ReadWrite),
            _ => throw new ArgumentOutOfRangeException(nameof(opening)),
        };
        try
        {
            // Shared with everybody: readers open beside the writer, and files are renamed and deleted while they are read.
            var handle = File.OpenHandle(path, mode, access, FileShare.ReadWrite | FileShare.Delete);
            return new PhysicalFile(path, handle, access != FileAccess.Read);
        }
        catch (DirectoryNotFoundException e) when (mode == FileMode.Open)
        {
            throw new FileNotFoundException($"{path}: there is no such file.", path, e);
        }
        catch (IOException e) when (IsTheDisk(e))
        {
            throw DiskException.Refused(path, "opening", e);
        }
    }

    /// <inheritdoc/>
    public Guid BootId { get; } = ReadBootId();

    /// <inheritdoc/>
    public bool FileExists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public bool DirectoryExists(string path) => Directory.Exists(Named(path));

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFiles(string directory)
    {
        var names = Directory.EnumerateFiles(Named(directory)).Select(path => Path.GetFileName(path)).ToArray();
        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        try
        {
            Directory.CreateDirectory(Named(path));
        }
        catch (IOException e) when (IsTheDisk(e))
        {
            throw DiskException.Refused(path, "making the directory", e);
        }
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        try
        {
            if (Directory.Exists(Named(path))) Directory.Delete(Named(path));
        }
        catch (IOException e) when (IsTheDisk(e))
        {
            throw DiskException.Refused(path, "removing the directory", e);
        }
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (DirectoryNotFoundException)
        {
            // Then the file is not there either.
        }
        catch (IOException e) when (IsTheDisk(e))
        {
            throw DiskException.Refused(path, "deleting", e);
        }
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        if (!File.Exists(from)) throw new FileNotFoundException($"{from}: there is no such file.", from);
        if (OperatingSystem.IsWindows())
        {
            File.Move(from, to, overwrite: true);
            return;
        }

        // File.Move would copy and delete across file systems, which is not one step: a crash could leave half a file.
        if (LibC.Rename(from, to) == 0) return;
        var errno = Marshal.GetLastPInvokeError();
        throw errno == Errno.NotFound
            ? new DirectoryNotFoundException($"{to}: its directory is not there.")
            : DiskException.Refused(from, $"renaming to {to}", errno);
    }

    /// <inheritdoc/>
    public void FlushDirectory(string path) => DiskFlush.Directory(path);

    /// <inheritdoc/>
    public IDisposable Lock(string path, string holder) => DirectoryLock.Take(path, holder);

    /// <inheritdoc/>
    public string? LockHolder(string path) => DirectoryLock.Holder(path);

    /// <summary>A full, failed or read-only disk, rather than a name that is there or is not.</summary>
    private static bool IsTheDisk(IOException e) => DiskException.FaultIn(e) != DiskFault.Other;

    /// <summary>The directory of a bare file name is the empty string: the process's own.</summary>
    private static string Named(string directory) => directory.Length == 0 ? "." : directory;

    private static Guid ReadBootId()
    {
        const string linux = "/proc/sys/kernel/random/boot_id";
        return File.Exists(linux) && Guid.TryParse(File.ReadAllText(linux), out var id) ? id : Guid.Empty;
    }
}
