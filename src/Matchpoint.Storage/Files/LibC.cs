using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Matchpoint.Storage.Files;

/// <summary>
/// The few calls of the C library for which .NET has no equal. Each answers -1 on failure and leaves the reason for
/// <see cref="Marshal.GetLastPInvokeError"/>, which the caller reads at once.
/// </summary>
internal static partial class LibC
{
    public const int ReadOnly = 0;
    public const int ReadWrite = 2;

    /// <summary>flock: for one open file alone, and never wait.</summary>
    public const int LockExclusiveNow = 2 | 4;

    /// <summary>flock: beside others that share, and never wait.</summary>
    public const int LockSharedNow = 1 | 4;

    /// <summary>flock: no longer.</summary>
    public const int Unlock = 8;

    /// <summary>fcntl on macOS: flush the file and the device's cache as well, which fsync there does not.</summary>
    public const int FullFlush = 51;

    /// <summary>Without it a child process would inherit the file, and with it the lock.</summary>
    private static readonly int CloseOnExec = OperatingSystem.IsMacOS() ? 0x100_0000 : 0x8_0000;

    /// <summary>
    /// Opens what is there; null, with the reason in <paramref name="errno"/>, when that failed. It never creates: the
    /// mode would be a variadic argument, which P/Invoke cannot pass on every processor.
    /// </summary>
    public static SafeFileHandle? TryOpen(string path, int access, out int errno)
    {
        int descriptor;
        do
        {
            descriptor = Open(path, access | CloseOnExec);
            errno = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (errno == Errno.Interrupted); // Nothing was begun yet.
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Flush(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Control(SafeFileHandle file, int command);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Lock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Rename(string from, string to);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);
}
