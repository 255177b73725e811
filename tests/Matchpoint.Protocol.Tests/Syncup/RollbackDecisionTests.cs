using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>A case per row of the decision table. 0 stands for null.</summary>
public sealed class RollbackDecisionTests
{
    [Fact]
    public void Row_1_nothing_committed_and_nothing_shared_undoes_everything()
    {
        Assert.Equal(1, Assert.IsType<RollbackDecision.UndoEverything>(Decide(t: 0, s: 0, m: 0)).Row);
        Assert.IsType<RollbackDecision.UndoEverything>(Decide(t: 0, s: 7, m: 0, records: 7, confirmed: false));
    }

    [Fact]
    public void Row_2_a_matchpoint_without_a_sync_point_cannot_be() =>
        Assert.Contains("row 2", Assert.Throws<InvariantException>(() => Decide(t: 0, s: 0, m: 5)).Message);

    [Fact]
    public void Row_3_nothing_committed_rolls_back_to_the_matchpoint()
    {
        var decision = Assert.IsType<RollbackDecision.RollBack>(Decide(t: 0, s: 7, m: 5, records: 2, confirmed: false));
        Assert.Equal((3, Vlsn.Of(5)), (decision.Row, decision.Matchpoint));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void Row_4_a_transaction_end_without_a_sync_point_cannot_be(long m) =>
        Assert.Contains("row 4", Assert.Throws<InvariantException>(() => Decide(t: 5, s: 0, m)).Message);

    [Fact]
    public void Row_5_commits_and_nothing_shared_restores() =>
        Assert.Equal(5, Assert.IsType<RollbackDecision.Restore>(Decide(t: 5, s: 7, m: 0, records: 7, commits: 1)).Row);

    [Fact]
    public void Histories_that_part_at_record_1_are_decided_like_all_others()
    {
        var decision = Assert.IsType<RollbackDecision.RollBack>(Decide(t: 5, s: 7, m: 0, records: 7, commits: 1, hold: true));
        Assert.Equal((11, Vlsn.Null), (decision.Row, decision.Matchpoint));
        Assert.IsType<RollbackDecision.Wait>(Decide(t: 5, s: 7, m: 0, records: 7, commits: 1, confirmed: false, hold: true));
        Assert.Equal(9, Assert.IsType<RollbackDecision.Refuse>(Decide(t: 5, s: 7, m: 0, d: 1, records: 7, commits: 1, hold: true)).Row);
        Assert.Equal(10, Assert.IsType<RollbackDecision.Refuse>(Decide(t: 16, s: 16, m: 0, records: 16, commits: 11, acknowledged: 11, hold: true)).Row);
    }

    [Fact]
    public void Row_6_nothing_above_the_matchpoint_resumes()
    {
        var decision = Assert.IsType<RollbackDecision.Resume>(Decide(t: 5, s: 7, m: 7, confirmed: false));
        Assert.Equal((6, Vlsn.Of(7)), (decision.Row, decision.Matchpoint));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    public void Row_7_no_commit_above_rolls_back_for_any_feeder(long m) =>
        Assert.Equal(7, Assert.IsType<RollbackDecision.RollBack>(Decide(t: 5, s: 7, m, records: 1, confirmed: false)).Row);

    [Fact]
    public void Row_8_commits_are_not_undone_for_an_unconfirmed_feeder()
    {
        Assert.Equal(8, Assert.IsType<RollbackDecision.Wait>(Decide(t: 7, s: 7, m: 5, records: 2, commits: 1, confirmed: false)).Row);
        Assert.IsType<RollbackDecision.Wait>(Decide(t: 7, s: 7, m: 5, d: 6, records: 2, commits: 1, confirmed: false));
    }

    [Fact]
    public void Row_9_what_was_durable_is_not_undone_without_an_operator()
    {
        var decision = Assert.IsType<RollbackDecision.Refuse>(Decide(t: 7, s: 7, m: 5, d: 6, records: 2, commits: 1));
        Assert.Equal(9, decision.Row);
        Assert.Contains("6 was durable", decision.Reason);
    }

    [Theory]
    [InlineData(10, 10)] // Row 7 but for what is durable.
    [InlineData(0, 10)] // Row 3 but for it.
    public void Row_9_records_that_are_no_commits_are_kept_too_once_they_are_durable(long t, long m)
    {
        Assert.Equal(9, Assert.IsType<RollbackDecision.Refuse>(Decide(t, s: 12, m, d: 12, records: 2)).Row);
        Assert.Equal(8, Assert.IsType<RollbackDecision.Wait>(Decide(t, s: 12, m, d: 12, records: 2, confirmed: false)).Row);
        Assert.IsType<RollbackDecision.Resume>(Decide(t, s: 10, m, d: 12)); // The log lost its end: nothing is undone.
        Assert.IsType<RollbackDecision.RollBack>(Decide(t, s: 12, m, d: 10, records: 2));
    }

    [Fact]
    public void Row_10_more_acknowledged_commits_than_the_limit_are_refused()
    {
        Assert.Equal(10, Assert.IsType<RollbackDecision.Refuse>(
            Decide(t: 16, s: 16, m: 5, d: 5, records: 11, commits: 11, acknowledged: 11)).Row);
        Assert.Equal(10, Assert.IsType<RollbackDecision.Refuse>(
            Decide(t: 7, s: 7, m: 5, records: 2, commits: 1, limit: RollbackLimit.Disabled)).Row);
    }

    [Fact]
    public void Row_11_up_to_the_limit_they_are_undone()
    {
        var decision = Assert.IsType<RollbackDecision.RollBack>(
            Decide(t: 16, s: 16, m: 5, d: 5, records: 11, commits: 11, acknowledged: 10));
        Assert.Equal((11, Vlsn.Of(5)), (decision.Row, decision.Matchpoint));
    }

    [Theory]
    [InlineData(7, 0)]
    [InlineData(5, 1)]
    public void A_count_that_contradicts_the_last_transaction_end_fails_loudly(long t, long commits) =>
        Assert.Throws<InvariantException>(() => Decide(t, s: 7, m: 5, records: 2, commits: commits));

    [Fact]
    public void The_limit_is_10_unless_it_is_set_and_never_negative()
    {
        Assert.Equal(RollbackLimit.AtMost(10), RollbackLimit.Default);
        Assert.Throws<ArgumentOutOfRangeException>(() => RollbackLimit.AtMost(-1));
        Assert.True(RollbackLimit.AtMost(0).Allows(new UndoneCount(3, 2, 0)));
        Assert.False(RollbackLimit.Disabled.Allows(new UndoneCount(3, 2, 0)));
        Assert.True(RollbackLimit.Disabled.Allows(new UndoneCount(3, 0, 0)));
    }

    [Fact]
    public void Every_combination_has_exactly_one_answer()
    {
        // The table once more, written as conditions instead of as a cascade.
        foreach (var t in Range(4))
            foreach (var s in Range(4).Where(s => s >= t))
                foreach (var m in Range(4).Where(m => m <= s))
                    foreach (var d in Range(4))
                        foreach (var above in Range(2))
                            foreach (var (confirmed, hold) in new[] { (true, false), (true, true), (false, false), (false, true) })
                                foreach (var acknowledged in Range(3))
                                {
                                    var commits = m < t ? Math.Max(acknowledged, 1) : 0;
                                    if (m < t != commits > 0 || (acknowledged > 0 && commits == 0)) continue;
                                    var records = commits + above;
                                    var row = Decide(t, s, m, d, records, commits, acknowledged, confirmed, RollbackLimit.AtMost(1), hold).Row;
                                    var expected = (t, m) switch
                                    {
                                        (0, 0) => 1,
                                        (0, _) when m >= d => 3,
                                        (_, 0) when !hold => 5,
                                        _ when records == 0 => 6,
                                        _ when m >= t && m >= d => 7,
                                        _ when !confirmed => 8,
                                        _ when m < d => 9,
                                        _ when acknowledged > 1 => 10,
                                        _ => 11,
                                    };
                                    Assert.Equal(expected, row);
                                }
    }

    private static IEnumerable<long> Range(int count) => Enumerable.Range(0, count).Select(i => (long)i);

    private static RollbackDecision Decide(
        long t, long s, long m, long d = 0, long records = 0, long commits = 0, long acknowledged = 0,
        bool confirmed = true, RollbackLimit? limit = null, bool hold = false) =>
        RollbackDecision.Of(new RollbackFacts(
            Of(t), Of(s), Of(m), Of(d), new UndoneCount(records, commits, acknowledged), confirmed, limit ?? RollbackLimit.Default, hold));

    private static Vlsn Of(long number) => number == 0 ? Vlsn.Null : Vlsn.Of(number);
}
