using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>The first primary of a group, and the group of one.</summary>
public sealed class BootstrapTests
{
    private static readonly Ballot Begun = new(Machine.Of(1), "a", Standing.Full, Term.None);

    [Fact]
    public void A_group_in_which_all_are_new_elects_when_every_voter_was_seen()
    {
        var node = New();
        Assert.Equal(["Look 0 to b", "Look 0 to c"], node.Pass(0));
        Assert.Equal(["b", "c"], node.Election.Awaited);
        Assert.Empty(node.Answer(PollKind.Look, 0, "b", term: 0, standing: Standing.New));
        Assert.Equal(["c"], node.Election.Awaited);
        Assert.Equal(
            ["save term 1 vote a Full", "Vote 1 bootstrap to b", "Vote 1 bootstrap to c"],
            node.Answer(PollKind.Look, 0, "c", term: 0, standing: Standing.New));
        Assert.Empty(node.Answer(PollKind.Vote, 1, "b", granted: true, term: 1));
        Assert.Equal(["primary of 1", "Announce 1 to b", "Announce 1 to c"], node.Answer(PollKind.Vote, 1, "c", granted: true, term: 1));
    }

    /// <summary>
    /// With a majority there could be two: a gets the vote of b, which loses its disk at once and gives it again, to c, which knows nothing yet. When all must vote, a group
    /// also begins with every voter taking part, and can lose a minority from then on.
    /// </summary>
    [Fact]
    public void The_first_election_needs_the_vote_of_every_voter_and_the_next_one_a_majority()
    {
        var node = New();
        node.Pass(0);
        node.Answer(PollKind.Look, 0, "b", term: 0, standing: Standing.New);
        node.Answer(PollKind.Look, 0, "c", term: 0, standing: Standing.New);
        Assert.Empty(node.Answer(PollKind.Vote, 1, "b", granted: true, term: 1));
        Assert.Empty(node.Answer(PollKind.Vote, 1, "c", term: 1));
        node.Pass(Machine.Patience);
        node.Answer(PollKind.PreVote, 2, "b", granted: true, term: 1);
        Assert.Contains("primary of 2", node.Answer(PollKind.Vote, 2, "b", granted: true, term: 2));
    }

