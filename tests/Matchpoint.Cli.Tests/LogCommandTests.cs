using System.Text.Json;

namespace Matchpoint.Cli.Tests;

public sealed class LogCommandTests : IDisposable
{
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task What_is_appended_is_dumped_verified_and_described()
    {
        var data = _work.At("a");
        var append = await Tool.RunAsync("put a 1\nput b 2\n\n# a comment\ndelete a\n\nput \"k 3\" \"line\\nbreak\"\n", ["log", "append", data, "--term", "3"]);
        Assert.Equal(0, append.ExitCode);
        Assert.Contains("appended 3 transactions; the log reaches record 4, term 3", append.Output, StringComparison.Ordinal);

        var dump = await Tool.RunAsync("log", "dump", data, "--from", "2", "--to", "3");
        Assert.Equal(0, dump.ExitCode);
        Assert.Contains("put b 2", dump.Output, StringComparison.Ordinal);
        Assert.Contains("delete a", dump.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("TermStart", dump.Output, StringComparison.Ordinal);

        var lines = (await Tool.RunAsync("log", "dump", data, "--json")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, lines.Length);
        using var last = JsonDocument.Parse(lines[3]);
        Assert.Equal("Commit", last.RootElement.GetProperty("kind").GetString());
        Assert.Equal("k 3", last.RootElement.GetProperty("operations")[0].GetProperty("key").GetString());

        Assert.Contains("sound: 4 records", (await Tool.RunAsync("log", "verify", data)).Output, StringComparison.Ordinal);
        using var info = JsonDocument.Parse((await Tool.RunAsync("log", "info", data, "--json")).Output);
        Assert.Equal(4, info.RootElement.GetProperty("last").GetInt64());
        Assert.Equal(3, info.RootElement.GetProperty("commits").GetInt64());
    }

    [Fact]
    public async Task A_large_transaction_is_written_in_pieces()
    {
        var data = _work.At("a");
        var input = string.Concat(Enumerable.Range(0, 20).Select(i => $"put key{i} {new string('x', 40)}\n"));
        Assert.Equal(0, (await Tool.RunAsync(input, ["log", "append", data, "--term", "1", "--piece-bytes", "200"])).ExitCode);
        var dump = (await Tool.RunAsync("log", "dump", data)).Output;
        Assert.Contains("Piece", dump, StringComparison.Ordinal);
        Assert.Contains("part of the transaction that began at 2", dump, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("put a 1\n\nput\n", "line 3: the key is missing")]
    [InlineData("put a 1\n\nput b\n", "line 3: the value is missing")]
    [InlineData("put a 1\n\nput \"b 1\n", "line 3: a quote is opened and not closed")]
    [InlineData("put a 1\n\nfrobnicate\n", "line 3: expected put KEY VALUE")]
    public async Task A_line_that_is_not_understood_is_named_and_what_came_before_it_is_kept(string input, string message)
    {
        var data = _work.At("a");
        var result = await Tool.RunAsync(input, ["log", "append", data, "--term", "1"]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(message, result.Errors, StringComparison.Ordinal);
        Assert.Contains("1 transactions before it were appended, up to record 2", result.Errors, StringComparison.Ordinal);
        Assert.Contains("sound: 2 records", (await Tool.RunAsync("log", "verify", data)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_over_the_limit_is_refused_with_the_limit()
    {
        var result = await Tool.RunAsync($"put {new string('k', 70_000)} v\n", ["log", "append", _work.At("a"), "--term", "1"]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("A key of 70000 bytes is longer than the limit of 65536", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_older_term_is_refused()
    {
        var data = _work.At("a");
        await Tool.RunAsync("put a 1\n", ["log", "append", data, "--term", "5"]);
        var result = await Tool.RunAsync("put a 1\n", ["log", "append", data, "--term", "4"]);
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("term 4 is over: the log is in term 5", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damage_is_named_with_file_position_expected_and_found()
    {
        var data = _work.At("a");
        await Tool.RunAsync("put a 1\n\nput b 2\n", ["log", "append", data, "--term", "1"]);
        var segment = Path.Combine(data, "log", "00000000000000000000.log");
        var bytes = await File.ReadAllBytesAsync(segment);
        bytes[^1] ^= 0x40;
        await File.WriteAllBytesAsync(segment, bytes);

        var verify = await Tool.RunAsync("log", "verify", data);
        Assert.Equal(4, verify.ExitCode);
        Assert.Contains($"{segment} at byte", verify.Output, StringComparison.Ordinal);
        Assert.Contains("record 3: CRC-32C: expected", verify.Output, StringComparison.Ordinal);
        using var json = JsonDocument.Parse((await Tool.RunAsync("log", "verify", data, "--json")).Output);
        Assert.False(json.RootElement.GetProperty("sound").GetBoolean());
        Assert.Equal(segment, json.RootElement.GetProperty("damage")[0].GetProperty("file").GetString());

        var append = await Tool.RunAsync("put c 3\n", ["log", "append", data, "--term", "1"]);
        Assert.Equal(4, append.ExitCode);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(segment));
    }

    [Fact]
    public async Task A_directory_that_is_not_there_empty_foreign_or_in_use_is_told_apart()
    {
        var missing = await Tool.RunAsync("log", "dump", _work.At("missing"));
        Assert.Equal((2, true), (missing.ExitCode, missing.Errors.Contains("there is no such directory", StringComparison.Ordinal)));

        Directory.CreateDirectory(_work.At("empty"));
        var empty = await Tool.RunAsync("log", "info", _work.At("empty"));
        Assert.Equal((2, true), (empty.ExitCode, empty.Errors.Contains("the directory is empty", StringComparison.Ordinal)));

        Directory.CreateDirectory(_work.At("foreign"));
        await File.WriteAllTextAsync(_work.At("foreign/letter.txt"), "dear all");
        var foreign = await Tool.RunAsync("put a 1\n", ["log", "append", _work.At("foreign"), "--term", "1"]);
        Assert.Equal((3, true), (foreign.ExitCode, foreign.Errors.Contains("it holds letter.txt but no identity file", StringComparison.Ordinal)));
        Assert.Equal(["letter.txt"], Directory.EnumerateFileSystemEntries(_work.At("foreign")).Select(path => Path.GetFileName(path)));

        await Tool.RunAsync("put a 1\n", ["log", "append", _work.At("a"), "--term", "1"]);
        await using var feeder = await Feeder.StartAsync(_work.At("a"));
        var inUse = await Tool.RunAsync("put b 2\n", ["log", "append", _work.At("a"), "--term", "1"]);
        Assert.Equal((3, true), (inUse.ExitCode, inUse.Errors.Contains("in use by process", StringComparison.Ordinal)));
        Assert.Equal(0, (await Tool.RunAsync("log", "dump", _work.At("a"))).ExitCode);
    }

    [Fact]
    public async Task Every_command_helps()
    {
        string[][] commands =
        [
            [], ["demo"], ["serve"], ["status"], ["put"], ["get"], ["delete"], ["scan"], ["watch"], ["txn"],
            ["rollbacks", "apply"], ["bench", "commit"], ["bench", "catchup"], ["bench", "failover"], ["bench", "read"], ["bench", "restore"], ["bench", "transfer"],
            ["log"], ["log", "append"], ["log", "dump"], ["log", "verify"], ["log", "info"], ["syncup"], ["syncup", "feed"], ["syncup", "join"],
            ["syncup", "explain"], ["rollbacks"], ["rollbacks", "list"], ["rollbacks", "show"], ["bench"], ["bench", "limits"], ["bench", "log"], ["bench", "syncup"],
        ];
        var results = new List<ToolResult>();
        foreach (var some in commands.Chunk(4)) results.AddRange(await Task.WhenAll(some.Select(static command => Tool.RunAsync([.. command, "--help"]))));
        Assert.Equal(commands.Length, results.Count);
        Assert.All(results, result => Assert.Equal((0, true), (result.ExitCode, result.Output.Contains("Usage:\n  matchpoint", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task An_unknown_option_is_a_usage_error()
    {
        Assert.Equal(2, (await Tool.RunAsync("log", "dump", "x", "--frobnicate")).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("log", "append", "x")).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("syncup", "join", "--data", "x", "--feeder", "nowhere")).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("syncup", "join", "--data", "x", "--feeder", "a:1", "--protocol", "3")).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("syncup", "join", "--data", "x", "--feeder", "a:1", "--rollback-limit", "-1")).ExitCode);
    }
}
