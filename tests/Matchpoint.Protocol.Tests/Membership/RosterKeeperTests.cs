using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;

namespace Matchpoint.Protocol.Tests.Membership;

/// <summary>What a primary does for its group by itself.</summary>
public sealed class RosterKeeperTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);
    private static readonly Vlsn Last = Vlsn.Of(5000);

    private static readonly GroupFacts Usual = new(
        Roster.OfVoters("a", "b"), "a", Last, IsRosterDurable: true, IsRosterWritten: true, TimeSpan.FromMinutes(1), Timeout);

    private static readonly MemberFacts Well = new("b", IsFed: true, TakesPart: true, Last, TimeSpan.FromMilliseconds(10));

    private static Member A => new("a", "");

    [Fact]
    public void Where_all_is_well_there_is_nothing_to_do() => Assert.Null(RosterKeeper.Decide(Usual, [Well]));

    [Fact]
    public void Kinds_that_only_the_options_name_are_written_down()
    {
        var special = Usual with { Roster = Roster.Of([A, new Member("b", "", MemberKind.Secondary)]), IsRosterWritten = false };
        Assert.Equal(new KeeperStep.WriteDown(), RosterKeeper.Decide(special, [Well]));
        Assert.Null(RosterKeeper.Decide(special with { Roster = Roster.OfVoters("a", "b") }, [Well]));
    }

    [Theory]
    [InlineData(true, true, 5000, 10, true)]
    [InlineData(true, true, 4000, 10, true)]
    [InlineData(true, true, 3999, 10, false)]
    [InlineData(false, true, 5000, 10, false)]
    [InlineData(true, false, 5000, 10, false)]
    [InlineData(true, true, 5000, 1500, false)]
    public void Who_is_pending_is_admitted_when_it_has_caught_up(bool isFed, bool takesPart, int flushed, int silent, bool isAdmitted)
    {
        var group = Usual with { Roster = Roster.Of([A, new Member("b", "", IsPending: true)]) };
        var step = RosterKeeper.Decide(group, [new MemberFacts("b", isFed, takesPart, Vlsn.Of(flushed), TimeSpan.FromMilliseconds(silent))]);
        Assert.Equal(isAdmitted ? new KeeperStep.Change(new RosterChange.Admit("b")) : null, step);
        Assert.Null(RosterKeeper.Decide(group with { IsRosterDurable = false }, [Well]));
    }

    [Theory]
    [InlineData(true, 1500, true)]
    [InlineData(true, 900, false)]
    [InlineData(false, 1500, false)]
    public void The_designated_goes_on_without_the_other_when_it_is_silent(bool isDesignated, int silent, bool goesOn)
    {
        var group = Usual with { Roster = Roster.Of([A with { IsDesignated = isDesignated }, new Member("b", "")]) };
        var step = RosterKeeper.Decide(group, [Well with { IsFed = false, SilentFor = TimeSpan.FromMilliseconds(silent) }]);
        Assert.Equal(step, RosterKeeper.Decide(group with { IsRosterDurable = false }, [Well with { IsFed = false, SilentFor = TimeSpan.FromMilliseconds(silent) }]));
        Assert.Equal(goesOn ? new KeeperStep.Change(new RosterChange.Suspend("b")) : null, step);
    }

    [Theory]
    [InlineData(2, 1, 60, true)]
    [InlineData(1, 1, 60, false)]
    [InlineData(2, 1, 3, false)]
    [InlineData(2, 3, 60, false)]
    public void Whoever_is_wanted_more_takes_over_when_it_is_there(int theirs, int own, int age, bool isHandedOver)
    {
        var group = Usual with { Roster = Roster.Of([A with { Priority = (byte)own }, new Member("b", "", Priority: (byte)theirs)]), ReignAge = TimeSpan.FromSeconds(age) };
        Assert.Equal(isHandedOver ? new KeeperStep.HandOver("b") : null, RosterKeeper.Decide(group, [Well]));
        Assert.Null(RosterKeeper.Decide(group, [Well with { IsFed = false }]));
    }

    [Fact]
    public void An_arbiter_hands_over_as_soon_as_anybody_with_the_data_is_there()
    {
        var group = Usual with { Roster = Roster.Of([new Member("a", "", MemberKind.Arbiter), new Member("b", "", Priority: 0), new Member("c", "")]), ReignAge = TimeSpan.Zero };
        Assert.Equal(new KeeperStep.HandOver("b"), RosterKeeper.Decide(group, [Well]));
    }
}
