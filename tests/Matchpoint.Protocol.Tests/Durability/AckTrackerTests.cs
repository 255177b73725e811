using Matchpoint.Protocol.Durability;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Tests.Durability;

/// <summary>Which records a majority, or everybody, holds; and when a majority was last heard.</summary>
public sealed class AckTrackerTests
{
    private static readonly TimeSpan Start = TimeSpan.FromSeconds(100);

    /// <summary>The first number of a list is the primary's own; the reign starts at 1.</summary>
    [Theory]
    [InlineData("9", 9, 9)]
    [InlineData("9 0", 0, 0)]
    [InlineData("9 7", 7, 7)]
    [InlineData("5 7", 5, 5)]
    [InlineData("9 0 0", 0, 0)]
    [InlineData("9 4 0", 4, 0)]
    [InlineData("9 4 7", 7, 4)]
    [InlineData("2 4 7", 4, 2)]
    [InlineData("9 8 0 0", 0, 0)]
    [InlineData("9 8 7 0", 7, 0)]
    [InlineData("9 8 7 6", 7, 6)]
    [InlineData("9 8 0 0 0", 0, 0)]
    [InlineData("9 8 3 0 0", 3, 0)]
    [InlineData("9 8 3 3 1", 3, 1)]
    [InlineData("1 2 3 4 5", 3, 1)]
    public void A_level_is_what_so_many_voters_have_reached(string positions, int byMajority, int byAll)
    {
        var numbers = Numbers(positions);
        foreach (var isBackwards in new[] { false, true })
        {
            var appended = Tracker(numbers.Length, reignStart: 1);
            var flushed = Tracker(numbers.Length, reignStart: 1);
            foreach (var i in isBackwards ? Enumerable.Range(0, numbers.Length).Reverse() : Enumerable.Range(0, numbers.Length))
            {
                Say(appended, i, numbers[i], flushed: 0);
                Say(flushed, i, 10, numbers[i]);
            }

            Assert.Equal(new AckLevels(At(byMajority), Vlsn.Null, At(byAll), Vlsn.Null), appended.Levels);
            Assert.Equal(new AckLevels(At(10), At(byMajority), At(10), At(byAll)), flushed.Levels);
        }
    }

    /// <summary>Raft, figure 8: record 2 of an earlier reign may stand on a majority and yet be undone by a primary that never had it.</summary>
    [Theory]
    [InlineData("3 2 2", 0)]
    [InlineData("3 3 0", 3)]
    [InlineData("4 3 3", 3)]
    [InlineData("2 3 3", 3)]
    [InlineData("3 2 2 2 2", 0)]
    [InlineData("3 3 2 2 2", 0)]
    [InlineData("3 3 3 2 2", 3)]
    public void A_record_is_durable_only_through_a_record_of_the_current_reign(string positions, int durable)
    {
        var numbers = Numbers(positions);
        var tracker = Tracker(numbers.Length, reignStart: 3);
        for (var i = 0; i < numbers.Length; i++) Say(tracker, i, numbers[i], numbers[i]);
        Assert.Equal(At(durable), tracker.Levels.AppendedByMajority);
        Assert.Equal(At(durable), tracker.Levels.FlushedByMajority);
        Assert.Equal(numbers.Min() >= 3 ? At(numbers.Min()) : Vlsn.Null, tracker.Levels.FlushedByAll);
    }

    [Fact]
    public void Who_is_no_voter_does_not_count()
    {
        var tracker = Tracker(3, reignStart: 1);
        tracker.OnLocal(At(5), At(5));
        Assert.False(tracker.OnVoter("a secondary", At(5), At(5), Start + TimeSpan.FromSeconds(9)));
        Assert.Equal(default, tracker.Levels);
        Assert.Equal(Start, tracker.QuorumHeardAt);
    }

    [Fact]
    public void The_primary_itself_counts_by_its_own_log_and_not_by_what_comes_in_under_its_name()
    {
        var tracker = Tracker(3, reignStart: 1);
        Assert.False(tracker.OnVoter("v0", At(5), At(5), Start + TimeSpan.FromSeconds(9)));
        tracker.OnVoter("v1", At(5), At(5), Start);
        Assert.Equal(default, tracker.Levels);
        Assert.Equal(Start, tracker.QuorumHeardAt);
    }

    [Fact]
    public void Numbers_only_rise_and_whether_one_rose_is_told()
    {
        var tracker = Tracker(3, reignStart: 1);
        Assert.False(tracker.OnLocal(At(5), At(4)));
        Assert.True(tracker.OnVoter("v1", At(4), At(2), Start));
        Assert.Equal(new AckLevels(At(4), At(2), Vlsn.Null, Vlsn.Null), tracker.Levels);
        Assert.False(tracker.OnVoter("v1", At(1), At(1), Start));
        Assert.False(tracker.OnVoter("v1", At(4), At(2), Start));
        Assert.False(tracker.OnVoter("v1", Vlsn.Null, Vlsn.Null, Start));
        Assert.Equal(new AckLevels(At(4), At(2), Vlsn.Null, Vlsn.Null), tracker.Levels);
        Assert.True(tracker.OnVoter("v1", At(1), At(3), Start));
        Assert.Equal(new AckLevels(At(4), At(3), Vlsn.Null, Vlsn.Null), tracker.Levels);
    }

