using System.Text.RegularExpressions;
using Matchpoint.Cli.Node;

namespace Matchpoint.Cli.Tests;

/// <summary>A group's members are shown and changed, the primary is handed over, and the last way out is taken, all with real processes.</summary>
public sealed partial class MembersCommandTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Workplace _work = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Members_are_shown_changed_and_handed_the_lead()
    {
        await using var group = await ProcessGroup.StartAsync(_work.At("group"), Tool.LongElection, static _ => { }, Cancellation);
        await group.AllFollowAsync(Patience, Cancellation);
        var all = string.Join(',', group.Names.Select(group.EndpointOf));
        Assert.Contains("nothing was changed yet", (await Tool.RunAsync("members", "--connect", all)).Output, StringComparison.Ordinal);

        var old = await group.FindPrimaryAsync(Patience, Cancellation);
        var heir = group.Names.First(name => name != old);
        var gone = group.Names.First(name => name != old && name != heir);
        Assert.Equal((0, $"{heir} is the primary now\n"), Answer(await Tool.RunAsync("transfer", heir, "--connect", all)));
        var self = await Tool.RunAsync("members", "remove", heir, "--connect", all);
        Assert.Equal((3, true), (self.ExitCode, self.Errors.Contains("transfer the primary to another member first", StringComparison.Ordinal)));

        var removed = await Tool.RunAsync("members", "remove", gone, "--connect", all);
        Assert.Equal((0, ""), (removed.ExitCode, removed.Errors));
        var secondary = await Tool.RunAsync("members", "add", $"{gone}={group.EndpointOf(gone)},secondary", "--connect", all);
        Assert.Equal((0, ""), (secondary.ExitCode, secondary.Errors));
        var voter = await Tool.RunAsync("members", "set", $"{gone}={group.EndpointOf(gone)},priority=3", "--connect", all);
        Assert.Equal((0, ""), (voter.ExitCode, voter.Errors));
        Assert.Equal(2, (await Tool.RunAsync("members", "add", "x=1.2.3.4:5,leader", "--connect", all)).ExitCode);
        Assert.Equal(0, (await Tool.RunAsync("put", "k", "v", "--connect", all, "--timeout", "30")).ExitCode);
        var shown = await Tool.RunAsync("members", "--json", "--connect", all);
        Assert.Equal((0, true), (shown.ExitCode, shown.Output.Contains("\"priority\": 3", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task When_a_majority_is_lost_for_good_the_last_one_goes_on_in_two_steps()
    {
        string data;
        string last;
        await using (var group = await ProcessGroup.StartAsync(_work.At("group"), Tool.LongElection, static _ => { }, Cancellation))
        {
            await group.AllFollowAsync(Patience, Cancellation);
            var all = string.Join(',', group.Names.Select(group.EndpointOf));
            Assert.Equal(0, (await Tool.RunAsync("put", "k", "v", "--connect", all)).ExitCode);
            await group.AllFollowAsync(Patience, Cancellation);
            last = group.Names.First();
            data = group.DirectoryOf(last);
            var running = await Tool.RunAsync("members", "reset", "--data", data, "--name", last);
            Assert.Equal(3, running.ExitCode); // A node has it open.
            foreach (var name in group.Names) group.Kill(name);
        }

        var before = await Tool.RunAsync("log", "info", data);
        var look = await Tool.RunAsync("members", "reset", "--data", data, "--name", last);
        Assert.Equal((0, ""), (look.ExitCode, look.Errors));
        Assert.Contains("Nothing was changed", look.Output, StringComparison.Ordinal);
        Assert.Equal(before.Output, (await Tool.RunAsync("log", "info", data)).Output);
        Assert.Equal(3, (await Tool.RunAsync("members", "reset", "--data", data, "--name", last, "--confirm", "00000000")).ExitCode);
        var done = await Tool.RunAsync("members", "reset", "--data", data, "--name", last, "--confirm", Code().Match(look.Output).Groups["code"].Value);
        Assert.Equal((0, ""), (done.ExitCode, done.Errors));

        await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = data, Name = last, Group = "matchpoint" }, Cancellation);
        Assert.True(node.IsPrimary);
        Assert.Equal("v", await node.Default.GetTextAsync("k"));
        await node.Default.PutAsync("after", "v");
    }

    private static (int, string) Answer(ToolResult run) => (run.ExitCode, run.Output);

    [GeneratedRegex("--confirm (?<code>[0-9a-f]{8})", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Code();
}
