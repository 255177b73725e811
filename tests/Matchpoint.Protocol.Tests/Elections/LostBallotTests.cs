using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>A node that has forgotten what it promised.</summary>
public sealed class LostBallotTests
{
    [Fact]
    public void A_node_that_has_caught_up_helps_in_a_term_in_which_it_must_not_vote_by_letting_it_pass()
    {
        var node = CaughtUp();
        node.Later(Machine.Patience);
        Assert.True(node.Grants(PollKind.PreVote, "c", 2));
        Assert.False(node.Grants(PollKind.Vote, "c", 2));
        Assert.Equal(Machine.Of(2), node.Saved.Term);
        Assert.True(node.Grants(PollKind.PreVote, "c", 3));
        Assert.True(node.Grants(PollKind.Vote, "c", 3));
    }

    [Fact]
    public void A_node_that_has_caught_up_stands_in_no_term_in_which_it_must_not_vote()
    {
        var node = CaughtUp();
        Assert.Equal(["PreVote 3 bootstrap to b", "PreVote 3 bootstrap to c"], node.Pass(Machine.Patience));
        Assert.Equal(
            ["stop following", "save term 3 vote a Full, no vote up to 2", "Vote 3 to b", "Vote 3 to c"],
            node.Answer(PollKind.PreVote, 3, "b", granted: true));
    }

    [Fact]
    public void A_node_that_has_caught_up_takes_part_when_its_primary_was_asked_and_is_followed_still()
    {
        var node = Asking();
        Assert.Empty(node.Answer(PollKind.Look, 1, "b", primary: "b"));
        Assert.Equal(Standing.BallotLost, node.Saved.Standing);
        node.Heard("b", 1);
        Assert.Equal(["Look 1 to b", "Look 1 to c"], node.Pass(200));
        Assert.Equal(["save term 1 vote - Full, no vote up to 2"], node.Answer(PollKind.Look, 1, "b", granted: true, primary: "b"));
    }

    [Fact]
    public void What_the_primary_of_another_term_says_is_no_answer()
    {
        var node = Asking();
        Assert.Equal(["stop following", "save term 2 vote - BallotLost", "follow c 2"], node.Answer(PollKind.Look, 1, "c", granted: true, term: 2, primary: "c"));
        Assert.Equal(["save term 2 vote - Full, no vote up to 3"], node.Step(new ElectionInput.CaughtUp(Machine.Of(2))));
    }

    /// <summary>It may have voted before, and whoever takes its vote away may yet be undone.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Who_has_no_vote_asks_too_and_takes_part_then(bool losesItBeforeItAsks)
    {
        var node = new Machine(ballot: Lost);
        if (losesItBeforeItAsks) node.Become(WithoutVote);
        node.Heard("b", 1);
        Assert.Empty(node.Step(new ElectionInput.CaughtUp(Machine.Of(1))));
        if (!losesItBeforeItAsks) Assert.Empty(node.Become(WithoutVote));
        node.Later(Machine.Timeout * 5 / 4).Heard("b", 1);
        Assert.Equal(["Look 1 to b", "Look 1 to c"], node.Pass(0));
        node.Heard("b", 1);
        Assert.Equal(["Look 1 to b", "Look 1 to c"], node.Pass(200));
        Assert.Equal(["save term 1 vote - Full, no vote up to 2"], node.Answer(PollKind.Look, 1, "b", granted: true, primary: "b"));
    }

    /// <summary>Its options name nobody, and its directory is new: it took itself for the first of its group, until it met a primary that it may have voted against.</summary>
    [Fact]
    public void Who_elected_itself_alone_and_meets_another_primary_has_forgotten_what_it_promised()
    {
        var node = new Machine(voters: 1, ballot: Ballot.New, last: 0);
        node.Pass(0);
        Assert.Equal(ElectionRole.Primary, node.Role);
        node.Heard("b", 5);
        Assert.Equal((Machine.Of(5), Standing.BallotLost), (node.Saved.Term, node.Saved.Standing));
        node.Become(Roster.OfVoters("a", "b", "c"));
        Assert.Empty(node.Step(new ElectionInput.CaughtUp(Machine.Of(5))));
        Assert.Equal(Standing.BallotLost, node.Saved.Standing);
    }

    /// <summary>Until then a candidate may count a vote that this node gave and has forgotten.</summary>
    [Fact]
    public void It_waits_longer_than_any_candidate_before_it_asks()
    {
        var node = new Machine(ballot: Lost);
        node.Heard("b", 1);
        node.Step(new ElectionInput.CaughtUp(Machine.Of(1)));
        node.Pass(0);
        node.Later((Machine.Timeout * 5 / 4) - 1).Heard("b", 1);
        Assert.Empty(node.Pass(0));
        Assert.Empty(node.Answer(PollKind.Look, 1, "b", granted: true, primary: "b"));
        Assert.Equal(["Look 1 to b", "Look 1 to c"], node.Pass(1));
    }

    [Fact]
    public void A_candidate_counts_no_vote_that_comes_late()
    {
        var node = new Machine();
        node.Pass(Machine.Patience);
        node.Answer(PollKind.PreVote, 2, "b", granted: true);
        Assert.Empty(node.Later(Machine.Timeout + 1).Answer(PollKind.Vote, 2, "b", granted: true, term: 2));
        Assert.Equal(ElectionRole.Candidate, node.Role);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_primary_says_that_it_is_one_still_only_while_a_majority_certainly_follows_it(bool holdsLease)
    {
        var primary = Machine.Elected();
        var answer = primary.Poll(PollKind.Look, "c", 1, holdsLease: holdsLease)[^1];
        Assert.StartsWith($"answer a {(holdsLease ? "yes" : "no")}", answer, StringComparison.Ordinal);
        Assert.StartsWith("answer a no", new Machine().Poll(PollKind.Look, "c", 1, holdsLease: holdsLease)[^1], StringComparison.Ordinal);
    }

    private static Roster WithoutVote => Roster.Of([new Member("a", "", MemberKind.Secondary), .. Roster.OfVoters("b", "c").Members]);

    private static Ballot Lost => new(Machine.Of(1), null, Standing.BallotLost, Term.None);

    private static Machine Asking()
    {
        var node = new Machine(ballot: Lost);
        node.Heard("b", 1);
        Assert.Empty(node.Step(new ElectionInput.CaughtUp(Machine.Of(1))));
        node.Later(Machine.Timeout * 5 / 4).Heard("b", 1);
        Assert.Equal(["Look 1 to b", "Look 1 to c"], node.Pass(0));
        return node;
    }

    private static Machine CaughtUp()
    {
        var node = Asking();
        Assert.Equal(["save term 1 vote - Full, no vote up to 2"], node.Answer(PollKind.Look, 1, "b", granted: true, primary: "b"));
        return node;
    }
}
