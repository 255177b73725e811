using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
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

    private static Machine CaughtUp()
    {
        var node = new Machine(ballot: new Ballot(Machine.Of(1), null, Standing.BallotLost, Term.None));
        node.Heard("b", 1);
        Assert.Equal(["save term 1 vote - Full, no vote up to 2"], node.Step(new ElectionInput.CaughtUp(Machine.Of(1))));
        return node;
    }
}
