using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>The primary keeps the log that its members need, says who is about to fall off, and lets go of what nobody needs.</summary>
public class RetentionGroupTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_all_members_hold_goes_but_for_the_reserve()
    {
        await using var group = await TestGroup.StartAsync(change: Filling.Calm, parts: Filling.Parts());
        await Filling.WriteAsync(group.Primary, 0, 1000, 1000);
        await Eventually.HoldsAsync(() => Kept(group.Primary) <= Filling.Small.KeepBytes + (3 * 64 * 1024), "only the reserve is kept");
        Assert.True(Kept(group.Primary) >= Filling.Small.KeepBytes);
        // A replica does not know what the others hold, and keeps what it may.
        foreach (var replica in group.Replicas) Assert.True(Kept(replica) > Filling.Small.KeepBytes + (3 * 64 * 1024));
        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_member_that_is_away_is_warned_about_by_name_and_the_warning_is_taken_back_when_it_has_caught_up()
    {
        await using var group = await TestGroup.StartAsync(change: Filling.Calm, parts: Filling.Parts());
        var away = group.Replicas[0].Options.Name;
        await Filling.WriteAsync(group.Primary, 0, 300, 1000);
        await group.AgreedAsync();
        await group.StopAsync(away);
        var written = 0;
        while (!Warnings(group.Primary).Any(static warning => warning.Contains("is behind", StringComparison.Ordinal)))
        {
            Assert.True(written < 600, "more was written than is kept, and nobody was warned");
            await Filling.WriteAsync(group.Primary, written, 30, 1000);
            written += 30;
            group.Primary.Core.Retention.Trim();
        }

        var sentence = Assert.Single(Warnings(group.Primary));
        Assert.Contains($"'{away}' is behind", sentence, StringComparison.Ordinal);
        Assert.Matches(
            @"takes [5-9]\d % of what LogKeepBytes and LogKeepTime allow; [\d.]+ MB are left, and it falls off at about \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, as fast as the log grows now", sentence);
        await group.StartAsync(away);
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => Warnings(group.Primary).Count == 0, "the warning is taken back");
        Assert.DoesNotContain(group.Primary.Core.Board.Notes, static note => note.Contains("fallen off", StringComparison.Ordinal));
        Assert.Null(group[away].GetStatus().Copy);
    }

    [Fact]
    public async Task A_member_that_has_fallen_off_is_told_of_once_and_nothing_more_is_kept_for_it()
    {
        await using var group = await TestGroup.StartAsync(change: Filling.Calm, parts: Filling.Parts());
        var away = group.Replicas[0].Options.Name;
        await group.StopAsync(away);
        await Filling.WriteAsync(group.Primary, 0, 1500, 1000);
        await Eventually.HoldsAsync(() => Fallen(group.Primary) == 1, "it has fallen off");
        await Filling.WriteAsync(group.Primary, 0, 300, 1000);
        await Eventually.HoldsAsync(() => Kept(group.Primary) <= Filling.Small.KeepBytes + (3 * 64 * 1024), "only the reserve is kept");
        Assert.Equal(1, Fallen(group.Primary));
        Assert.Empty(Warnings(group.Primary));
        await group.StartAsync(away);
        await group.AgreedAsync();
        await group.Primary.Default.PutAsync(Utf8("after"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        Assert.Equal(1, Fallen(group.Primary));
    }

    private static List<string> Warnings(MatchpointNode node) => [.. node.GetStatus().Warnings.Where(static warning => warning.Contains("log kept for", StringComparison.Ordinal))];

    private static int Fallen(MatchpointNode node) => node.Core.Board.Notes.Count(static note => note.Contains("has fallen off the log", StringComparison.Ordinal));

    private static long Kept(MatchpointNode node)
    {
        using var view = node.Core.Log.View();
        return view.Segments.Sum(static segment => segment.Totals.Position.End.DistanceFrom(segment.Before.End));
    }
}
