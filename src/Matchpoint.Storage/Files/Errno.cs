namespace Matchpoint.Storage.Files;

/// <summary>The C library's error numbers, as far as a disk can return them: their names, and what they mean here.</summary>
internal static class Errno
{
    public const int NotFound = 2;
    public const int Interrupted = 4;
    public const int Device = 5;
    public const int Access = 13;
    public const int NotADirectory = 20;
    public const int NoSpace = 28;
    public const int ReadOnly = 30;

    /// <summary>EWOULDBLOCK: a lock is held by somebody else.</summary>
    public static int Held => OperatingSystem.IsMacOS() ? 35 : 11;

    /// <summary>EDQUOT.</summary>
    public static int Quota => OperatingSystem.IsMacOS() ? 69 : 122;

    /// <summary>ENOTSUP: this file system does not have the call.</summary>
    public static int NotSupported => OperatingSystem.IsMacOS() ? 45 : 95;

    /// <summary>The name and its meaning: <c>ENOSPC (the disk is full)</c>.</summary>
    public static string Describe(int errno) => errno switch
    {
        1 => "EPERM (not permitted)",
        NotFound => "ENOENT (no such file or directory)",
        Interrupted => "EINTR (interrupted)",
        Device => "EIO (the device failed)",
        6 => "ENXIO (the device is gone)",
        9 => "EBADF (the file is not open for this)",
        12 => "ENOMEM (the system has no memory left)",
        Access => "EACCES (access denied)",
        16 => "EBUSY (in use)",
        17 => "EEXIST (there already)",
        18 => "EXDEV (the two names are on different file systems)",
        19 => "ENODEV (the device is gone)",
        NotADirectory => "ENOTDIR (not a directory)",
        21 => "EISDIR (a directory)",
        22 => "EINVAL (the file does not support this)",
        23 => "ENFILE (the system has too many files open)",
        24 => "EMFILE (the process has too many files open)",
        27 => "EFBIG (longer than the file system or the process limit allows)",
        NoSpace => "ENOSPC (the disk is full)",
        ReadOnly => "EROFS (the file system is read-only)",
        _ when errno == Held => "EWOULDBLOCK (held by somebody else)",
        _ when errno == Quota => "EDQUOT (the disk quota is used up)",
        _ when errno == NotSupported => "ENOTSUP (the file system does not support this)",
        _ => $"errno {errno}",
    };
}
