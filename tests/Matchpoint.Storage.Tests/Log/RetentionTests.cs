using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>Five segments of 100 bytes and ten records each, written a minute apart; the last one is being written now.</summary>
public class RetentionTests
{
    private const long Minute = 60_000_000;

    private static readonly (LogPosition Before, SegmentTotals Totals)[] Kept = [.. Enumerable.Range(0, 5).Select(i => (At(i), Totals(At(i + 1), (i + 1) * Minute)))];

    [Theory]
    // state, members (-1 none), keep, budget, minutes of age (0 none) => removed up to
    [InlineData(50, new[] { 50 }, 0, 1000, 0, 40)]
    [InlineData(50, new[] { 50 }, 200, 1000, 0, 30)]
    [InlineData(50, new[] { 50 }, 201, 1000, 0, 20)]
    [InlineData(50, new[] { 50 }, 1000, 1000, 0, 0)]
    [InlineData(50, new int[0], 0, 1000, 0, 40)]
    [InlineData(50, new[] { 20, 50 }, 0, 1000, 0, 20)]
    [InlineData(50, new[] { 19, 50 }, 0, 1000, 0, 10)]
    [InlineData(50, new[] { 0 }, 0, 1000, 0, 0)]
    [InlineData(25, new[] { 50 }, 0, 1000, 0, 20)]
    [InlineData(0, new[] { 50 }, 0, 10, 1, 0)]
    [InlineData(50, new[] { 0 }, 0, 300, 0, 20)]
    [InlineData(50, new[] { 0 }, 1000, 300, 0, 20)]
    [InlineData(50, new[] { 0 }, 0, 299, 0, 30)]
    [InlineData(5, new[] { 0 }, 0, 100, 0, 0)]
    [InlineData(50, new[] { 0 }, 0, 1000, 3, 10)]
    [InlineData(50, new[] { 0 }, 0, 1000, 1, 30)]
    // The record with which the state ends stays.
    [InlineData(20, new[] { 50 }, 0, 1000, 0, 10)]
    [InlineData(21, new[] { 50 }, 0, 1000, 0, 20)]
    // What is always kept is kept however old it is.
    [InlineData(50, new[] { 0 }, 400, 1000, 1, 10)]
    [InlineData(50, new[] { 50 }, 500, 1000, 1, 0)]
    public void The_head_goes_as_far_as_the_rules_say(long state, int[] members, long keep, long budget, int minutes, long removed)
    {
        var options = new RetentionOptions { OpenBytes = 0, KeepBytes = keep, BudgetBytes = budget, BudgetAge = minutes == 0 ? null : TimeSpan.FromMinutes(minutes) };
        var needs = members.Select((holds, i) => new MemberNeed($"m{i}", VlsnOf(holds))).ToArray();
        var plan = RetentionPlan.Decide(Kept, VlsnOf(state), needs, options, now: (5 * Minute) - 1);
        Assert.Equal(VlsnOf(removed), plan.RemoveUpTo);
    }

    [Theory]
    // state, bytes over which a transaction may be open, what a member needs that is away, budget => removed up to
    [InlineData(50, 100, 50, 1000, 30)]
    [InlineData(50, 101, 50, 1000, 20)]
    [InlineData(45, 100, 50, 1000, 30)]
    [InlineData(40, 100, 50, 1000, 20)]
    [InlineData(31, 300, 50, 1000, 0)]
    [InlineData(50, 400, 50, 1000, 0)]
    // Over the budget too.
    [InlineData(50, 200, 0, 100, 20)]
    [InlineData(25, 200, 0, 100, 0)]
    public void Pieces_stay_of_transactions_that_may_be_yet_to_be_applied(long state, long open, long holds, long budget, long removed)
    {
        var options = new RetentionOptions { OpenBytes = open, KeepBytes = 0, BudgetBytes = budget };
        Assert.Equal(VlsnOf(removed), RetentionPlan.Decide(Kept, VlsnOf(state), [new MemberNeed("m", VlsnOf(holds))], options, now: 6 * Minute).RemoveUpTo);
    }

    [Theory]
    // what a member needs that fetches a copy, budget, most that is held, minutes of age (0 none) => removed up to
    [InlineData(20, 100, 1000, 0, 20)]
    [InlineData(20, 100, 1000, 1, 20)]
    [InlineData(0, 100, 1000, 1, 0)]
    [InlineData(25, 100, 1000, 0, 20)]
    // More is held than may be: it is let go of, down to what may be held.
    [InlineData(0, 100, 499, 0, 10)]
    [InlineData(0, 100, 500, 0, 0)]
    [InlineData(0, 100, 250, 0, 30)]
    public void What_a_member_needs_behind_its_copy_stays_beyond_the_budget(long holds, long budget, long most, int minutes, long removed)
    {
        var options = new RetentionOptions { OpenBytes = 0, KeepBytes = 0, BudgetBytes = budget, HoldBytes = most, BudgetAge = minutes == 0 ? null : TimeSpan.FromMinutes(minutes) };
        MemberNeed[] needs = [new MemberNeed("fetching", VlsnOf(holds), IsFetching: true), new MemberNeed("fast", Vlsn.Of(50))];
        Assert.Equal(VlsnOf(removed), RetentionPlan.Decide(Kept, Vlsn.Of(50), needs, options, now: 10 * Minute).RemoveUpTo);
    }

