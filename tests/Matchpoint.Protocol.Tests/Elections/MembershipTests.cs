using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>Elections in groups whose members change, differ in kind and priority, or hand over.</summary>
public sealed class MembershipTests
{
    private static readonly Roster Designated = Roster.Of([new Member("a", "", IsDesignated: true), new Member("b", "")]);

    /// <summary>Its options name nobody else: it has told a primary that it hears it, and that one may serve reads yet.</summary>
    [Fact]
    public void Who_learns_from_its_log_that_it_is_not_alone_waits_after_a_start_like_all()
    {
        var node = new Machine(voters: 1);
        node.Become(Roster.OfVoters("a", "b", "c"));
        Assert.Equal(["Look 1 to b", "Look 1 to c"], node.Pass(0));
        Assert.Empty(node.Pass(Machine.Timeout - 1));
        Assert.Equal(["PreVote 2 bootstrap to b", "PreVote 2 bootstrap to c"], node.Pass(Machine.Patience - Machine.Timeout + 1));
    }

    [Fact]
    public void A_primary_hands_over_by_stepping_down_and_asking_the_other_to_stand()
    {
        var primary = Machine.Elected();
        Assert.Equal(["step down: handing over to b", "TakeOver 2 to b"], primary.Step(new ElectionInput.HandOver("b")));
        Assert.Equal((ElectionRole.Replica, null), (primary.Role, primary.Primary));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("z")]
    public void A_primary_hands_over_to_no_other_than_a_voter(string to)
    {
        var primary = Machine.Elected();
        Assert.Empty(primary.Step(new ElectionInput.HandOver(to)));
        Assert.Equal(ElectionRole.Primary, primary.Role);
    }

    [Fact]
    public void Whoever_is_handed_the_reign_stands_at_once()
    {
        var heir = new Machine();
        heir.Heard("b", 1);
        Assert.Equal(
            ["stop following", "save term 2 vote a Full", "HandedVote 2 to b", "HandedVote 2 to c", "answer a yes, term 2 Full"], heir.Poll(PollKind.TakeOver, "b", 1));
        Assert.Equal(["primary of 2", "Announce 2 to b", "Announce 2 to c"], heir.Answer(PollKind.HandedVote, 2, "c", granted: true, term: 2));
    }

    [Theory]
    [InlineData("c", 1, 5, "another than its primary asks")]
    [InlineData("b", 2, 5, "of another term")]
    [InlineData("b", 1, 6, "its log is shorter")]
    public void Nobody_stands_for_whom_it_does_not_follow_or_with_a_shorter_log(string from, int term, int last, string why)
    {
        var heir = new Machine();
        heir.Heard("b", 1);
        Assert.False(heir.Grants(PollKind.TakeOver, from, term, last: last), why);
        Assert.Equal((1u, ElectionRole.Replica), ((uint)heir.Election.Term.Value, heir.Role));
    }

    [Theory]
    [InlineData((byte)Standing.New)]
    [InlineData((byte)Standing.BallotLost)]
    [InlineData((byte)Standing.Rebooted)]
    public void Nobody_stands_who_is_not_sure_of_itself(byte standing)
    {
        var heir = new Machine(ballot: new Ballot(Machine.Of(1), null, (Standing)standing, Machine.Of(0)));
        heir.Heard("b", 1);
        Assert.False(heir.Grants(PollKind.TakeOver, "b", 1));
    }

    [Fact]
    public void A_vote_for_the_heir_need_not_wait_until_the_primary_is_missed()
    {
        var voter = new Machine();
        voter.Heard("b", 1);
        Assert.False(voter.Grants(PollKind.Vote, "c", 2));
        Assert.True(voter.Grants(PollKind.HandedVote, "c", 2));
        Assert.False(voter.Grants(PollKind.HandedVote, "b", 2), "one vote per term, here too");
    }

