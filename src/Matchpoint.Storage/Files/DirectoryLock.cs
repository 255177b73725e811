using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Matchpoint.Storage.Files;

/// <summary>
/// A lock file, locked: by flock on Unix, by the way it is opened on Windows. The system releases it when the process ends,
/// however it ends. The file stays; what it says counts only while somebody holds it.
/// </summary>
/// <remarks>
/// .NET's <see cref="FileShare.None"/> would do for the lock, but then no .NET call could read who holds it (each asks for a
/// lock of its own first), it can be switched off by an environment variable, and it takes a file system that knows no
/// locks for one that granted it. An flock belongs to the open file, so a second one in the same process is turned away too.
/// </remarks>
internal sealed class DirectoryLock : IDisposable
{
    /// <summary>Longer texts are not read: the file may be anything.</summary>
    private const int MaxHolderBytes = 4096;

    /// <summary>How often we look again when all that stands in the way is somebody asking who holds the lock.</summary>
    private const int Attempts = 1000;

    private readonly SafeFileHandle _file;

    private DirectoryLock(SafeFileHandle file) => _file = file;

    /// <summary>Takes the lock and writes who we are.</summary>
    /// <exception cref="DirectoryInUseException">Somebody holds it.</exception>
    public static DirectoryLock Take(string path, string holder)
    {
        var spin = new SpinWait();
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var file = OperatingSystem.IsWindows() ? TryTakeOnWindows(path) : TryTakeOnUnix(path);
            if (file is not null) return Sign(file, path, holder);
            if (Holder(path) is { } other) throw new DirectoryInUseException(path, other);
            spin.SpinOnce();
        }

        throw new DirectoryInUseException(path, "somebody who keeps asking for its lock");
    }

    /// <summary>Who holds the lock; null when nobody does.</summary>
    public static string? Holder(string path)
    {
        using var file = OperatingSystem.IsWindows() ? ShareOnWindows(path, out var held) : ShareOnUnix(path, out held);
        if (file is null || !held) return null;

        var bytes = new byte[MaxHolderBytes];
        var count = RandomAccess.Read(file, bytes, 0);
        return count == 0 ? "a process that has not said its name yet" : Encoding.UTF8.GetString(bytes.AsSpan(0, count));
    }

    /// <summary>Releases the lock.</summary>
    public void Dispose()
    {
        if (_file.IsClosed) return;
        try
        {
            // Whoever takes it next is not shown with our name while writing its own.
            RandomAccess.SetLength(_file, 0);
        }
        catch (IOException)
        {
            // An old name in a lock that nobody holds is never read.
        }

        // Closing alone would leave the lock with a child that is just being started: until it has become another program,
        // it holds a copy of every file of ours.
        if (!OperatingSystem.IsWindows()) _ = LibC.Lock(_file, LibC.Unlock);
        _file.Dispose();
    }

    private static DirectoryLock Sign(SafeFileHandle file, string path, string holder)
    {
        try
        {
            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, Encoding.UTF8.GetBytes(holder), 0);
            return new DirectoryLock(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            file.Dispose();
            throw DiskException.Refused(path, "writing the lock", e);
        }
    }

    private static SafeFileHandle? TryTakeOnUnix(string path)
    {
        var file = LibC.TryOpen(path, LibC.ReadWrite, out var errno);
        if (file is null && errno == Errno.NotFound)
        {
            Create(path);
            file = LibC.TryOpen(path, LibC.ReadWrite, out errno);
        }

        if (file is null) throw DiskException.Refused(path, "opening the lock", errno);
        if (LibC.Lock(file, LibC.LockExclusiveNow) == 0) return file;

        errno = Marshal.GetLastPInvokeError();
        file.Dispose();
        return errno == Errno.Held ? null : throw DiskException.Refused(path, "locking", errno);
    }

    private static void Create(string path)
    {
        try
        {
            File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite).Dispose();
        }
        catch (IOException) when (File.Exists(path))
        {
            // Somebody else made it first; who gets the lock is decided by the lock.
        }
    }

    private static SafeFileHandle? ShareOnUnix(string path, out bool held)
    {
        held = false;
        var file = LibC.TryOpen(path, LibC.ReadOnly, out var errno);
        if (file is null) return errno == Errno.NotFound ? null : throw DiskException.Refused(path, "opening the lock", errno);
        if (LibC.Lock(file, LibC.LockSharedNow) == 0) return file;

        errno = Marshal.GetLastPInvokeError();
        held = errno == Errno.Held;
        if (held) return file;
        file.Dispose();
        throw DiskException.Refused(path, "looking at the lock", errno);
    }

    private static SafeFileHandle? TryTakeOnWindows(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        }
        catch (IOException e) when (IsSharingViolation(e))
        {
            return null;
        }
    }

    /// <summary>Asking to keep writers out fails exactly while the holder has it open for writing.</summary>
    private static SafeFileHandle? ShareOnWindows(string path, out bool held)
    {
        held = false;
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (IOException e) when (IsSharingViolation(e))
        {
            held = true;
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
    }

    private static bool IsSharingViolation(IOException e) => (e.HResult & 0xFFFF) == 32;
}
