using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Matchpoint.Cli.Tests;

public sealed class SyncupCommandTests : IDisposable
{
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task The_demo_loses_nothing_that_was_acknowledged()
    {
        var demo = await Tool.RunAsync(Tool.ManyStarts, input: "", ["demo"]);
        Assert.Equal("", demo.Errors);
        Assert.Equal(0, demo.ExitCode);
        Assert.Contains("Nothing acknowledged was lost, and all three hold the same.", demo.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', demo.Output);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public async Task A_diverged_log_joins_over_the_network_and_becomes_equal(string protocol)
    {
        await DivergeAsync();
        await using var feeder = await Feeder.StartAsync(_work.At("a"));
        var before = await File.ReadAllBytesAsync(Segment("b"));
        var dry = await Tool.RunAsync("syncup", "join", "--data", _work.At("b"), "--feeder", feeder.Endpoint, "--protocol", protocol, "--dry-run", "--json");
        Assert.Equal(0, dry.ExitCode);
        using (var decided = JsonDocument.Parse(dry.Output))
        {
            Assert.Equal("decided", decided.RootElement.GetProperty("outcome").GetString());
            Assert.Equal(11, decided.RootElement.GetProperty("row").GetInt32());
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(Segment("b")));
        Assert.Contains("nothing was ever undone here", (await Tool.RunAsync("rollbacks", "list", "--data", _work.At("b"))).Output, StringComparison.Ordinal);

        var join = await Tool.RunAsync("syncup", "join", "--data", _work.At("b"), "--feeder", feeder.Endpoint, "--protocol", protocol);
        Assert.Equal(0, join.ExitCode);
        Assert.Contains("the logs are equal", join.Output, StringComparison.Ordinal);
        Assert.Equal(await File.ReadAllBytesAsync(Segment("a")), await File.ReadAllBytesAsync(Segment("b")));

        using var list = JsonDocument.Parse((await Tool.RunAsync("rollbacks", "list", "--data", _work.At("b"), "--json")).Output);
        Assert.Equal("undone", list.RootElement[0].GetProperty("state").GetString());
        Assert.Equal(1, list.RootElement[0].GetProperty("acknowledged").GetInt64());
        var show = (await Tool.RunAsync("rollbacks", "show", "--data", _work.At("b"))).Output;
        Assert.Contains("put order 17", show, StringComparison.Ordinal);
        Assert.Contains("delete size", show, StringComparison.Ordinal);

        var again = await Tool.RunAsync("syncup", "join", "--data", _work.At("b"), "--feeder", feeder.Endpoint, "--protocol", protocol);
        Assert.Equal(0, again.ExitCode);
        Assert.Contains("resume at", again.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_cuts_nothing_and_exports_what_it_would()
    {
        await DivergeAsync();
        var before = await File.ReadAllBytesAsync(Segment("b"));
        await using var feeder = await Feeder.StartAsync(_work.At("a"));
        var join = await Tool.RunAsync("syncup", "join", "--data", _work.At("b"), "--feeder", feeder.Endpoint, "--rollback-limit", "0");
        Assert.Equal(3, join.ExitCode);
        Assert.Contains("row 10", join.Output, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(Segment("b")));
        var list = (await Tool.RunAsync("rollbacks", "list", "--data", _work.At("b"))).Output;
        Assert.Contains("refused, still in the log", list, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unconfirmed_feeder_gets_no_commit_undone()
    {
        await DivergeAsync();
        var before = await File.ReadAllBytesAsync(Segment("b"));
        await using var feeder = await Feeder.StartAsync(_work.At("a"), "--unconfirmed");
        var join = await Tool.RunAsync("syncup", "join", "--data", _work.At("b"), "--feeder", feeder.Endpoint);
        Assert.Equal(3, join.ExitCode);
        Assert.Contains("row 8", join.Output, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(Segment("b")));
    }

    [Fact]
    public async Task Explain_tells_what_join_would_decide_and_changes_nothing()
    {
        await DivergeAsync();
        var before = await File.ReadAllBytesAsync(Segment("b"));
        var explain = await Tool.RunAsync("syncup", "explain", _work.At("b"), _work.At("a"));
        Assert.Equal(0, explain.ExitCode);
        Assert.Contains("roll back to 3 (row 11)", explain.Output, StringComparison.Ordinal);
        Assert.Contains("A, the replica: 3 records beyond it", explain.Output, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(Segment("b")));
    }

    [Fact]
    public async Task Another_group_is_refused_on_both_sides_with_the_reason()
    {
        await DivergeAsync();
        await using var feeder = await Feeder.StartAsync(_work.At("a"));
        var join = await Tool.RunAsync("syncup", "join", "--data", _work.At("c"), "--group", "other", "--feeder", feeder.Endpoint);
        Assert.Equal(3, join.ExitCode);
        Assert.Contains("belongs to group", join.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Garbage_does_not_stop_a_feeder()
    {
        await DivergeAsync();
        await using var feeder = await Feeder.StartAsync(_work.At("a"));
        var port = int.Parse(feeder.Endpoint.Split(':')[^1], System.Globalization.CultureInfo.InvariantCulture);
        byte[][] garbage =
        [
            Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            [0, 0, 0, 0],
            [0xff, 0xff, 0xff, 0xff],
            [10, 0, 0, 0, .. "REP_SYNCUP"u8, 0xff, 0xff, 0xff, 0x7f],
            [10, 0, 0, 0, .. "REP_SYNCUP"u8, 9, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0],
            [10, 0, 0, 0, .. "REP_STREAM"u8, 2, 0, 0, 0, 16, 0],
            [7, 0, 0, 0, .. "NOTHING"u8],
        ];
        foreach (var bytes in garbage)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, port);
            await socket.SendAsync(bytes);
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            var buffer = new byte[8192];
            while (await ReceiveAsync(socket, buffer, late.Token) > 0)
            {
                // A goodbye, then the end: what matters is that the feeder closes, and does not wait for more.
            }
        }

        var join = await Tool.RunAsync("syncup", "join", "--data", _work.At("b"), "--feeder", feeder.Endpoint);
        Assert.Equal(0, join.ExitCode);
    }

    [Fact]
    public async Task Nobody_there_is_said_so()
    {
        var join = await Tool.RunAsync("syncup", "join", "--data", _work.At("x"), "--feeder", "127.0.0.1:1");
        Assert.Equal(1, join.ExitCode);
        Assert.Contains("127.0.0.1:1: could not connect: nothing listens there", join.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_work.At("x")));
    }

    private static async Task<int> ReceiveAsync(Socket socket, byte[] buffer, CancellationToken cancellation)
    {
        try
        {
            return await socket.ReceiveAsync(buffer, cancellation);
        }
        catch (SocketException)
        {
            return 0; // Reset: closed as well.
        }
    }

    private string Segment(string node) => Path.Combine(_work.At(node), "log", "00000000000000000000.log");

    private async Task DivergeAsync()
    {
        await Tool.RunAsync("put color blue\n\nput size 7\n", ["log", "append", _work.At("a"), "--term", "1"]);
        foreach (var file in Directory.EnumerateFiles(_work.At("a"), "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(_work.At("b"), Path.GetRelativePath(_work.At("a"), file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        await Tool.RunAsync("put order 17\n\ndelete size\n", ["log", "append", _work.At("b"), "--term", "1"]);
        await Tool.RunAsync("put oven 182\n", ["log", "append", _work.At("b"), "--term", "1", "--ack", "none"]);
        await Tool.RunAsync("put color green\n\nput order 18\n", ["log", "append", _work.At("a"), "--term", "2"]);
    }
}
