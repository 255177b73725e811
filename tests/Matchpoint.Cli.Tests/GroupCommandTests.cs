using System.Text;
using Matchpoint.Cli.Node;
using Matchpoint.Client;

namespace Matchpoint.Cli.Tests;

/// <summary>The commands that talk to running nodes, against three real processes, of which one is killed.</summary>
public sealed class GroupCommandTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Workplace _work = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task What_is_put_is_there_and_the_group_survives_the_kill_of_its_primary()
    {
        await using var group = await ProcessGroup.StartAsync(_work.At("group"), Tool.LongElection, static _ => { }, Cancellation);
        var all = string.Join(',', group.Names.Select(group.EndpointOf));
        var put = await Tool.RunAsync("put", "greeting", "hello world", "--connect", $"{group.EndpointOf("a")}");
        Assert.Equal((0, ""), (put.ExitCode, put.Errors));
        var token = put.Output.Trim().Split(' ')[^1];
        Assert.Equal("hello world\n", (await Tool.RunAsync("get", "greeting", "--at-least", token, "--connect", $"{group.EndpointOf("b")}")).Output);
        Assert.Equal("hello world\n", (await Tool.RunAsync("get", "greeting", "--level", "linearizable", "--connect", $"{group.EndpointOf("c")}")).Output);
        Assert.Equal(1, (await Tool.RunAsync("get", "nothing", "--connect", all)).ExitCode);

        Assert.Equal(0, (await Tool.RunAsync("put a 1\nput b 2\ndelete greeting\n", ["txn", "--if", "greeting=hello world", "--connect", all])).ExitCode);
        Assert.Equal(3, (await Tool.RunAsync("put a 9\n", ["txn", "--if-absent", "a", "--connect", all])).ExitCode);
        Assert.Equal(0, (await Tool.RunAsync("put a 1\n", ["txn", "--if-absent", "greeting", "--connect", all])).ExitCode);
        Assert.Equal("b  2\na  1\n", (await Tool.RunAsync("scan", "--reverse", "--level", "linearizable", "--connect", all)).Output);
        Assert.Contains("Put greeting hello world", (await Tool.RunAsync("watch", "--from", "0.0", "--count", "2", "--connect", all)).Output, StringComparison.Ordinal);

        var primary = await group.FindPrimaryAsync(Patience, Cancellation);
        group.Kill(primary);
        var down = await Tool.RunAsync("status", "--all", "--connect", $"{group.EndpointOf(group.Names.First(name => name != primary))}");
        Assert.Equal((1, true), (down.ExitCode, down.Output.Contains("unreachable", StringComparison.Ordinal)));
        Assert.Equal(0, (await Tool.RunAsync("put", "after", "failover", "--connect", all, "--timeout", "50")).ExitCode);
        group.Start(primary);
        await group.AllFollowAsync(Patience, Cancellation);
        using var json = await Tool.AllAnswerAsync("--connect", $"{group.EndpointOf(primary)}", "--digest");
        Assert.Equal(3, json.RootElement.GetArrayLength());
        Assert.NotNull(Assert.Single(json.RootElement.EnumerateArray().Select(node => node.GetProperty("digest").GetString()).Distinct()));
    }

    [Fact]
    public async Task What_was_undone_is_applied_once_more_where_nothing_has_changed_since()
    {
        await using var group = await ProcessGroup.StartAsync(_work.At("group"), Tool.LongElection, static _ => { }, Cancellation, withLinks: true);
        await group.AllFollowAsync(Patience, Cancellation);
        var old = await group.FindPrimaryAsync(Patience, Cancellation);
        var all = string.Join(',', group.Names.Where(name => name != old).Select(group.EndpointOf));
        Assert.Equal(0, (await Tool.RunAsync("put", "shared", "1", "--acks", "none", "--connect", $"{group.EndpointOf(old)}", "--timeout", "20")).ExitCode);
        await group.AllFollowAsync(Patience, Cancellation);
        await using (var client = await NodeClient.ConnectAsync(group.EndpointOf(old), Patience, Cancellation))
        {
            group.Isolate(old, isCut: true);
            // One after another on one key, one that meets a change, one that meets none. Without the tool: to start it three times may take longer than the primary leads on.
            foreach (var (key, value) in new[] { ("mine", "1"), ("mine", "2"), ("contested", "lost") })
            {
                var put = new ClientOperation(ChangeKind.Put, null, -1, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));
                await client.AskAsync(new ClientRequest { Op = "transact", Operations = [put], Acks = AckPolicy.None }, Patience, Cancellation);
            }
        }

        group.Kill(old);
        Assert.Equal(0, (await Tool.RunAsync("put", "contested", "kept", "--connect", all, "--timeout", "60")).ExitCode);
        group.Isolate(old, isCut: false);
        group.Start(old);
        await group.AllFollowAsync(Patience, Cancellation);

        var data = group.DirectoryOf(old);
        var apply = await Tool.RunAsync("rollbacks", "apply", "--data", data, "--connect", all);
        Assert.Equal(("", 3), (apply.Errors, apply.ExitCode));
        Assert.Contains("2 transactions applied, 1 in conflict", apply.Output, StringComparison.Ordinal);
        Assert.Contains("Put \"contested\"", apply.Output, StringComparison.Ordinal);
        Assert.Equal("contested  kept\nmine  2\nshared  1\n", (await Tool.RunAsync("scan", "--level", "linearizable", "--connect", all)).Output);
        var again = await Tool.RunAsync("rollbacks", "apply", "--data", data, "--connect", all);
        Assert.Contains("0 transactions applied, 3 in conflict", again.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serve_says_what_is_wrong_with_its_options()
    {
        var nothing = await Tool.RunAsync("serve");
        Assert.Equal((2, true), (nothing.ExitCode, nothing.Errors.Contains("--data", StringComparison.Ordinal)));
        var name = await Tool.RunAsync("serve", "--data", _work.At("x"), "--name", "z", "--member", "a=127.0.0.1:1");
        Assert.Equal((2, true), (name.ExitCode, name.Errors.Contains("Name is \"z\": expected one of the members: a", StringComparison.Ordinal)));
        await File.WriteAllTextAsync(_work.At("config.json"), """{ "data": "x", "membres": {} }""", Cancellation);
        var config = await Tool.RunAsync("serve", "--config", _work.At("config.json"));
        Assert.Equal((2, true), (config.ExitCode, config.Errors.Contains("membres", StringComparison.Ordinal) && config.Errors.Contains("members", StringComparison.Ordinal)));

        await File.WriteAllTextAsync(_work.At("routes.json"), """{ "data": "x", "name": "a", "members": { "a": "127.0.0.1:1", "b": "127.0.0.1:2" }, "routes": { "b": "nowhere" } }""", Cancellation);
        var routes = await Tool.RunAsync("serve", "--config", _work.At("routes.json"));
        Assert.Equal((2, true), (routes.ExitCode, routes.Errors.Contains("Routes[b]", StringComparison.Ordinal)));
        var nobody = await Tool.RunAsync("get", "k", "--connect", "127.0.0.1:1", "--timeout", "0.2");
        Assert.Equal((1, true), (nobody.ExitCode, nobody.Errors.Contains("127.0.0.1:1", StringComparison.Ordinal)));
    }
}