    [Fact]
    public void A_hold_is_warned_about_by_what_may_be_held_and_at_no_age()
    {
        var options = new RetentionOptions { OpenBytes = 0, KeepBytes = 0, BudgetBytes = 100, HoldBytes = 800, BudgetAge = TimeSpan.FromMinutes(1) };
        var warning = Assert.Single(RetentionPlan.Decide(Kept, Vlsn.Of(50), [new MemberNeed("fetching", Vlsn.Null, IsFetching: true)], options, now: 6 * Minute).Warnings);
        Assert.Equal((500.0 / 800, 300), (warning.Used, warning.BytesLeft));
        Assert.Equal(TimeSpan.FromMinutes(3), warning.TimeLeft);
        Assert.Empty(RetentionPlan.Decide(Kept, Vlsn.Of(50), [new MemberNeed("fetching", Vlsn.Of(20), IsFetching: true)], options, now: 6 * Minute).Warnings);
    }

    [Fact]
    public void The_segment_that_is_being_written_makes_nobody_fall_off_by_its_age()
    {
        var options = new RetentionOptions { OpenBytes = 0, KeepBytes = 0, BudgetBytes = 1000, BudgetAge = TimeSpan.FromMinutes(1) };
        Assert.Empty(RetentionPlan.Decide(Kept, Vlsn.Of(50), [new MemberNeed("slow", Vlsn.Of(45))], options, now: 100 * Minute).Warnings);
    }

    [Theory]
    // a member's last record, budget => warned, bytes left
    [InlineData(50, 600, false, 0)]
    [InlineData(45, 600, false, 0)]
    [InlineData(30, 600, false, 0)]
    [InlineData(20, 600, true, 300)]
    [InlineData(29, 600, true, 300)]
    [InlineData(0, 600, true, 100)]
    [InlineData(0, 400, true, 0)]
    [InlineData(0, 1001, false, 0)]
    public void A_member_that_uses_half_of_the_budget_is_warned_about(int holds, long budget, bool warned, long left)
    {
        var plan = RetentionPlan.Decide(
            Kept, Vlsn.Of(50), [new MemberNeed("slow", VlsnOf(holds)), new MemberNeed("fast", Vlsn.Of(50))],
            new RetentionOptions { OpenBytes = 0, KeepBytes = 0, BudgetBytes = budget }, now: 6 * Minute);
        Assert.Equal(warned ? ["slow"] : [], plan.Warnings.Select(warning => warning.Member));
        if (warned) Assert.Equal(left, plan.Warnings[0].BytesLeft);
    }

    [Fact]
    public void A_warning_tells_how_long_there_is_at_the_rate_of_writing_or_until_it_is_too_old()
    {
        // 400 bytes were written in the four minutes since: 200 more take two.
        var slow = new MemberNeed("slow", Vlsn.Of(10));
        var byBytes = new RetentionOptions { OpenBytes = 0, KeepBytes = 0, BudgetBytes = 600 };
        Assert.Equal(TimeSpan.FromMinutes(2), Assert.Single(RetentionPlan.Decide(Kept, Vlsn.Of(50), [slow], byBytes, 6 * Minute).Warnings).TimeLeft);
        var byAge = byBytes with { BudgetAge = TimeSpan.FromMinutes(5) };
        var warning = Assert.Single(RetentionPlan.Decide(Kept, Vlsn.Of(50), [slow], byAge, 6 * Minute).Warnings);
        Assert.Equal(TimeSpan.FromMinutes(1), warning.TimeLeft);
        Assert.Equal(0.8, warning.Used, 3);
        // A clock that went back makes nobody fall off.
        Assert.Null(Assert.Single(RetentionPlan.Decide(Kept, Vlsn.Of(50), [slow], byBytes, now: 0).Warnings).TimeLeft);
    }

    [Fact]
    public void An_empty_log_and_one_segment_stay()
    {
        var spent = new RetentionOptions { OpenBytes = 0, KeepBytes = 0, BudgetBytes = 1, BudgetAge = TimeSpan.FromSeconds(1) };
        Assert.Equal(Vlsn.Null, RetentionPlan.Decide([], Vlsn.Of(50), [], spent, 1000 * Minute).RemoveUpTo);
        Assert.Equal(Vlsn.Null, RetentionPlan.Decide(Kept[..1], Vlsn.Of(50), [], spent, 1000 * Minute).RemoveUpTo);
    }

    private static Vlsn VlsnOf(long number) => number == 0 ? Vlsn.Null : Vlsn.Of(number);

    private static LogPosition At(int segment) => new(VlsnOf(segment * 10), new Lsn((ulong)segment * 100), new Fingerprint((ulong)segment + 1), new Term(1));

    private static SegmentTotals Totals(LogPosition end, long timestamp) => new(end, end.Vlsn, end.Vlsn, 10, 0, timestamp);
}
