using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Matchpoint.Cli.Node;

namespace Matchpoint.Cli.Tests;

/// <summary>backup, restore and verify against real processes and real disks.</summary>
public sealed class BackupCommandTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Workplace _work = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task A_group_that_lost_everything_but_a_backup_of_one_member_begins_again()
    {
        var backups = _work.At("backups");
        string first;
        await using (var group = await ProcessGroup.StartAsync(_work.At("group"), Tool.LongElection, static _ => { }, Cancellation))
        {
            await group.AllFollowAsync(Patience, Cancellation);
            var all = string.Join(',', group.Names.Select(group.EndpointOf));
            Assert.Equal(0, (await Tool.RunAsync("put", "greeting", "hello", "--connect", all)).ExitCode);
            await group.AllFollowAsync(Patience, Cancellation);
            var taken = await Tool.RunAsync("backup", backups, "--connect", $"127.0.0.1:1,{group.EndpointOf("b")}");
            Assert.Equal(("", 0), (taken.Errors, taken.ExitCode));
            Assert.Contains("backing up: 100 %", taken.Output, StringComparison.Ordinal);
            first = taken.Output.Split('\n').Single(static line => line.StartsWith("backup ", StringComparison.Ordinal)).Split(' ', ':')[1];
            Assert.Equal(0, (await Tool.RunAsync("put", "second", "value", "--connect", all)).ExitCode);
            await group.AllFollowAsync(Patience, Cancellation);
            using var again = JsonDocument.Parse((await Tool.RunAsync("backup", backups, "--connect", $"{group.EndpointOf("c")}", "--json")).Output);
            Assert.True(again.RootElement.GetProperty("last").GetInt64() > 0);
            var running = await Tool.RunAsync("backup", backups, "--data", group.DirectoryOf("a"));
            Assert.Equal((3, true), (running.ExitCode, running.Errors.Contains("--connect", StringComparison.Ordinal)));
            Assert.Equal(3, (await Tool.RunAsync("verify", group.DirectoryOf("a"))).ExitCode);
        }

        Assert.Contains("sound: 2 backups", (await Tool.RunAsync("verify", backups)).Output, StringComparison.Ordinal);
        Assert.Equal(2, (await Tool.RunAsync("backup", backups, "--list")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        foreach (var name in new[] { "a", "b", "c" })
        {
            var refused = await Tool.RunAsync("restore", "--from", backups, "--data", _work.At($"group/{name}"));
            Assert.Equal((3, true), (refused.ExitCode, refused.Errors.Contains("--replace", StringComparison.Ordinal)));
            var restored = await Tool.RunAsync("restore", "--from", backups, "--data", _work.At($"group/{name}"), "--begin-again", "--replace");
            Assert.Equal(("", 0), (restored.Errors, restored.ExitCode));
            Assert.Contains($"{_work.At($"group/{name}")}.replaced-1", restored.Output, StringComparison.Ordinal);
            Assert.True(File.Exists(_work.At($"group/{name}.replaced-1/identity")));
        }

        await using (var group = await ProcessGroup.StartAsync(_work.At("group"), Tool.LongElection, static _ => { }, Cancellation))
        {
            await group.AllFollowAsync(Patience, Cancellation);
            var all = string.Join(',', group.Names.Select(group.EndpointOf));
            Assert.Equal("greeting  hello\nsecond  value\n", (await Tool.RunAsync("scan", "--level", "linearizable", "--connect", all)).Output);
            Assert.Equal(0, (await Tool.RunAsync("put", "third", "value", "--connect", all)).ExitCode);
        }

        var deep = await Tool.RunAsync("verify", _work.At("group/a"), "--deep");
        Assert.Equal(("", 0), (deep.Errors, deep.ExitCode));
        Assert.Contains("compared with what the records", deep.Output, StringComparison.Ordinal);
        var cold = await Tool.RunAsync("backup", backups, "--data", _work.At("group/a"), "--keep", "2");
        Assert.Equal(("", 0), (cold.Errors, cold.ExitCode));
        Assert.Contains($"removed backup {first}", cold.Output, StringComparison.Ordinal);
        Assert.Contains("sound: 2 backups", (await Tool.RunAsync("verify", backups)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damage_is_named_with_exit_code_4_and_a_damaged_backup_is_not_restored()
    {
        var data = _work.At("data");
        await using (var node = await MatchpointNode.OpenAsync(data, Cancellation))
        {
            for (var i = 0; i < 300; i++) await node.Default.PutAsync($"key{i}", new string('x', 2000), cancellation: Cancellation);
        }

        var backups = _work.At("backups");
        Assert.Equal(0, (await Tool.RunAsync("backup", backups, "--data", data)).ExitCode);
        Assert.Equal(0, (await Tool.RunAsync("verify", data, "--deep")).ExitCode);
        Assert.Equal(0, (await Tool.RunAsync("restore", "--from", backups, "--data", _work.At("restored"), "--group", "matchpoint")).ExitCode);
        var wrong = await Tool.RunAsync("restore", "--from", backups, "--data", _work.At("other"), "--group", "other");
        Assert.Equal((3, true), (wrong.ExitCode, wrong.Errors.Contains("'other' is group", StringComparison.Ordinal)));
        Assert.Equal(2, (await Tool.RunAsync("restore", "--from", _work.At("nowhere"), "--data", _work.At("other"))).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("restore", "--from", backups, "--backup", "none", "--data", _work.At("other"))).ExitCode);
        Assert.False(Directory.Exists(_work.At("other")));

        Flip(Directory.GetFiles(_work.At("restored/state"), "*.sst")[0], 200);
        Flip(Directory.GetFiles(_work.At("restored/log"), "*.log")[0], 5000);
        var verified = await Tool.RunAsync("verify", _work.At("restored"), "--json");
        Assert.Equal(4, verified.ExitCode);
        using (var json = JsonDocument.Parse(verified.Output))
        {
            var files = json.RootElement.GetProperty("damage").EnumerateArray().Select(static damage => damage.GetProperty("file").GetString()!).ToList();
            Assert.Contains(files, static file => file.EndsWith(".log", StringComparison.Ordinal));
            Assert.Contains(files, static file => file.EndsWith(".sst", StringComparison.Ordinal));
        }

        var chunk = Directory.GetFiles(Path.Combine(backups, "chunks"), "*", SearchOption.AllDirectories).MaxBy(static file => new FileInfo(file).Length)!;
        Flip(chunk, 100);
        var damaged = await Tool.RunAsync("verify", backups);
        Assert.Equal(4, damaged.ExitCode);
        Assert.Contains(chunk, damaged.Output, StringComparison.Ordinal);
        var refused = await Tool.RunAsync("restore", "--from", backups, "--data", _work.At("again"));
        Assert.Equal((4, true), (refused.ExitCode, refused.Errors.Contains(chunk, StringComparison.Ordinal)));
        var open = await Tool.RunAsync("log", "append", _work.At("again"), "--term", "9");
        Assert.Equal((3, true), (open.ExitCode, open.Errors.Contains("was not finished", StringComparison.Ordinal)));
        Assert.Equal(0, (await Tool.RunAsync("backup", backups, "--data", data)).ExitCode); // It writes the chunk anew.
        Assert.Equal(0, (await Tool.RunAsync("restore", "--from", backups, "--data", _work.At("again"))).ExitCode);
        Assert.Equal(0, (await Tool.RunAsync("verify", _work.At("again"))).ExitCode);
    }

    [Fact]
    public async Task A_full_disk_and_a_read_only_one_are_said_so_and_leave_no_half_node()
    {
        var disk = _work.At("disk");
        Directory.CreateDirectory(disk);
        if (!await MountAsync("-t", "tmpfs", "-o", "size=600k", "tmpfs", disk)) Assert.Skip("A small disk cannot be mounted here: a full disk was NOT tested with backups.");
        try
        {
            var data = _work.At("data");
            await Tool.RunAsync(Lines(2000), ["log", "append", data, "--term", "1", "--ack", "none"]);
            var full = await Tool.RunAsync("backup", Path.Combine(disk, "backups"), "--data", data);
            Assert.Equal((1, true), (full.ExitCode, full.Errors.Contains("ENOSPC", StringComparison.Ordinal)));
            Assert.Contains("there is no backup yet", (await Tool.RunAsync("backup", Path.Combine(disk, "backups"), "--list")).Output, StringComparison.Ordinal);
            Directory.Delete(Path.Combine(disk, "backups"), recursive: true);
            Assert.Equal(0, (await Tool.RunAsync("backup", _work.At("backups"), "--data", data)).ExitCode);
            var restore = await Tool.RunAsync("restore", "--from", _work.At("backups"), "--data", Path.Combine(disk, "new"));
            Assert.Equal((1, true), (restore.ExitCode, restore.Errors.Contains("ENOSPC", StringComparison.Ordinal)));
            Assert.False(File.Exists(Path.Combine(disk, "new", "identity")));
            Assert.True(await MountAsync("-o", "remount,ro", disk));
            var refused = await Tool.RunAsync("backup", Path.Combine(disk, "others"), "--data", data);
            Assert.Equal((1, true), (refused.ExitCode, refused.Errors.Contains("read-only", StringComparison.OrdinalIgnoreCase)));
        }
        finally
        {
            await Tool.RunProgramAsync("umount", [disk]);
        }
    }

    [Fact]
    public async Task Backup_and_restore_say_what_is_wrong_with_their_options()
    {
        Assert.Equal(2, (await Tool.RunAsync("backup", _work.At("b"))).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("backup", _work.At("b"), "--data", "x", "--connect", "127.0.0.1:1")).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("backup", _work.At("b"), "--data", "x", "--keep", "0")).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("backup", _work.At("b"), "--data", _work.At("nowhere"))).ExitCode);
        Assert.Equal(1, (await Tool.RunAsync("backup", _work.At("b"), "--connect", "127.0.0.1:1")).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("verify", _work.At("nowhere"))).ExitCode);
        Assert.False(Directory.Exists(_work.At("b")));
    }

    private static string Lines(int count) => string.Concat(Enumerable.Range(0, count).Select(static i =>
    {
        var random = Convert.ToHexString(SHA256.HashData(BitConverter.GetBytes(i)));
        return string.Create(CultureInfo.InvariantCulture, $"put key{i} {random}{new string('x', 400)}\n\n");
    }));

    private static void Flip(string path, int at)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[Math.Min(at, bytes.Length / 2)] ^= 16;
        File.WriteAllBytes(path, bytes);
    }

    private static async Task<bool> MountAsync(params string[] arguments)
    {
        try
        {
            return OperatingSystem.IsLinux() && (await Tool.RunProgramAsync("mount", arguments)).ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
