using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Tests.Messages;

namespace Matchpoint.Protocol.Tests.Hello;

/// <summary>Who is let in, and what is said to who is not.</summary>
public sealed class HelloCheckTests
{
    private static readonly HelloRules Rules = new(TimeSpan.FromSeconds(5));

    private static readonly ReplicaHello Replica = Samples.ReplicaHello with { Clock = 1_000_000 };

    private static readonly FeederHello Feeder = Samples.FeederHello with { Clock = 1_000_000 };

    private static Introduction Self => new(
        Replica.Group, new NodeId(new Guid(1, 2, 3, new byte[8])), 1, 2, Vlsn.Of(4), 1_000_000);

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 2, 2)]
    [InlineData(2, 9, 2)]
    public void The_highest_version_that_both_speak_is_chosen(ushort lowest, ushort highest, ushort chosen)
    {
        var hello = Replica with { LowestVersion = lowest, HighestVersion = highest };
        Assert.Equal(new HelloVerdict.Admitted(chosen), HelloCheck.OfReplica(hello, Self, Rules));
        Assert.Equal(new HelloVerdict.Admitted(chosen), HelloCheck.OfFeeder(Feeder with { Version = chosen }, Self, Rules));
    }

    [Fact]
    public void Versions_that_do_not_meet_are_refused()
    {
        Refused(RefusalReason.NoCommonVersion, "'nœud' speaks version 3 to 4, this node 1 to 2.", Replica with { LowestVersion = 3, HighestVersion = 4 });
        Assert.Equal(
            RefusalReason.NoCommonVersion,
            Assert.IsType<HelloVerdict.Refused>(HelloCheck.OfFeeder(Feeder with { Version = 3 }, Self, Rules)).Reason);
    }

    [Fact]
    [Trait("Hazard", "H17")]
    public void Another_group_is_refused_with_both_ids()
    {
        var group = GroupId.FromName("another");
        Refused(RefusalReason.WrongGroup, $"'nœud' belongs to group {group}, this node to group {Self.Group}.", Replica with { Group = group });
        Assert.Equal(
            RefusalReason.WrongGroup,
            Assert.IsType<HelloVerdict.Refused>(HelloCheck.OfFeeder(Feeder with { Group = group }, Self, Rules)).Reason);
    }

    [Fact]
    public void The_own_node_id_is_refused_unless_the_offline_tool_asks_for_it()
    {
        var clone = Replica with { Node = Self.Node };
        Refused(RefusalReason.OwnNode, $"'nœud' has node id {Self.Node}, this node has {Self.Node}: it met itself, or its disk was cloned.", clone);
        Assert.IsType<HelloVerdict.Admitted>(HelloCheck.OfReplica(clone, Self, Rules with { OwnNode = OwnNodeRule.Admit }));
        Assert.IsType<HelloVerdict.Refused>(HelloCheck.OfFeeder(Feeder with { Node = Self.Node }, Self, Rules));
    }

    [Theory]
    [InlineData(6_000_000, true)]
    [InlineData(6_000_001, false)]
    [InlineData(-4_000_000, true)]
    [InlineData(-4_000_001, false)]
    [InlineData(long.MaxValue, false)]
    [InlineData(long.MinValue, false)]
    public void Clocks_may_be_so_far_apart_and_no_further(long clock, bool isAdmitted)
    {
        var verdict = HelloCheck.OfReplica(Replica with { Clock = clock }, Self, Rules);
        Assert.Equal(isAdmitted, verdict is HelloVerdict.Admitted);
        if (verdict is HelloVerdict.Refused refused) Assert.Equal(RefusalReason.ClockSkew, refused.Reason);
        Assert.Equal(isAdmitted, HelloCheck.OfFeeder(Feeder with { Clock = clock }, Self, Rules) is HelloVerdict.Admitted);
    }

    [Fact]
    public void A_feeder_without_records_feeds_nobody()
    {
        var verdict = Assert.IsType<HelloVerdict.Refused>(HelloCheck.OfReplica(Replica, Self with { Last = Vlsn.Null }, Rules));
        Assert.Equal(RefusalReason.NothingToFeed, verdict.Reason);
        var empty = Feeder with { First = Vlsn.Null, Last = Vlsn.Null, Answer = SyncupAnswer.None };
        Assert.Equal(RefusalReason.NothingToFeed, Assert.IsType<HelloVerdict.Refused>(HelloCheck.OfFeeder(empty, Self, Rules)).Reason);
    }

    private static void Refused(RefusalReason reason, string sentence, ReplicaHello hello) =>
        Assert.Equal(new HelloVerdict.Refused(reason, sentence), HelloCheck.OfReplica(hello, Self, Rules));
}