    [Theory]
    [InlineData(3, 5, "a term was left out: it is not that of the one who stepped down")]
    [InlineData(2, 4, "the heir's log is shorter")]
    public void A_vote_for_the_heir_is_like_any_other_but_for_that(int term, int last, string why)
    {
        var voter = new Machine();
        voter.Heard("b", 1);
        Assert.False(voter.Grants(PollKind.HandedVote, "c", term, last: last), why);
    }

    [Fact]
    public void A_primary_that_was_not_asked_to_go_gives_no_vote_to_an_heir()
    {
        var primary = Machine.Elected();
        Assert.False(primary.Grants(PollKind.HandedVote, "b", 3, lastTerm: 2, last: 9));
        Assert.Equal(ElectionRole.Primary, primary.Role);
    }

    /// <summary>Whoever became a voter by a record that this node lacks has the longer log.</summary>
    [Fact]
    public void A_candidate_that_is_no_voter_here_needs_the_longer_log()
    {
        var voter = new Machine();
        voter.Later(Machine.Timeout);
        Assert.False(voter.Grants(PollKind.Vote, "d", 2, last: 5));
        Assert.True(voter.Grants(PollKind.Vote, "d", 2, last: 6));
    }

    /// <summary>The record that made the other a voter was never durable without this node: it needs nobody, and whoever else is elected was elected without it.</summary>
    [Fact]
    public void The_only_voter_elects_itself_and_votes_for_nobody()
    {
        var node = new Machine(voters: 1);
        node.Become(Roster.Of([new Member("a", ""), new Member("d", "", IsPending: true)]));
        node.Later(Machine.Patience);
        Assert.False(node.Grants(PollKind.PreVote, "c", 2, last: 6));
        Assert.False(node.Grants(PollKind.Vote, "c", 2, last: 6));
        Assert.Contains("primary of 3", node.Pass(Machine.Patience));
    }

    [Fact]
    public void Who_does_not_know_yet_that_it_votes_votes_for_the_longer_log()
    {
        var voter = new Machine(self: "z");
        voter.Later(Machine.Timeout);
        Assert.False(voter.Grants(PollKind.Vote, "b", 2, last: 5));
        Assert.True(voter.Grants(PollKind.Vote, "b", 2, last: 6));
    }

    /// <summary>Record 5 took its vote away, and nobody else may have got it: then the others cannot elect without that vote.</summary>
    [Fact]
    public void Whose_vote_was_taken_away_gives_it_to_one_that_lacks_the_record_which_did_so()
    {
        var voter = new Machine(self: "c");
        voter.Become(Roster.OfVoters("a", "b"), (Machine.Of(1), Machine.At(4)));
        voter.Later(Machine.Timeout);
        Assert.False(voter.Grants(PollKind.Vote, "b", 2, last: 3));
        Assert.False(voter.Grants(PollKind.Vote, "z", 2, last: 4)); // No voter before and after.
        Assert.True(voter.Grants(PollKind.PreVote, "b", 2, last: 4));
        Assert.True(voter.Grants(PollKind.Vote, "b", 2, last: 4));
        Assert.False(voter.Grants(PollKind.Vote, "a", 2, last: 4)); // One vote per term, as ever.
    }

    [Fact]
    public void Whose_vote_was_taken_away_by_what_is_durable_or_who_never_had_one_weighs_its_whole_log()
    {
        var voter = new Machine(self: "c");
        voter.Become(Roster.OfVoters("a", "b"));
        voter.Later(Machine.Timeout);
        Assert.False(voter.Grants(PollKind.Vote, "b", 2, last: 5));
        Assert.True(voter.Grants(PollKind.Vote, "b", 2, last: 6));
    }

