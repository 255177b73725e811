namespace Matchpoint.Cli.Tests;

/// <summary>The tool on disks that fail, fill up, or may only be read.</summary>
public sealed class DiskTests : IDisposable
{
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task A_refused_flush_stops_the_acknowledgements()
    {
        var data = _work.At("a");
        await Tool.RunAsync("put a 1\n", ["log", "append", data, "--term", "1"]);
        string[] strace = ["-f", "-qq", "-o", _work.At("trace"), "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=4+"];
        ToolResult result;
        try
        {
            result = await Tool.RunProgramAsync(
                "strace", [.. strace, "dotnet", Tool.Assembly, "log", "append", data, "--term", "1", "--each"],
                input: string.Concat(Enumerable.Range(0, 200).Select(i => $"put key{i} value\n\n")));
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("strace is not installed: what happens when the disk refuses a flush was NOT tested here.");
            return;
        }

        if (result.Errors.Contains("ptrace", StringComparison.OrdinalIgnoreCase))
            Assert.Skip("strace may not trace here: what happens when the disk refuses a flush was NOT tested here.");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("EIO", result.Errors, StringComparison.Ordinal);
        Assert.Contains("takes no more records", result.Errors, StringComparison.Ordinal);
        var committed = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(committed.Length < 200, result.Output);

        var verify = await Tool.RunAsync("log", "verify", data);
        Assert.Equal(0, verify.ExitCode);
        var append = await Tool.RunAsync("put b 2\n", ["log", "append", data, "--term", "1", "--json"]);
        Assert.Equal(0, append.ExitCode);
    }

    [Fact]
    public async Task A_full_disk_is_said_so_and_what_was_committed_stays()
    {
        await using var disk = await SmallDisk.MountAsync(_work.At("disk"), "size=256k");
        if (disk is null) Assert.Skip("A small disk cannot be mounted here: a full disk was NOT tested with the tool.");
        var data = Path.Combine(disk.Path, "a");
        var result = await Tool.RunAsync(
            string.Concat(Enumerable.Range(0, 1000).Select(i => $"put key{i} {new string('x', 1000)}\n\n")), ["log", "append", data, "--term", "1", "--each"]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("ENOSPC (the disk is full)", result.Errors, StringComparison.Ordinal);
        var last = long.Parse(result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(last > 10);

        var dump = await Tool.RunAsync("log", "dump", data, "--from", $"{last}", "--to", $"{last}");
        Assert.Equal(0, dump.ExitCode);
        Assert.Contains("put key", dump.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disk_that_may_only_be_read_is_read_and_not_written()
    {
        await using var disk = await SmallDisk.MountAsync(_work.At("disk"), "size=16m");
        if (disk is null) Assert.Skip("A small disk cannot be mounted here: a read-only disk was NOT tested with the tool.");
        var data = Path.Combine(disk.Path, "a");
        await Tool.RunAsync("put a 1\n", ["log", "append", data, "--term", "1"]);
        await disk.RemountAsync("ro");
        Assert.Contains("put a 1", (await Tool.RunAsync("log", "dump", data)).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await Tool.RunAsync("log", "verify", data)).ExitCode);
        var append = await Tool.RunAsync("put b 2\n", ["log", "append", data, "--term", "1"]);
        Assert.Equal(1, append.ExitCode);
        Assert.Contains("read-only", append.Errors, StringComparison.OrdinalIgnoreCase);
    }

    private sealed class SmallDisk : IAsyncDisposable
    {
        private SmallDisk(string path) => Path = path;

        public string Path { get; }

        public static async Task<SmallDisk?> MountAsync(string path, string options)
        {
            Directory.CreateDirectory(path);
            return OperatingSystem.IsLinux() && await MountedAsync(["-t", "tmpfs", "-o", options, "tmpfs", path]) ? new SmallDisk(path) : null;
        }

        public async Task RemountAsync(string options) => Assert.True(await MountedAsync(["-o", $"remount,{options}", Path]));

        public async ValueTask DisposeAsync() => await Tool.RunProgramAsync("umount", [Path]);

        private static async Task<bool> MountedAsync(string[] arguments)
        {
            try
            {
                return (await Tool.RunProgramAsync("mount", arguments)).ExitCode == 0;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }
    }
}
