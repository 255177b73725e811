using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Syncup;
using Matchpoint.Transport;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>Wrong members, lost files and old backups: each ends in a clear state and a sentence, and nothing acknowledged is lost.</summary>
public sealed class FaultTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_node_of_another_group_is_refused_with_words_on_its_side()
    {
        await using var group = await StartAsync();
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        Directory.Delete(group.DirectoryOf(name), recursive: true);
        await using var stranger = await MatchpointNode.OpenAsync(group.OptionsOf(name) with { Group = "elsewhere" }, Cancellation);
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        await Eventually.HoldsAsync(
            () => stranger.GetStatus() is { State: NodeState.AwaitingMembers } status && status.Warnings.Any(static warning => warning.Contains("belongs to group", StringComparison.Ordinal)),
            () => $"the refusal in words, and others awaited: {stranger.State} {stranger.GetStatus().Step}; {string.Join(" | ", stranger.GetStatus().Warnings)}");
        Assert.Equal(0, stranger.GetStatus().Last);
    }

    [Fact]
    public async Task A_directory_of_another_group_is_not_opened()
    {
        await using var group = await StartAsync();
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        var error = await Assert.ThrowsAsync<MatchpointException>(() => MatchpointNode.OpenAsync(group.OptionsOf(name) with { Group = "elsewhere" }, Cancellation));
        Assert.Contains("Name the group that made it, or another directory", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_nodes_with_one_name_the_second_is_refused()
    {
        await using var group = await StartAsync();
        var name = group.Replicas[0].Options.Name;
        var second = group.OptionsOf(name) with { Directory = group.DirectoryOf("second"), Listen = "127.0.0.1:0" };
        await using var node = await MatchpointNode.OpenAsync(second, Cancellation);
        await Eventually.HoldsAsync(
            () => (node.Core.Elections.LastRefusal ?? "").Contains("another node is called", StringComparison.Ordinal)
                || group.Nodes.Any(other => other.GetStatus().Warnings.Any(warning => warning.Contains($"called '{name}'", StringComparison.Ordinal))),
            "the refusal in words");
        Assert.Equal(0, node.GetStatus().Last);
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("v"), new CommitOptions { Durability = Durability.Full with { Acks = AckPolicy.All } }, Cancellation);
    }

    [Fact]
    public async Task Whoever_asks_a_node_that_does_not_lead_it_comes_again_and_nobody_is_warned()
    {
        await using var group = await StartAsync();
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        var primary = group.Primary;
        // As long as the primary feeds it, another one of its name is refused for that.
        await Eventually.HoldsAsync(() => !primary.GetStatus().Members.Single(member => member.Name == name).IsConnected, $"{primary.Options.Name} misses {name}");
        using var view = primary.Core.Log.View();
        var identity = primary.Core.Log.Directory.Identity;
        var clock = (long)(TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMicroseconds;
        var hello = new ReplicaHello(2, 2, identity.Group, new NodeId(Guid.NewGuid()), name, new Term(1000), view.First, view.Last, clock, []);
        await using var channel = await TcpChannels.ConnectAsync(Endpoint.Parse(primary.Address!), Eventually.Patience, TimeProvider.System, Cancellation);
        channel.OpenService(Services.OfVersion(2));
        channel.Write(hello);
        await channel.FlushAsync(Eventually.Patience, Cancellation);
        var closed = await Assert.ThrowsAsync<ChannelClosedException>(() => channel.ReceiveAsync(Eventually.Patience, Cancellation).AsTask());
        Assert.Equal(GoodbyeCode.NotNow, closed.Goodbye!.Value.Code);
        await Eventually.HoldsAsync(() => primary.Core.Board.Notes.Any(note => note.Contains("knows of term 1000", StringComparison.Ordinal)), "a note of it");
        Assert.Empty(primary.GetStatus().Warnings);
    }

    [Fact]
    public async Task A_clock_that_is_too_far_off_keeps_a_node_out()
    {
        await using var group = await StartAsync();
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        await using var node = await MatchpointNode.OpenAsync(group.OptionsOf(name) with { Time = new SkewedTime(TimeSpan.FromMinutes(10)) }, Cancellation);
        await Eventually.HoldsAsync(() => node.GetStatus().Warnings.Any(warning => warning.Contains("apart", StringComparison.Ordinal)), "the skew in words");
        Assert.NotEqual(NodeState.Following, node.State);
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
    }

    [Fact]
    public async Task A_node_whose_ballot_is_gone_does_not_vote_until_it_has_caught_up()
    {
        await using var group = await StartAsync();
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var (primary, forgetful) = (group.Primary.Options.Name, group.Replicas[0].Options.Name);
        var third = group.Replicas[1].Options.Name;
        foreach (var name in group.Names) await group.StopAsync(name);
        File.Delete(Path.Combine(group.DirectoryOf(forgetful), "ballot"));
        var node = await group.StartAsync(forgetful);
        await group.StartAsync(third);
        // Two of three, and one of them must not vote: nobody is elected.
        await Eventually.HoldsAsync(() => group[third].Core.Elections.LastRefusal?.Contains("has not caught up", StringComparison.Ordinal) == true, "the vote refused");
        Assert.DoesNotContain(group.Nodes, other => other.IsPrimary);
        Assert.False(node.GetStatus().Counts);
        await Eventually.HoldsAsync(() => node.GetStatus().Warnings.Any(static warning => warning.StartsWith("the file ballot is gone", StringComparison.Ordinal)), "a warning of it");
        await group.StartAsync(primary);
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part again");
        Assert.DoesNotContain(node.GetStatus().Warnings, warning => warning.StartsWith("the file ballot", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_node_that_lost_its_disk_cannot_help_to_elect_away_what_was_acknowledged()
    {
        await using var group = await StartAsync();
        var late = group.Replicas[1].Options.Name;
        await group.StopAsync(late);
        await group.Primary.Default.PutAsync(Utf8("acknowledged"), Utf8("v"), cancellation: Cancellation);
        var (primary, lost) = (group.Primary.Options.Name, group.Replicas[0].Options.Name);
        await group.StopAsync(primary);
        await group.StopAsync(lost);
        Directory.Delete(group.DirectoryOf(lost), recursive: true);
        await group.StartAsync(lost);
        await group.StartAsync(late);
        await Eventually.HoldsAsync(() => group[late].Core.Elections.LastRefusal?.Contains("has not caught up", StringComparison.Ordinal) == true, "the vote refused");
        Assert.DoesNotContain(group.Nodes, node => node.IsPrimary);
        await group.StartAsync(primary);
        await group.AgreedAsync();
        foreach (var node in group.Nodes) Assert.Equal("v", Text(await node.Default.GetAsync(Utf8("acknowledged"), ReadLevel.Linearizable, Cancellation)));
        await Eventually.HoldsAsync(() => group[lost].GetStatus().Counts, "the new disk takes part");
    }

    [Fact]
    public async Task An_old_backup_put_back_is_brought_up_to_date()
    {
        await using var group = await StartAsync();
        for (var i = 0; i < 20; i++) await group.Primary.Default.PutAsync(Utf8($"a{i}"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        CopyDirectory(group.DirectoryOf(name), group.DirectoryOf("backup"));
        await group.StartAsync(name);
        for (var i = 0; i < 20; i++) await group.Primary.Default.PutAsync(Utf8($"b{i}"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        await group.StopAsync(name);
        Directory.Delete(group.DirectoryOf(name), recursive: true);
        CopyDirectory(group.DirectoryOf("backup"), group.DirectoryOf(name));
        await group.StartAsync(name);
        await group.AgreedAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_group_put_back_from_old_backups_that_wrote_other_records_under_the_same_numbers_is_noticed(bool keeperLeads)
    {
        await using var group = await StartAsync();
        await group.Primary.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var names = group.Names.ToList();
        foreach (var name in names) await group.StopAsync(name);
        foreach (var name in names) CopyDirectory(group.DirectoryOf(name), group.DirectoryOf(name + ".backup"));
        foreach (var name in names) await group.StartAsync(name);
        await group.SettledAsync();
        if (keeperLeads) await group.LaterReignAsync(group.Primary.GetStatus().Term + 10, names);
        for (var i = 0; i < 10; i++) await group.Primary.Default.PutAsync(Utf8($"lost{i}"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var lostIn = group.Primary.GetStatus().Term;
        foreach (var name in names) await group.StopAsync(name);
        // Two are put back, the third keeps what was acknowledged: the same numbers, and even the same terms, now mean other records.
        var (keeper, first, second) = (names[0], names[1], names[2]);
        foreach (var name in new[] { first, second })
        {
            Directory.Delete(group.DirectoryOf(name), recursive: true);
            CopyDirectory(group.DirectoryOf(name + ".backup"), group.DirectoryOf(name));
            await group.StartAsync(name);
        }

        await group.SettledAsync();
        if (!keeperLeads) await group.LaterReignAsync(lostIn, first, second);
        for (var i = 0; i < 30; i++) await group.Primary.Default.PutAsync(Utf8($"other{i}"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        await group.StartAsync(keeper);
        // Whoever would have to undo what was acknowledged waits for the operator instead, and still holds it.
        string[] waiting = keeperLeads ? [first, second] : [keeper];
        await Eventually.HoldsAsync(
            () => waiting.All(name => group[name].GetStatus() is { State: NodeState.AwaitingOperator } status && status.Step.Contains("broke its promise", StringComparison.Ordinal)),
            () => $"the broken promise noticed: {States(group)}");
        Assert.Equal("v", Text(await group[keeper].Default.GetAsync(Utf8("lost9"), ReadLevel.Local, Cancellation)));
        foreach (var name in new[] { first, second }) Assert.Equal("v", Text(await group[name].Default.GetAsync(Utf8("other29"), ReadLevel.Local, Cancellation)));
    }

    private static string States(TestGroup group) => string.Join("; ", group.Nodes.Select(node => $"{node.GetStatus().Name} {node.State}, term {node.GetStatus().Term}, {node.GetStatus().Step}"));

    [Fact]
    public async Task The_promise_of_a_vote_survives_a_restart()
    {
        await using var group = await StartAsync();
        var name = group.Replicas[0].Options.Name;
        var term = group.Primary.GetStatus().Term;
        await group.StopAsync(name);
        using var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, group.DirectoryOf(name));
        var ballot = BallotFile.Open(data, hasRecords: true).Ballot;
        Assert.Equal((ulong)term, ballot.Term.Value);
        Assert.Equal(Standing.Full, ballot.Standing);
        // Whoever voted in a term gives no other vote in it: neither before nor after.
        var election = new Election(
            new ElectionSettings(name, Roster.OfVoters(group.Names), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(0.2), 1), ballot with { VotedFor = "a" }, ballot.Term, Vlsn.First, TimeSpan.Zero);
        var effects = new List<ElectionEffect>();
        var poll = new Protocol.Messages.Poll(
            GroupId.FromName("matchpoint"), new NodeId(Guid.NewGuid()), name == "b" ? "c" : "b", Protocol.Messages.PollKind.Vote, false, ballot.Term, ballot.Term, Vlsn.Of(100));
        election.Step(new ElectionInput.PollReceived(poll, 1), TimeSpan.FromSeconds(30), effects);
        Assert.False(effects.OfType<ElectionEffect.Answer>().Single().Message.Granted);
    }

    [Fact]
    public async Task A_peer_that_stops_reading_holds_up_nobody_and_costs_bounded_memory()
    {
        await using var group = await StartAsync();
        var slow = group.Replicas[0].Options.Name;
        group.Links(slow, link => link.Hang());
        var value = new byte[100_000];
        for (var i = 0; i < 400; i++) await group.Primary.Default.PutAsync(Utf8($"k{i}"), value, cancellation: Cancellation);
        var member = group.Primary.GetStatus().Members.Single(member => member.Name == slow);
        Assert.InRange(member.BufferedBytes, 0, 4 * 1024 * 1024);
        group.Links(slow, link => link.Heal());
        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_client_that_disappears_in_mid_transaction_leaves_nothing()
    {
        await using var group = await StartAsync();
        using (var transaction = await group.Primary.BeginAsync(Cancellation))
        {
            transaction.Get("k"u8);
            transaction.Put("k"u8, "half"u8);
        }

        await group.Primary.Default.PutAsync(Utf8("other"), Utf8("v"), cancellation: Cancellation);
        Assert.Null(await group.Primary.Default.GetAsync(Utf8("k"), ReadLevel.Local, Cancellation));
        Assert.Equal(group.Primary.Core.Progress.Durable, group.Primary.Core.Appender.Snapshots.OldestOr(group.Primary.Core.Progress.Durable));
    }

    private static void CopyDirectory(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    /// <summary>A clock that is off, and runs like the others.</summary>
    private sealed class SkewedTime(TimeSpan skew) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + skew;
    }
}
