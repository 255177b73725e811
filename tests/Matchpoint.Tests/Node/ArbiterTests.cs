using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>Groups with an arbiter: a vote and the log, without the data.</summary>
public sealed class ArbiterTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_arbiter_is_the_second_of_a_majority_also_when_it_was_started_again()
    {
        await using var group = await StartAsync(change: static options => options with
        {
            Members = [.. options.Members.Select(static member => member.Name == "c" ? member with { Kind = MemberKind.Arbiter } : member)],
        });
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        await group.SettledAsync();
        await group.StopAsync("c");
        await group.StartAsync("c");
        await group.SettledAsync();

        await group.StopAsync(group.Replicas.First(static node => node.Options.Name != "c").Options.Name);
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("two"), cancellation: Cancellation);
        await Eventually.HoldsAsync(() => group.Primary is { } primary && group["c"].GetStatus().Applied == primary.GetStatus().Durable, "the arbiter has read what is durable");
        var refused = await Assert.ThrowsAsync<MatchpointException>(async () => await group["c"].Default.GetAsync(Utf8("k"), ReadLevel.Local, Cancellation));
        Assert.Contains("it has no data to read", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_arbiter_is_added_to_a_group_that_runs()
    {
        await using var group = await StartAsync(2, static options => options with
        {
            Members = [.. options.Members.Select(static member => member.Name == "c" ? member with { Kind = MemberKind.Arbiter } : member)],
        });
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        await group.Primary.AddMemberAsync(group.Prepare("c") with { Kind = MemberKind.Arbiter }, Cancellation);
        await group.StartAsync("c");
        await Eventually.HoldsAsync(() => group.Primary is { } primary && !primary.GetStatus().Members.Single(static member => member.Name == "c").IsPending, "c counts");
        await group.SettledAsync();
    }
}