    [Fact]
    public void Whoever_has_its_vote_again_weighs_its_whole_log()
    {
        var voter = new Machine(self: "c");
        voter.Become(Roster.OfVoters("a", "b"), (Machine.Of(1), Machine.At(4)));
        voter.Become(Roster.OfVoters("a", "b", "c"));
        voter.Later(Machine.Timeout);
        Assert.False(voter.Grants(PollKind.Vote, "b", 2, last: 4));
        Assert.True(voter.Grants(PollKind.Vote, "b", 2, last: 5));
    }

    [Fact]
    public void Votes_of_those_who_do_not_vote_elect_nobody()
    {
        var roster = Roster.Of([new Member("a", ""), new Member("b", ""), new Member("c", ""), new Member("d", "", MemberKind.Secondary), new Member("e", "", IsPending: true)]);
        var candidate = new Machine(roster: roster);
        Assert.Equal(["PreVote 2 bootstrap to b", "PreVote 2 bootstrap to c"], candidate.Pass(Machine.Patience));
        foreach (var other in new[] { "d", "e", "z" }) Assert.Empty(candidate.Answer(PollKind.PreVote, 2, other, granted: true));
        Assert.Equal(ElectionRole.PreCandidate, candidate.Role);
        Assert.NotEmpty(candidate.Answer(PollKind.PreVote, 2, "b", granted: true));
        Assert.Equal(ElectionRole.Candidate, candidate.Role);
    }

    [Fact]
    public void A_primary_makes_itself_known_to_all_members_whether_or_not_they_vote()
    {
        var primary = Machine.Elected();
        primary.Become(Roster.Of([.. Roster.OfVoters("a", "b", "c").Members, new Member("d", "", MemberKind.Secondary)]));
        primary.HearQuorum();
        Assert.Equal(["Announce 2 to b", "Announce 2 to c", "Announce 2 to d"], primary.Pass(100));
    }

    [Fact]
    public void Who_was_asked_by_an_older_roster_elects_nobody_under_a_newer_one()
    {
        var candidate = new Machine();
        candidate.Pass(Machine.Patience);
        candidate.Answer(PollKind.PreVote, 2, "b", granted: true);
        Assert.Equal(ElectionRole.Candidate, candidate.Role);
        candidate.Become(Roster.OfVoters("a", "b", "c", "d"));
        Assert.Empty(candidate.Answer(PollKind.Vote, 2, "b", granted: true, term: 2));
        Assert.Equal(ElectionRole.Replica, candidate.Role);
    }

    [Fact]
    public void The_designated_of_two_leads_without_the_other()
    {
        var designated = new Machine(roster: Designated);
        Assert.Equal(
            ["PreVote 2 bootstrap to b", "save term 2 vote a Full", "Vote 2 to b", "primary of 2", "Announce 2 to b"], designated.Pass(Machine.Patience));
        designated.Pass(Machine.Timeout * 10);
        Assert.Equal(ElectionRole.Primary, designated.Role);
    }

    [Fact]
    public void The_other_of_two_does_not()
    {
        var other = new Machine(self: "b", roster: Designated);
        Assert.Equal(["PreVote 2 bootstrap to a"], other.Pass(Machine.Patience * 3));
        Assert.Equal(ElectionRole.PreCandidate, other.Role);
    }

    [Fact]
    public void Designation_counts_for_nothing_before_the_group_has_begun()
    {
        var designated = new Machine(ballot: Ballot.New, last: 0, roster: Designated);
        designated.Pass(Machine.Patience * 3);
        Assert.Equal(ElectionRole.Replica, designated.Role);
    }

    [Fact]
    public void The_less_wanted_wait_longer()
    {
        var roster = Roster.Of([new Member("a", "", Priority: 1), new Member("b", "", Priority: 5), new Member("r", "", MemberKind.Arbiter)]);
        Assert.Equal((1, 0, 2), (roster.RankOf("a"), roster.RankOf("b"), roster.RankOf("r")));
        var low = new Machine(roster: roster);
        Assert.DoesNotContain(low.Pass(Machine.Timeout + (Machine.Timeout / 2) - 1), static effect => effect.StartsWith("PreVote", StringComparison.Ordinal));
        Assert.Contains(low.Pass(Machine.Timeout), static effect => effect.StartsWith("PreVote", StringComparison.Ordinal));
    }

