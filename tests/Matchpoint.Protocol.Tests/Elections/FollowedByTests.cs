using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>A voter that hears the primary holds it in its reign, whether it is fed or not.</summary>
public sealed class FollowedByTests
{
    [Fact]
    public void A_voter_that_grants_an_announcement_follows_since_it_was_sent()
    {
        var primary = Machine.Elected();
        Assert.Equal([$"followed by b since {TimeSpan.FromHours(1) + TimeSpan.FromMilliseconds(Machine.Patience)}"], primary.Answer(PollKind.Announce, 2, "b", granted: true, term: 2, primary: "a"));
    }

    [Fact]
    public void Nobody_else_does()
    {
        Refused(PollKind.Announce, asked: 1); // Sent in an earlier reign: it may have helped another since.
        Refused(PollKind.Announce, granted: false);
        Refused(PollKind.Announce, standing: Standing.BallotLost); // What it promises it may have forgotten by then.
        Refused(PollKind.Announce, standing: Standing.Rebooted);
        Refused(PollKind.Announce, standing: Standing.New);
        Refused(PollKind.Announce, from: "z"); // No voter.
        Refused(PollKind.Vote, from: "c"); // Whoever voted may vote for another at once.
        Refused(PollKind.Look);

        static void Refused(PollKind kind, int asked = 2, string from = "b", bool granted = true, Standing standing = Standing.Full) =>
            Assert.Empty(Machine.Elected().Answer(kind, asked, from, granted, term: 2, standing, primary: "a"));
    }

    [Fact]
    public void Nobody_follows_one_that_has_stepped_down()
    {
        var primary = Machine.Elected();
        primary.HearQuorum();
        primary.Pass(Machine.Timeout + 1);
        Assert.Equal(ElectionRole.Replica, primary.Role);
        Assert.Empty(primary.Answer(PollKind.Announce, 2, "b", granted: true, term: 2, primary: "a"));
    }

    [Fact]
    public void A_secondary_does_not_hold_a_primary()
    {
        var primary = Machine.Elected();
        primary.Become(Roster.Of([.. Roster.OfVoters("a", "b", "c").Members, new Member("d", "", MemberKind.Secondary)]));
        Assert.Empty(primary.Answer(PollKind.Announce, 2, "d", granted: true, term: 2, primary: "a"));
    }
}
