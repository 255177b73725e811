using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Records;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>Groups whose members change while they run, and whose primary is handed over.</summary>
public sealed class MembershipTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_member_that_is_added_catches_up_and_then_counts()
    {
        await using var group = await StartAsync();
        for (var i = 0; i < 200; i++) await group.Primary.Default.PutAsync(Utf8($"k{i}"), Utf8("v"), cancellation: Cancellation);
        await group.Primary.AddMemberAsync(group.Prepare("d"), Cancellation);
        Assert.True(StatusOf(group.Primary, "d").IsPending);
        await group.StartAsync("d");
        await Eventually.HoldsAsync(() => group.Primary is { } primary && !StatusOf(primary, "d").IsPending, "d counts");
        await group.AgreedAsync();
        Assert.All(group.Nodes, static node => Assert.Equal(["a", "b", "c", "d"], node.Core.Members.Voters));

        // Of four two may go no more: the majority is three.
        var names = group.Replicas.Select(static node => node.Options.Name).Where(static name => name != "d").ToList();
        await group.StopAsync(names[0]);
        await group.Primary.Default.PutAsync(Utf8("three"), Utf8("v"), cancellation: Cancellation);
        await group.StopAsync(names[1]);
        await Assert.ThrowsAnyAsync<MatchpointException>(async () => await group.Nodes.First(static node => node.Options.Name != "d").Default.PutAsync(
            Utf8("two"), Utf8("v"), new CommitOptions { Timeout = TimeSpan.FromMilliseconds(300) }, Cancellation));
    }

    /// <summary>Whose vote a change takes away knows from its log alone that it had one.</summary>
    [Fact]
    public async Task The_members_that_a_group_began_with_are_written_down_before_their_first_change_and_only_then()
    {
        await using var group = await StartAsync();
        Assert.Empty(RostersOf(group.Primary));
        var (removed, other) = (group.Replicas[0].Options.Name, group.Replicas[1].Options.Name);
        await group.Primary.RemoveMemberAsync(removed, Cancellation);
        Assert.Equal([["a", "b", "c"], [.. new[] { group.Primary.Options.Name, other }.Order(StringComparer.Ordinal)]], RostersOf(group.Primary));
        await group.Primary.ChangeMemberAsync(group.MemberOf(other) with { Priority = 3 }, Cancellation);
        Assert.Equal(3, RostersOf(group.Primary).Count);
    }

    [Fact]
    public async Task A_node_by_itself_grows_to_three()
    {
        await using var group = await StartAsync(1);
        await group["a"].Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        foreach (var name in new[] { "b", "c" })
        {
            await group["a"].AddMemberAsync(group.Prepare(name), Cancellation);
            await group.StartAsync(name);
            await Eventually.HoldsAsync(() => group["a"].Core.Members.Roster.IsVoter(name), $"{name} counts");
        }

        await group.AgreedAsync();
        await group.StopAsync("a");
        await group.SettledAsync();
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("after"), cancellation: Cancellation);

        // Its options still say that it is alone; its log says otherwise.
        await group.StartAsync("a");
        await group.AgreedAsync();
        Assert.Equal("after", Text(await group["a"].Default.GetAsync(Utf8("k"), ReadLevel.Linearizable, Cancellation)));
    }

    /// <summary>How far its log was flushed it does not know then, and others may count on what it had.</summary>
    [Fact]
    public async Task A_node_that_began_by_itself_and_lost_its_positions_takes_no_part_until_it_has_caught_up()
    {
        await using var group = await StartAsync(1);
        await group["a"].AddMemberAsync(group.Prepare("b"), Cancellation);
        await group.StartAsync("b");
        await Eventually.HoldsAsync(() => group["a"].Core.Members.Roster.IsVoter("b"), "b counts");
        await group.AgreedAsync();
        foreach (var name in new[] { "a", "b" }) await group.StopAsync(name);
        File.Delete(Path.Combine(group.DirectoryOf("a"), "positions"));
        await group.StartAsync("a");
        Assert.False(group["a"].GetStatus().Counts);
        await group.StopAsync("a");
        await group.StartAsync("a");
        Assert.False(group["a"].GetStatus().Counts);
    }

    [Fact]
    public async Task A_change_that_a_close_breaks_off_has_an_unknown_outcome()
    {
        await using var group = await StartAsync();
        var primary = group.Primary;
        // Written down before, so that the change is one record, and nothing of it is waited for first.
        await primary.ChangeMemberAsync(group.MemberOf(primary.Options.Name) with { Priority = 3 }, Cancellation);
        group.Links(primary.Options.Name, static link => link.Hang());
        var before = primary.Core.Appender.RosterAt;
        var change = primary.AddMemberAsync(group.Prepare("d"), Cancellation);
        await Eventually.HoldsAsync(() => primary.Core.Appender.RosterAt > before, "the change is in the log");
        await group.StopAsync(primary.Options.Name);
        await Assert.ThrowsAsync<InsufficientAcksException>(async () => await change);
    }

    [Fact]
    public async Task A_member_that_is_removed_knows_it_and_disturbs_nobody()
    {
        await using var group = await StartAsync();
        var gone = group.Replicas[0].Options.Name;
        await group.Primary.RemoveMemberAsync(gone, Cancellation);
        await Eventually.HoldsAsync(() => group[gone].State == NodeState.Removed, () => $"{gone} knows that it was removed: {group[gone].GetStatus().Step}");
        Assert.Contains($"'{gone}' is no member", group[gone].GetStatus().Step, StringComparison.Ordinal);
        var term = group.Primary.GetStatus().Term;

        // It was away when it was removed, or is started once more: it is told.
        await group.StopAsync(gone);
        await group.StartAsync(gone);
        await Eventually.HoldsAsync(() => group[gone].State == NodeState.Removed, () => $"{gone} is told that it was removed: {group[gone].GetStatus().Step}");

        // It asks again and again, and is told again: that is no news.
        var changes = new List<StateChange>();
        group[gone].StateChanged += (_, change) => changes.Add(change);
        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0; TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(2); i++) await group.Primary.Default.PutAsync(Utf8($"k{i}"), Utf8("v"), cancellation: Cancellation);
        Assert.Empty(changes);
        await group.StopAsync(gone);
        await group.AgreedAsync();
        Assert.Equal(term, group.Primary.GetStatus().Term);
        Assert.Equal(2, group.Primary.Core.Members.Voters.Length);
    }

    /// <summary>The record that does so would stay on the primary alone, and nobody could be elected with it: not the primary, and not against its log.</summary>
    [Fact]
    public async Task No_vote_is_taken_away_where_no_majority_of_the_others_is_there()
    {
        await using var group = await StartAsync();
        var (gone, here) = (group.Replicas[0].Options.Name, group.Replicas[1].Options.Name);
        var primary = group.Primary;
        await group.StopAsync(gone);
        await Eventually.HoldsAsync(() => !primary.GetStatus().Members.Single(member => member.Name == gone).IsConnected, "the primary knows who is away");
        var last = primary.GetStatus().Last;
        foreach (var change in new[] { () => primary.RemoveMemberAsync(here, Cancellation), () => primary.ChangeMemberAsync(group.MemberOf(here) with { Kind = MemberKind.Secondary }, Cancellation) })
        {
            var refused = await Assert.ThrowsAsync<MembershipException>(change);
            Assert.Contains($"of them only {primary.Options.Name} is here and takes part now", refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal(last, primary.GetStatus().Last);
        await primary.RemoveMemberAsync(gone, Cancellation);
        await group.AgreedAsync();
        Assert.Equal(2, primary.Core.Members.Voters.Length);
    }

    /// <summary>Whom its log names may be removed by now themselves, or gone.</summary>
    [Fact]
    public async Task A_member_that_was_removed_needs_nobody_to_tell_it()
    {
        await using var group = await StartAsync();
        var gone = group.Replicas[0].Options.Name;
        await group.Primary.RemoveMemberAsync(gone, Cancellation);
        await Eventually.HoldsAsync(() => group[gone].State == NodeState.Removed, () => $"{gone} knows that it was removed: {group[gone].GetStatus().Step}");
        foreach (var name in new[] { "a", "b", "c" }) await group.StopAsync(name);
        await group.StartAsync(gone);
        await Eventually.HoldsAsync(() => group[gone].State == NodeState.Removed, () => $"{gone} still knows it: {group[gone].GetStatus().Step}");
        Assert.Contains($"'{gone}' is no member of the group any more", group[gone].GetStatus().Step, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_that_was_removed_can_be_added_again()
    {
        await using var group = await StartAsync();
        var gone = group.Replicas[0].Options.Name;
        await group.Primary.RemoveMemberAsync(gone, Cancellation);
        await group.StopAsync(gone);
        await group.Primary.Default.PutAsync(Utf8("meanwhile"), Utf8("v"), cancellation: Cancellation);
        await group.Primary.AddMemberAsync(group.MemberOf(gone), Cancellation);
        await group.StartAsync(gone);
        await Eventually.HoldsAsync(() => group.Primary is { } primary && primary.Core.Members.Roster.IsVoter(gone), $"{gone} counts again");
        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_secondary_holds_the_data_and_decides_nothing()
    {
        await using var group = await StartAsync();
        await group.Primary.AddMemberAsync(group.Prepare("d") with { Kind = MemberKind.Secondary }, Cancellation);
        await group.StartAsync("d");
        var token = await group.Primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        Assert.Equal("v", Text(await group["d"].Default.GetAsync(Utf8("k"), ReadLevel.AtLeast(token), Cancellation)));
        foreach (var replica in group.Replicas.Where(static node => node.Options.Name != "d").ToList()) await group.StopAsync(replica.Options.Name);
        await Assert.ThrowsAnyAsync<MatchpointException>(async () => await group.Nodes.First(static node => node.Options.Name != "d").Default.PutAsync(
            Utf8("k"), Utf8("w"), new CommitOptions { Timeout = TimeSpan.FromMilliseconds(300) }, Cancellation));
    }

    [Fact]
    public async Task A_primary_is_handed_over_and_nothing_that_was_acknowledged_is_lost()
    {
        await using var group = await StartAsync();
        var before = group.Primary;
        var heir = group.Replicas[1];
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var acknowledged = 0;
        var writing = Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                try
                {
                    if (group.Nodes.FirstOrDefault(static node => node.IsPrimary) is not { } primary) throw new NotPrimaryException("nobody leads", null, null);
                    await primary.Default.PutAsync(Utf8($"w{i}"), Utf8("v"), cancellation: CancellationToken.None);
                    acknowledged = i + 1;
                }
                catch (NotPrimaryException)
                {
                    i--; // Nothing was written: it is asked of the next.
                    await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None);
                }
            }
        }, Cancellation);
        await Eventually.HoldsAsync(() => Volatile.Read(ref acknowledged) > 20, "writes go on");
        Assert.Equal(heir.Options.Name, await before.TransferAsync(heir.Options.Name, cancellation: Cancellation));
        await Eventually.HoldsAsync(() => heir.IsPrimary && heir.Core.IsReady, "the heir leads");
        var sofar = Volatile.Read(ref acknowledged);
        await Eventually.HoldsAsync(() => Volatile.Read(ref acknowledged) > sofar + 20, "writes go on with the heir");
        await stop.CancelAsync();
        await writing;
        await group.AgreedAsync();
        Assert.False(before.IsPrimary);
        for (var i = 0; i < acknowledged; i++) Assert.NotNull(await heir.Default.GetAsync(Utf8($"w{i}"), ReadLevel.Durable, Cancellation));
    }

    [Fact]
    public async Task A_hand_over_that_cannot_be_is_given_up_cleanly()
    {
        await using var group = await StartAsync();
        var primary = group.Primary;
        var missing = group.Replicas[0].Options.Name;
        await group.StopAsync(missing);
        // As long as the primary feeds it, it is an heir that has all, and it goes only after the primary has stepped down for it.
        await Eventually.HoldsAsync(() => !StatusOf(primary, missing).IsConnected, $"{primary.Options.Name} misses {missing}");
        var late = await Assert.ThrowsAsync<TransferException>(() => primary.TransferAsync(missing, TimeSpan.FromSeconds(2), Cancellation));
        Assert.Contains("is still the primary", late.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<TransferException>(() => primary.TransferAsync("nobody", cancellation: Cancellation));
        await Assert.ThrowsAsync<NotPrimaryException>(() => group.Replicas[0].TransferAsync(cancellation: Cancellation));
        await primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        Assert.True(primary.IsPrimary);
    }

    [Fact]
    public async Task Closing_the_primary_hands_over_first()
    {
        await using var group = await StartAsync(change: static options => options with { ElectionTimeout = TimeSpan.FromSeconds(20) });
        var term = group.Primary.GetStatus().Term;
        await group.StopAsync(group.Primary.Options.Name);
        Assert.Contains(group.Nodes, static node => node.IsPrimary); // Long before anybody would have been missed.
        Assert.Equal(term + 1, group.Primary.GetStatus().Term);
    }

    [Fact]
    public async Task Whoever_is_wanted_most_leads_when_it_is_there()
    {
        await using var group = await StartAsync();
        var wanted = group.Replicas[0].Options.Name;
        await group.Primary.ChangeMemberAsync(group.MemberOf(wanted) with { Priority = 9 }, Cancellation);
        await Eventually.HoldsAsync(() => group[wanted].IsPrimary, $"{wanted} takes over");
        await group.AgreedAsync();
    }

    [Fact]
    public async Task The_designated_of_two_goes_on_alone_and_takes_the_other_in_again()
    {
        await using var group = await StartAsync(2, static options => options with
        {
            Members = [.. options.Members.Select(static member => member with { IsDesignated = member.Name == "a" })],
        });
        await Eventually.HoldsAsync(() => group.Primary is { } primary && primary.GetStatus().MembersAt > 0, "the designation is written down");
        if (!group["a"].IsPrimary) await group["b"].TransferAsync("a", cancellation: Cancellation);
        await group.StopAsync("b");
        await group["a"].Default.PutAsync(Utf8("alone"), Utf8("v"), cancellation: Cancellation);
        // What let the write through is told of a moment later.
        await Eventually.HoldsAsync(() => group["a"].GetStatus().Warnings.Any(static warning => warning.Contains("on this machine only", StringComparison.Ordinal)), "a warns that it is alone");

        // It starts alone, too.
        await group.StopAsync("a");
        await group.StartAsync("a");
        await Eventually.HoldsAsync(() => group["a"].IsPrimary, "a leads alone");
        await group["a"].Default.PutAsync(Utf8("again"), Utf8("v"), cancellation: Cancellation);
        await group.StartAsync("b");
        await Eventually.HoldsAsync(() => group["a"].Core.Members.Roster.IsVoter("b"), "b counts again");
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => !group["a"].GetStatus().Warnings.Any(static warning => warning.Contains("on this machine only", StringComparison.Ordinal)), "the warning is taken back");

        // The other never leads alone.
        await group.StopAsync("a");
        await Assert.ThrowsAnyAsync<MatchpointException>(async () => await group["b"].Default.PutAsync(Utf8("b alone"), Utf8("v"), cancellation: Cancellation));
        await Eventually.HoldsAsync(() => group["b"].State == NodeState.Electing, "b looks for a primary, and finds none");
        Assert.False(group["b"].IsPrimary);
    }

    [Fact]
    public async Task Members_change_one_at_a_time_and_only_on_the_primary()
    {
        await using var group = await StartAsync();
        await Assert.ThrowsAsync<NotPrimaryException>(() => group.Replicas[0].RemoveMemberAsync(group.Primary.Options.Name, Cancellation));
        var refused = await Assert.ThrowsAsync<MembershipException>(() => group.Primary.RemoveMemberAsync(group.Primary.Options.Name, Cancellation));
        Assert.Contains("transfer the primary to another member first", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => group.Primary.AddMemberAsync(new GroupMember("e", "nowhere"), Cancellation));
        var before = group.Primary.GetStatus().MembersAt;
        await Task.WhenAll(
            group.Primary.AddMemberAsync(group.Prepare("d") with { Kind = MemberKind.Secondary }, Cancellation),
            group.Primary.AddMemberAsync(group.Prepare("e") with { Kind = MemberKind.Secondary }, Cancellation));
        Assert.Equal(5, group.Primary.Core.Members.Roster.Members.Length);
        Assert.True(group.Primary.GetStatus().MembersAt > before);
    }

    private static MemberStatus StatusOf(MatchpointNode node, string name) => node.GetStatus().Members.Single(member => member.Name == name);

    private static List<string[]> RostersOf(MatchpointNode node)
    {
        using var view = node.Core.Log.View();
        using var reader = view.ReadFrom(Protocol.Identities.Vlsn.First);
        var rosters = new List<string[]>();
        while (reader.MoveNext())
        {
            if (reader.Header.Kind == RecordKind.Membership) rosters.Add([.. RosterCodec.TryDecode(reader.Payload, out _)!.Voters.Order(StringComparer.Ordinal)]);
        }

        return rosters;
    }
}