    /// <summary>The others' times, in seconds after the election.</summary>
    [Theory]
    [InlineData("", 0)]
    [InlineData("3", 3)]
    [InlineData("3 0", 3)]
    [InlineData("3 5", 5)]
    [InlineData("3 0 0", 0)]
    [InlineData("3 5 0", 3)]
    [InlineData("3 5 9", 5)]
    [InlineData("9 0 0 0", 0)]
    [InlineData("9 5 0 0", 5)]
    [InlineData("9 5 7 0", 7)]
    [InlineData("1 2 3 4", 3)]
    public void A_majority_was_heard_when_what_enough_others_answered_was_sent(string others, int heard)
    {
        var times = Numbers(others);
        var tracker = Tracker(times.Length + 1, reignStart: 1);
        for (var i = 0; i < times.Length; i++) tracker.OnVoter($"v{i + 1}", Vlsn.Null, Vlsn.Null, Start + TimeSpan.FromSeconds(times[i]));
        Assert.Equal(Start + TimeSpan.FromSeconds(heard), tracker.QuorumHeardAt);
        for (var i = 0; i < times.Length; i++) tracker.OnVoter($"v{i + 1}", Vlsn.Null, Vlsn.Null, Start);
        Assert.Equal(Start + TimeSpan.FromSeconds(heard), tracker.QuorumHeardAt);
    }

    /// <summary>Those that voted have promised nothing for the time after: another may be elected at once, as long as none of them has heard this primary.</summary>
    [Fact]
    public void Being_elected_gives_no_lease_and_being_heard_by_a_majority_does()
    {
        var lease = TimeSpan.FromSeconds(8);
        var tracker = Tracker(5, reignStart: 1);
        Assert.False(tracker.HoldsLease(Start, lease));
        tracker.OnVoter("v1", Vlsn.Null, Vlsn.Null, Start + TimeSpan.FromSeconds(2));
        Assert.False(tracker.HoldsLease(Start + TimeSpan.FromSeconds(2), lease));
        tracker.OnVoter("v4", Vlsn.Null, Vlsn.Null, Start + TimeSpan.FromSeconds(1));
        Assert.True(tracker.HoldsLease(Start + TimeSpan.FromSeconds(8.9), lease));
        Assert.False(tracker.HoldsLease(Start + TimeSpan.FromSeconds(9), lease));
    }

    [Fact]
    public void Who_is_alone_holds_the_lease_for_ever() => Assert.True(Tracker(1, reignStart: 1).HoldsLease(Start + TimeSpan.FromDays(99), TimeSpan.FromSeconds(8)));

    [Fact]
    public void Only_a_voter_can_lead()
    {
        var error = Assert.Throws<InvariantException>(() => new AckTracker(["v0", "v1"], "a secondary", Vlsn.First, Start));
        Assert.Contains("a secondary", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A power cut could take from it the record that others vote: it would lead by those of before, without the ones that have acknowledged.</summary>
    [Fact]
    public void What_stands_behind_a_record_of_the_members_counts_unflushed_once_that_record_is_on_the_primarys_device()
    {
        var tracker = Tracker(1, reignStart: 2);
        tracker.OnLocal(At(9), At(9));
        tracker.Reconfigure(["v0", "v1"], membersAt: At(10), isSelfSufficient: false, Start);
        tracker.OnLocal(At(14), At(9));
        tracker.OnVoter("v1", At(14), At(12), Start);
        Assert.Equal(new AckLevels(At(9), At(9), At(14), At(9)), tracker.Levels);
        tracker.OnLocal(At(14), At(10));
        Assert.Equal(new AckLevels(At(14), At(10), At(14), At(10)), tracker.Levels);
    }

    [Fact]
    public void Where_the_record_of_the_members_is_the_first_of_a_reign_nothing_counts_before_it_is_on_the_primarys_device()
    {
        var tracker = new AckTracker(["v0", "v1"], "v0", At(10), Start, membersAt: At(10));
        tracker.OnLocal(At(12), At(9));
        tracker.OnVoter("v1", At(12), At(12), Start);
        Assert.Equal(Vlsn.Null, tracker.Levels.AppendedByMajority);
        tracker.OnLocal(At(12), At(12));
        Assert.Equal(At(12), tracker.Levels.AppendedByMajority);
    }

    private static AckTracker Tracker(int voters, int reignStart) => new([.. Enumerable.Range(0, voters).Select(i => $"v{i}")], "v0", At(reignStart), Start);

    private static void Say(AckTracker tracker, int voter, int appended, int flushed)
    {
        if (voter == 0) tracker.OnLocal(At(appended), At(flushed));
        else tracker.OnVoter($"v{voter}", At(appended), At(flushed), Start);
    }

    private static int[] Numbers(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];

    private static Vlsn At(int number) => number == 0 ? Vlsn.Null : Vlsn.Of(number);
}
