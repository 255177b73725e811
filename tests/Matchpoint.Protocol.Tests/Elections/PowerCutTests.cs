using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>A group whose machines were all started anew after unflushed records had been acknowledged.</summary>
public sealed class PowerCutTests
{
    private static readonly Ballot Rebooted = new(Machine.Of(1), null, Standing.Rebooted, Term.None);

    [Fact]
    public void All_together_elect_whoever_has_most_and_the_winner_takes_part_from_then_on()
    {
        var node = new Machine(ballot: Rebooted);
        Assert.Equal(["PreVote 2 bootstrap to b", "PreVote 2 bootstrap to c"], node.Pass(Machine.Patience));
        Assert.Equal(["b", "c"], node.Election.Awaited);
        Assert.Empty(node.Answer(PollKind.PreVote, 2, "b", granted: true, standing: Standing.Rebooted));
        Assert.Equal(["c"], node.Election.Awaited);
        Assert.Equal(
            ["save term 2 vote a Rebooted", "Vote 2 bootstrap to b", "Vote 2 bootstrap to c"],
            node.Answer(PollKind.PreVote, 2, "c", granted: true, standing: Standing.Rebooted));
        Assert.Empty(node.Answer(PollKind.Vote, 2, "b", granted: true, term: 2, standing: Standing.Rebooted));
        var won = node.Answer(PollKind.Vote, 2, "c", granted: true, term: 2, standing: Standing.Rebooted);
        Assert.Equal(["save term 2 vote a Full", "primary of 2"], won[..2]);
    }

    [Fact]
    public void One_that_is_missing_or_has_more_holds_it_up()
    {
        var node = new Machine(voters: 5, ballot: Rebooted);
        node.Pass(Machine.Patience);
        foreach (var voter in new[] { "b", "c", "d" }) Assert.Empty(node.Answer(PollKind.PreVote, 2, voter, granted: true, standing: Standing.Rebooted));
        Assert.Empty(node.Answer(PollKind.PreVote, 2, "e", standing: Standing.Rebooted));
        Assert.Equal(ElectionRole.PreCandidate, node.Role);
        Assert.Empty(node.Election.Awaited);
    }

    [Fact]
    public void It_helps_only_where_all_must_and_waits_until_it_has_caught_up()
    {
        var node = new Machine(ballot: Rebooted).Later(Machine.Patience);
        Assert.False(node.Grants(PollKind.Vote, "b", 2));
        Assert.False(node.Grants(PollKind.Vote, "b", 2, last: 4, isBootstrap: true));
        Assert.True(node.Grants(PollKind.Vote, "b", 2, isBootstrap: true));
        Assert.Equal((Standing.Rebooted, "b"), (node.Saved.Standing, node.Saved.VotedFor));
        Assert.False(node.Grants(PollKind.Vote, "c", 2, isBootstrap: true));
        node.Heard("b", 2);
        node.Step(new ElectionInput.CaughtUp(Machine.Of(2)));
        Assert.Equal(Standing.Full, node.Saved.Standing);
    }

    [Fact]
    public void Whoever_takes_part_may_be_elected_by_those_who_do_not()
    {
        var node = new Machine();
        node.Pass(Machine.Patience);
        node.Answer(PollKind.PreVote, 2, "b", granted: true, standing: Standing.Rebooted);
        node.Answer(PollKind.PreVote, 2, "c", granted: true, standing: Standing.Rebooted);
        Assert.Equal(ElectionRole.Candidate, node.Role);
        node.Answer(PollKind.Vote, 2, "b", granted: true, term: 2, standing: Standing.Rebooted);
        Assert.Equal(ElectionRole.Candidate, node.Role);
        node.Answer(PollKind.Vote, 2, "c", granted: true, term: 2, standing: Standing.Rebooted);
        Assert.Equal(ElectionRole.Primary, node.Role);
    }
}
