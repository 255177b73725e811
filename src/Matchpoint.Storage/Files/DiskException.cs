namespace Matchpoint.Storage.Files;

/// <summary>What a disk said no with, as far as one would act on it differently.</summary>
internal enum DiskFault
{
    /// <summary>Anything else: the message has it.</summary>
    Other,

    /// <summary>The device failed, or is gone.</summary>
    Device,

    /// <summary>No room is left on it.</summary>
    Full,

    /// <summary>The user's share of it is used up.</summary>
    Quota,

    /// <summary>It takes no changes.</summary>
    ReadOnly,

    /// <summary>This process may not.</summary>
    Denied,
}

/// <summary>
/// The disk failed or refused. The message names the file, what was tried and where, the system's reason, and what that
/// means for the data; <see cref="Fault"/> is the reason to switch on.
/// </summary>
internal sealed class DiskException : IOException
{
    /// <summary>Creates the exception.</summary>
    public DiskException(string path, DiskFault fault, string message, Exception? inner = null)
        : base(message, inner)
    {
        Path = path;
        Fault = fault;
    }

    /// <summary>The file or directory.</summary>
    public string Path { get; }

    /// <summary>Why.</summary>
    public DiskFault Fault { get; }

    /// <summary>Whether making room would help.</summary>
    public bool IsFull => Fault is DiskFault.Full or DiskFault.Quota;

    /// <summary>A flush failed: what was written since the last one that returned may be lost.</summary>
    public static DiskException Flush(string path, int errno) =>
        new(path, FaultOf(errno), FlushMessage(path, Errno.Describe(errno)));

    /// <inheritdoc cref="Flush(string, int)"/>
    public static DiskException Flush(string path, Exception inner)
    {
        var (fault, reason) = Explain(inner);
        return new(path, fault, FlushMessage(path, reason), inner);
    }

    /// <summary>A directory's flush failed.</summary>
    public static DiskException FlushDirectory(string path, int errno) => new(path, FaultOf(errno),
        $"{path}: flush of the directory failed: {Errno.Describe(errno)}. Files made, renamed or deleted in it since the "
        + "last flush may come back or vanish: this log takes no more writes until it is reopened.");

    /// <summary>A write failed; a part of the bytes may stand in the file.</summary>
    public static DiskException Write(string path, long position, int bytes, long length, Exception inner)
    {
        var (fault, reason) = Explain(inner);
        return new(path, fault, $"{path}: writing {bytes} bytes at position {position} failed: {reason}. The file is "
            + $"{length} bytes long now; any part of the {bytes} may have been written.", inner);
    }

    /// <summary>A read failed.</summary>
    public static DiskException Read(string path, long position, int bytes, Exception inner)
    {
        var (fault, reason) = Explain(inner);
        return new(path, fault, $"{path}: reading {bytes} bytes at position {position} failed: {reason}.", inner);
    }

    /// <summary>Something else that the system call refused.</summary>
    public static DiskException Refused(string path, string what, int errno) =>
        new(path, FaultOf(errno), $"{path}: {what} failed: {Errno.Describe(errno)}.");

    /// <summary>Something else that .NET refused.</summary>
    public static DiskException Refused(string path, string what, Exception inner)
    {
        var (fault, reason) = Explain(inner);
        return new(path, fault, $"{path}: {what} failed: {reason}.", inner);
    }

    /// <summary>What a failure of .NET's file calls tells about the disk.</summary>
    public static DiskFault FaultIn(Exception e) => Explain(e).Fault;

    private static string FlushMessage(string path, string reason) =>
        $"{path}: flush failed: {reason}. The bytes written since the last flush may be lost, and flushing again would "
        + "not bring them back: this log takes no more writes until it is reopened.";

    private static (DiskFault Fault, string Reason) Explain(Exception e)
    {
        // Where .NET turns an errno into an exception of its own, it keeps the errno in HResult of the inner one.
        if (e is UnauthorizedAccessException && e.InnerException is not IOException)
        {
            return (DiskFault.Denied, e.Message);
        }

        var code = e is UnauthorizedAccessException ? e.InnerException!.HResult : e.HResult;
        if (OperatingSystem.IsWindows()) return (FaultOfWindows(code), e.Message);
        return code is > 0 and < 4096 ? (FaultOf(code), Errno.Describe(code)) : (DiskFault.Other, e.Message);
    }

    private static DiskFault FaultOf(int errno) => errno switch
    {
        Errno.Device or 6 or 19 => DiskFault.Device,
        Errno.NoSpace => DiskFault.Full,
        Errno.ReadOnly => DiskFault.ReadOnly,
        Errno.Access or 1 => DiskFault.Denied,
        _ => errno == Errno.Quota ? DiskFault.Quota : DiskFault.Other,
    };

    /// <summary>HResult carries the Win32 error in its low half.</summary>
    private static DiskFault FaultOfWindows(int hresult) => (hresult & 0xFFFF) switch
    {
        39 or 112 => DiskFault.Full,
        1295 => DiskFault.Quota,
        19 => DiskFault.ReadOnly,
        5 => DiskFault.Denied,
        21 or 23 or 29 or 30 or 1117 => DiskFault.Device,
        _ => DiskFault.Other,
    };
}
