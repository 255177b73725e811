using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Tests.Files;

/// <summary>Failures of the real system calls, made by strace or by a small disk, in a process of their own.</summary>
public sealed class DiskFailureTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("matchpoint-failure-").FullName;

    private string A => Path.Combine(_root, "a.mlog");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("EIO", "Device: ", "EIO (the device failed)")]
    [InlineData("ENOSPC", "Full: ", "ENOSPC (the disk is full)")]
    [InlineData("EDQUOT", "Quota: ", "EDQUOT (the disk quota is used up)")]
    [InlineData("EROFS", "ReadOnly: ", "EROFS (the file system is read-only)")]
    [InlineData("EINTR:when=1", "Other: ", "EINTR (interrupted)")]
    public async Task A_failed_flush_is_never_silent(string error, string fault, string reason)
    {
        var (exit, said) = await ProbeProcess.RunInjectedAsync($"fsync:error={error}", A, "flush", A);
        Assert.Equal(1, exit);
        Assert.StartsWith(fault + A, said);
        Assert.Contains($"flush failed: {reason}. The bytes written since the last flush may be lost", said);
    }

    [Fact]
    public async Task A_failed_flush_of_a_directory_is_never_silent()
    {
        var (exit, said) = await ProbeProcess.RunInjectedAsync("fsync:error=EIO", _root, "flush-dir", _root);
        Assert.Equal(1, exit);
        Assert.StartsWith("Device: " + _root, said);
        Assert.Contains("flush of the directory failed: EIO", said);
    }

    /// <summary>Why <see cref="DiskFlush"/> exists. When this fails, the runtime was mended: the ban may be reconsidered.</summary>
    [Fact]
    public async Task The_calls_of_dotnet_hide_a_failed_flush()
    {
        var (exit, said) = await ProbeProcess.RunInjectedAsync("fsync:error=EIO", A, "flush-by-dotnet", A);
        Assert.Equal((0, "flushed"), (exit, said.Trim()));
    }

    [Fact]
    public async Task Without_a_failure_the_probe_flushes()
    {
        Assert.Equal(0, (await ProbeProcess.RunAsync(ProbeProcess.Path, "flush", A)).ExitCode);
        Assert.Equal(0, (await ProbeProcess.RunAsync(ProbeProcess.Path, "flush-dir", _root)).ExitCode);
    }

    [Fact]
    public async Task A_short_write_is_continued()
    {
        // The first call claims 7 bytes without writing them: they stay a hole, and the rest follows behind.
        var (exit, said) = await ProbeProcess.RunInjectedAsync("pwrite64:retval=7:when=1", A, "write", A, "20");
        Assert.True(exit == 0, said);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20], File.ReadAllBytes(A));
    }

    [Fact]
    public async Task A_failed_write_says_where_and_why()
    {
        var (exit, said) = await ProbeProcess.RunInjectedAsync("pwrite64:error=EDQUOT", A, "write", A, "20");
        Assert.Equal(1, exit);
        Assert.StartsWith($"Quota: {A}: writing 20 bytes at position 0 failed: EDQUOT (the disk quota is used up). "
            + "The file is 0 bytes long now", said);
    }

    [Fact]
    public async Task A_full_disk_says_where_and_why()
    {
        var (exit, said) = await OnSmallDisk("\"$PROBE\" write \"$DISK/a\" 3000000; code=$?; stat -c 'length %s' \"$DISK/a\"; exit $code");
        Assert.Equal(1, exit);
        Assert.StartsWith($"Full: {_root}/a: writing 3000000 bytes at position 0 failed: ENOSPC (the disk is full). "
            + "The file is 1048576 bytes long now", said);
        // What fitted was written, and stays.
        Assert.EndsWith("length 1048576", said.Trim());
    }

    [Fact]
    public async Task A_read_only_disk_says_so()
    {
        var (exit, said) = await OnSmallDisk("mount -o remount,ro \"$DISK\" && \"$PROBE\" write \"$DISK/a\" 10");
        Assert.Equal(1, exit);
        Assert.StartsWith($"ReadOnly: {_root}/a: opening failed: EROFS (the file system is read-only)", said);
    }

    /// <summary>Runs a script with a disk of 1 MiB at our directory, mounted in a namespace that ends with the script.</summary>
    private async Task<(int ExitCode, string Said)> OnSmallDisk(string script)
    {
        const int notPermitted = 77;
        Assert.SkipUnless(OperatingSystem.IsLinux() && ProbeProcess.Exists("unshare"), "SKIPPED, NOT PASSED: no unshare here to mount with.");
        var mount = $"DISK=\"$1\"; PROBE=\"$2\"; mount -t tmpfs -o size=1m none \"$DISK\" || exit {notPermitted}; ";
        var result = await ProbeProcess.RunAsync(
            "unshare", "--map-root-user", "--mount", "sh", "-c", $"({mount}{script})", "sh", _root, ProbeProcess.Path);
        Assert.SkipWhen(result.ExitCode == notPermitted || result.Said.StartsWith("unshare:", StringComparison.Ordinal),
            $"SKIPPED, NOT PASSED: a small disk may not be mounted here, so a full one went untested: {result.Said}");
        return result;
    }
}