    [Fact]
    public void A_group_begins_only_among_those_who_were_told_of_the_same_members()
    {
        var voter = new Machine(ballot: Ballot.New, last: 0);
        var poll = new Poll(default, default, "b", PollKind.Vote, true, Machine.Of(1), default, default, "", Roster.OfVoters("a", "b").Hash);
        Assert.Contains("was told of other members", voter.Step(new ElectionInput.PollReceived(poll, 1))[^1], StringComparison.Ordinal);
        var same = poll with { Roster = Roster.OfVoters("c", "b", "a").Hash };
        Assert.Contains("answer a yes", voter.Step(new ElectionInput.PollReceived(same, 1))[^1], StringComparison.Ordinal);
    }

    /// <summary>A member that is behind may lack the record that made the asker one.</summary>
    [Theory]
    [InlineData("z", 4, true)]
    [InlineData("z", 5, false)]
    [InlineData("z", 6, false)]
    [InlineData("b", 4, false)]
    public void Whoever_has_the_longer_log_knows_better_who_is_no_member(string asker, int last, bool isStranger)
    {
        var poll = new Poll(default, default, asker, PollKind.Look, false, Machine.Of(1), Machine.Of(1), Machine.At(last));
        Assert.Equal(isStranger, StrangerTo(new Machine(), poll));
    }

    [Fact]
    public void Whoever_hears_a_primary_knows_better_who_is_no_member()
    {
        var poll = new Poll(default, default, "z", PollKind.Look, false, Machine.Of(1), Machine.Of(1), Machine.At(9));
        var node = new Machine();
        node.Heard("b", 1);
        Assert.True(StrangerTo(node, poll));
        Assert.False(StrangerTo(node.Later(Machine.Timeout), poll));
    }

    /// <summary>Both were removed, and the asker knows of nobody who is still a member: the primary that answers this node, if only to say so, is the one to ask.</summary>
    [Fact]
    public void Whoever_was_left_behind_points_others_to_the_primary_that_answers_it()
    {
        var node = new Machine();
        node.Pass(Machine.Patience);
        node.Answer(PollKind.PreVote, 2, "b", primary: "b");
        Assert.Contains("c's log is shorter; b is the primary", Pointed(node.Later(Machine.Timeout)), StringComparison.Ordinal);
        Assert.DoesNotContain("b is the primary", Pointed(node.Later(Machine.Timeout)), StringComparison.Ordinal);
    }

    [Fact]
    public void Hearsay_of_hearsay_is_not_passed_on()
    {
        var node = new Machine();
        node.Pass(Machine.Patience);
        node.Answer(PollKind.PreVote, 2, "c", primary: "b");
        Assert.Equal("b", node.Primary);
        Assert.DoesNotContain("b is the primary", Pointed(node), StringComparison.Ordinal);
    }

    private static string Pointed(Machine node)
    {
        var effects = new List<ElectionEffect>();
        node.Election.Step(new ElectionInput.PollReceived(new Poll(default, default, "c", PollKind.PreVote, false, Machine.Of(2), Machine.Of(1), Machine.At(3)), 1), node.Now, effects);
        var answer = Assert.IsType<ElectionEffect.Answer>(effects[^1]).Message;
        Assert.False(answer.Granted);
        return answer.Primary.Length > 0 ? $"c's log is shorter; {answer.Primary} is the primary" : "c's log is shorter";
    }

    private static bool StrangerTo(Machine node, Poll poll)
    {
        var effects = new List<ElectionEffect>();
        node.Election.Step(new ElectionInput.PollReceived(poll, 1), node.Now, effects);
        return Assert.IsType<ElectionEffect.Answer>(effects[^1]).Message.IsStranger;
    }
}
