using System.Globalization;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Repairs;

/// <summary>
/// Where damaged files go: the directory <c>damaged/</c>. Nothing that was found damaged is thrown away; a person may look at it, and removes it.
/// </summary>
internal static class Aside
{
    private const int CopyBytes = 1024 * 1024;

    /// <summary>Moves a file there, durably.</summary>
    /// <returns>Where it is now; null where there was none.</returns>
    public static string? Move(DataDirectory directory, string path)
    {
        var files = directory.Files;
        if (!files.FileExists(path)) return null;
        var aside = FreeName(directory, path);
        files.Rename(path, aside);
        files.FlushDirectory(directory.DamagedPath);
        files.FlushDirectory(Path.GetDirectoryName(path)!);
        return aside;
    }

    /// <summary>Copies a file there, durably: the file itself is replaced later, in one step.</summary>
    /// <returns>Where the copy is; null where there was nothing to copy.</returns>
    public static string? Copy(DataDirectory directory, string path)
    {
        var files = directory.Files;
        if (!files.FileExists(path)) return null;
        var aside = FreeName(directory, path);
        try
        {
            using var from = files.Open(path, FileOpening.Read);
            using var to = files.Open(aside, FileOpening.CreateNew);
            Copy(from, to, from.Length);
            to.Flush();
        }
        catch (DiskException error) when (error.IsFull)
        {
            files.Delete(aside); // Each further attempt would leave another part of it, where there is no room already.
            throw;
        }

        files.FlushDirectory(directory.DamagedPath);
        return aside;
    }

    /// <summary>Copies the first bytes of a file.</summary>
    public static void Copy(IFile from, IFile to, long length)
    {
        var buffer = new byte[Math.Min(CopyBytes, Math.Max(0, length))];
        for (var position = 0L; position < length;)
        {
            var read = from.Read(position, buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - position)));
            if (read == 0) return; // It is shorter than it was thought to be.
            to.Write(position, buffer.AsSpan(0, read));
            position += read;
        }
    }

    private static string FreeName(DataDirectory directory, string path)
    {
        directory.Files.CreateDirectory(directory.DamagedPath);
        directory.Files.FlushDirectory(directory.Path);
        for (var i = 1; ; i++)
        {
            var name = Path.Combine(directory.DamagedPath, string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(path)}.{i}"));
            if (!directory.Files.FileExists(name)) return name;
        }
    }
}