    /// <summary>
    /// A spare that was told that it votes takes part in the first election, in vain, and holds no record ever after. A member that fell behind and was told of the spare would be elected with its
    /// help, without anybody who knows what is durable.
    /// </summary>
    [Theory]
    [InlineData("a b c", true)]
    [InlineData("a b c d", false)]
    public void Who_holds_no_record_votes_only_for_who_was_told_of_the_same_members(string told, bool isGranted)
    {
        var node = new Machine(ballot: Begun, last: 0).Later(Machine.Patience);
        var roster = Roster.OfVoters([.. told.Split(' ')]);
        var poll = new Poll(default, default, "c", PollKind.PreVote, IsBootstrap: true, Machine.Of(2), Machine.Of(1), Machine.At(1), "", roster.Hash);
        Assert.Equal(isGranted, node.Step(new ElectionInput.PollReceived(poll, 1))[^1].StartsWith("answer a yes", StringComparison.Ordinal));
        var other = new Machine(ballot: Begun, last: 1).Later(Machine.Patience);
        Assert.StartsWith("answer a yes", other.Step(new ElectionInput.PollReceived(poll, 1))[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(Standing.Full))]
    [InlineData(nameof(Standing.BallotLost))]
    [InlineData(nameof(Standing.Rebooted))]
    public void One_voter_that_is_not_new_holds_up_the_first_election(string standing)
    {
        var node = New();
        node.Pass(0);
        Assert.Empty(node.Answer(PollKind.Look, 0, "b", term: 0, standing: Standing.New));
        Assert.Empty(node.Answer(PollKind.Look, 0, "c", term: 0, standing: Enum.Parse<Standing>(standing)));
        Assert.Empty(node.Answer(PollKind.Look, 0, "b", term: 0, standing: Standing.New));
        Assert.Empty(node.Answer(PollKind.Look, 0, "c", term: 0, standing: Standing.BallotLost));
        Assert.Equal(ElectionRole.Replica, node.Role);
    }

    [Fact]
    public void All_must_have_been_new_within_one_time_out()
    {
        var node = New();
        node.Pass(0);
        node.Answer(PollKind.Look, 0, "b", term: 0, standing: Standing.New);
        node.Later(Machine.Timeout + 1);
        Assert.Empty(node.Answer(PollKind.Look, 0, "c", term: 0, standing: Standing.New));
        Assert.NotEmpty(node.Answer(PollKind.Look, 0, "b", term: 0, standing: Standing.New));
        Assert.Equal(ElectionRole.Candidate, node.Role);
    }

    [Fact]
    public void A_new_node_that_holds_records_already_does_not_found_a_group()
    {
        var node = New();
        node.Pass(0);
        node.Election.LogMoved(Machine.Of(1), Vlsn.First);
        node.Answer(PollKind.Look, 0, "b", term: 0, standing: Standing.New);
        Assert.Empty(node.Answer(PollKind.Look, 0, "c", term: 0, standing: Standing.New));
        Assert.False(node.Grants(PollKind.Vote, "b", 1, last: 0, isBootstrap: true));
    }

    [Fact]
    public void A_new_voter_votes_in_the_first_election_once_and_takes_part_from_then_on()
    {
        var node = New();
        Assert.Equal(["save term 1 vote b Full", "answer a yes, term 1 Full"], node.Poll(PollKind.Vote, "b", 1, last: 0, isBootstrap: true));
        Assert.False(node.Grants(PollKind.Vote, "c", 1, last: 0, isBootstrap: true));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(false, 5)]
    public void A_new_voter_gives_no_vote_in_any_other_election(bool isBootstrap, int last)
    {
        Assert.False(New().Grants(PollKind.PreVote, "b", 1, last: last, isBootstrap: isBootstrap));
        Assert.False(New().Grants(PollKind.Vote, "b", 1, last: last, isBootstrap: isBootstrap));
    }

    [Fact]
    public void A_new_voter_that_follows_a_primary_founds_no_other_group()
    {
        var node = New();
        node.Heard("b", 1);
        Assert.False(node.Grants(PollKind.PreVote, "c", 2, last: 0, isBootstrap: true));
        Assert.False(node.Grants(PollKind.Vote, "c", 2, last: 0, isBootstrap: true));
        Assert.Equal(Standing.New, node.Election.Standing);
    }

    /// <summary>All that the group had: one node that stood, whose polls were lost. It takes part, the others are new, and it needs every one of them again.</summary>
    [Fact]
    public void A_first_election_that_came_to_nothing_is_held_again()
    {
        var node = new Machine(ballot: Begun, lastTerm: 0, last: 0);
        Assert.Equal(["PreVote 2 bootstrap to b", "PreVote 2 bootstrap to c"], node.Pass(Machine.Patience));
        Assert.Empty(node.Answer(PollKind.PreVote, 2, "b", granted: true, standing: Standing.New));
        Assert.Equal(
            ["save term 2 vote a Full", "Vote 2 bootstrap to b", "Vote 2 bootstrap to c"],
            node.Answer(PollKind.PreVote, 2, "c", granted: true, standing: Standing.New));

        var other = New();
        Assert.Equal(["answer a yes, term 0 New"], other.Poll(PollKind.PreVote, "b", 2, last: 0, isBootstrap: true));
        Assert.Equal(["save term 2 vote b Full", "answer a yes, term 2 Full"], other.Poll(PollKind.Vote, "b", 2, last: 0, isBootstrap: true));
    }

    [Fact]
    public void Voters_that_take_part_need_no_new_one()
    {
        var node = new Machine(ballot: Begun, lastTerm: 0, last: 0);
        node.Pass(Machine.Patience);
        Assert.Equal(["save term 2 vote a Full", "Vote 2 to b", "Vote 2 to c"], node.Answer(PollKind.PreVote, 2, "b", granted: true));
    }

    [Fact]
    public void New_voters_elect_nobody_who_holds_records()
    {
        var node = New();
        Assert.False(node.Grants(PollKind.PreVote, "b", 1, last: 1, isBootstrap: true));
        Assert.False(node.Grants(PollKind.Vote, "b", 1, last: 1, isBootstrap: true));
        Assert.True(node.Grants(PollKind.PreVote, "b", 1, last: 0, isBootstrap: true));
    }

    [Theory]
    [InlineData(nameof(Standing.Full))]
    [InlineData(nameof(Standing.New))]
    [InlineData(nameof(Standing.BallotLost))]
    [InlineData(nameof(Standing.Rebooted))]
    public void A_lone_voter_elects_itself_at_once(string standing)
    {
        var node = new Machine(voters: 1, ballot: new Ballot(Machine.Of(3), null, Enum.Parse<Standing>(standing), Term.None), lastTerm: 3);
        Assert.Equal(["save term 4 vote a Full", "primary of 4"], node.Pass(0));
        node.Pass(Machine.Timeout * 10);
        Assert.Equal(ElectionRole.Primary, node.Role);
    }

    [Fact]
    public void Who_is_no_voter_never_elects_itself()
    {
        var node = new Machine(voters: 1, ballot: Ballot.New, lastTerm: 0, last: 0, self: "z");
        for (var i = 0; i < 10; i++) Assert.Equal(["Look 0 to a"], node.Pass(Machine.Patience));
        Assert.False(node.Grants(PollKind.Vote, "a", 1, last: 0));
    }

    private static Machine New() => new(ballot: Ballot.New, lastTerm: 0, last: 0);
}
