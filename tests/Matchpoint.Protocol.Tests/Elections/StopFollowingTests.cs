using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>A primary of an older term gets no acknowledgement from whoever has voted in a newer one.</summary>
public class StopFollowingTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    private readonly Election _election = new(
        new ElectionSettings("x", Roster.OfVoters("p", "x", "y"), Timeout, Timeout / 5, 1), new Ballot(new Term(5), null, Standing.Full, Term.None), new Term(5), Vlsn.Of(9), TimeSpan.Zero);

    private readonly List<ElectionEffect> _effects = [];

    [Fact]
    public void Whoever_votes_stops_following_before_the_vote_is_given()
    {
        Step(new ElectionInput.PrimaryHeard(new Term(5), "p"), TimeSpan.Zero);
        Step(new ElectionInput.PollReceived(Ask("y", 6), 1), Timeout * 2);
        Assert.Collection(
            _effects,
            effect => Assert.IsType<ElectionEffect.StopFollowing>(effect),
            effect => Assert.Equal("y", Assert.IsType<ElectionEffect.SaveBallot>(effect).Ballot.VotedFor),
            effect => Assert.True(Assert.IsType<ElectionEffect.Answer>(effect).Message.Granted));
    }

    [Fact]
    public void Whoever_stands_stops_following_before_it_asks()
    {
        Step(new ElectionInput.PrimaryHeard(new Term(5), "p"), TimeSpan.Zero);
        Step(new ElectionInput.TimePassed(TimeSpan.Zero), Timeout * 2);
        Step(new ElectionInput.PollAnswered(PollKind.PreVote, new Term(6), new PollAnswer("y", new Term(5), true, Standing.Full, "", Term.None, ""), Timeout * 2), Timeout * 2);
        Assert.IsType<ElectionEffect.StopFollowing>(_effects[0]);
        Assert.Equal(ElectionRole.Candidate, _election.Role);
    }

    [Fact]
    public void Whoever_learns_of_a_newer_term_or_loses_its_disk_stops_following()
    {
        Step(new ElectionInput.PrimaryHeard(new Term(5), "p"), TimeSpan.Zero);
        Step(new ElectionInput.TermSeen(new Term(6)), TimeSpan.Zero);
        Assert.IsType<ElectionEffect.StopFollowing>(_effects[0]);
        Step(new ElectionInput.TermSeen(new Term(7)), TimeSpan.Zero);
        Assert.IsType<ElectionEffect.SaveBallot>(Assert.Single(_effects));
        Step(new ElectionInput.PrimaryHeard(new Term(7), "y"), TimeSpan.Zero);
        Step(new ElectionInput.Retired("disk"), TimeSpan.Zero);
        Assert.IsType<ElectionEffect.StopFollowing>(Assert.Single(_effects));
    }

    private static Poll Ask(string name, ulong term) => new(GroupId.FromName("test"), default, name, PollKind.Vote, IsBootstrap: false, new Term(term), new Term(5), Vlsn.Of(9));

    private void Step(ElectionInput input, TimeSpan now)
    {
        _effects.Clear();
        _election.Step(input, now, _effects);
    }
}
