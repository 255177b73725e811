using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Matchpoint.Storage.Files;

/// <summary>
/// The one place that flushes. .NET's own calls return normally on Linux when fsync failed (an injected EIO is
/// swallowed), so they are banned elsewhere, and this asks the system itself.
/// </summary>
/// <remarks>
/// No answer but success counts as flushed, and nothing is tried again. The kernel reports a lost page once and then
/// forgets it: the second fsync would succeed over data that is gone. That includes EINTR. An interrupted fsync is the
/// one failure that could be harmless, but Linux may hand out EINTR while the same call consumes the report of a lost
/// page (file_write_and_wait_range keeps the first error, and marks both as seen). Local file systems do not
/// interrupt fsync, so giving up costs nothing there; on a network file system it costs a reopening, never data.
/// </remarks>
internal static class DiskFlush
{
    /// <summary>Returns when all that was written to the file, and its length, is on the device.</summary>
    /// <param name="file">The open file.</param>
    /// <param name="path">Its name, for the message.</param>
    /// <exception cref="DiskException">It may not be: the bytes since the last flush may be lost.</exception>
    public static void File(SafeFileHandle file, string path)
    {
        if (OperatingSystem.IsWindows()) FlushOnWindows(file, path);
        else if (Flush(file) is var errno and not 0) throw DiskException.Flush(path, errno);
    }

    /// <summary>Returns when the names in the directory are on the device.</summary>
    /// <remarks>Windows has no such call: NTFS journals names in order and writes that journal when a file is flushed.</remarks>
    /// <exception cref="DiskException">They may not be.</exception>
    public static void Directory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            if (!System.IO.Directory.Exists(path)) throw new DirectoryNotFoundException($"{path}: there is no such directory.");
            return;
        }

        // The slash asks for a directory, as O_DIRECTORY does, whose number differs between processors.
        using var directory = LibC.TryOpen(path.Length == 0 ? "./" : path + "/", LibC.ReadOnly, out var errno);
        if (directory is null)
        {
            throw errno is Errno.NotFound or Errno.NotADirectory
                ? new DirectoryNotFoundException($"{path}: there is no such directory.")
                : DiskException.FlushDirectory(path, errno);
        }

        errno = Flush(directory);
        if (errno != 0) throw DiskException.FlushDirectory(path, errno);
    }

    /// <summary>0, or why not.</summary>
    private static int Flush(SafeFileHandle file)
    {
        if (OperatingSystem.IsMacOS())
        {
            if (LibC.Control(file, LibC.FullFlush) != -1) return 0;
            var errno = Marshal.GetLastPInvokeError();
            // A network share has no device cache to flush: there fsync is all that can be asked for.
            if (errno != Errno.NotSupported) return errno;
        }

        return LibC.Flush(file) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    [SuppressMessage("ApiDesign", "RS0030", Justification = "FlushFileBuffers reports its failures; fsync is what .NET hides.")]
    private static void FlushOnWindows(SafeFileHandle file, string path)
    {
        try
        {
            RandomAccess.FlushToDisk(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskException.Flush(path, e);
        }
    }
}
