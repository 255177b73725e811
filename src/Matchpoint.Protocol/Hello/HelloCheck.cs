using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Hello;

/// <summary>
/// Decides who is let in, before syncup and whichever version of it follows. Logs of two groups are never compared:
/// their records could agree by accident only, but a restore would destroy one of them.
/// </summary>
internal static class HelloCheck
{
    /// <summary>The feeder's check of a replica, and the highest version that both speak.</summary>
    public static HelloVerdict OfReplica(in ReplicaHello hello, in Introduction self, HelloRules rules)
    {
        if (Of(hello.Group, hello.Node, hello.Name, hello.Clock, self, rules) is { } refused) return refused;
        if (self.Last.IsNull) return NothingToFeed("This node");

        var version = Math.Min(hello.HighestVersion, self.HighestVersion);
        return version >= Math.Max(hello.LowestVersion, self.LowestVersion)
            ? new HelloVerdict.Admitted(version)
            : NoCommonVersion(hello.Name, $"{hello.LowestVersion} to {hello.HighestVersion}", self);
    }

    /// <summary>The replica's check of a feeder.</summary>
    public static HelloVerdict OfFeeder(in FeederHello hello, in Introduction self, HelloRules rules)
    {
        if (Of(hello.Group, hello.Node, hello.Name, hello.Clock, self, rules) is { } refused) return refused;
        if (hello.Last.IsNull) return NothingToFeed($"Feeder '{hello.Name}'");
        return hello.Version >= self.LowestVersion && hello.Version <= self.HighestVersion
            ? new HelloVerdict.Admitted(hello.Version)
            : NoCommonVersion(hello.Name, $"{hello.Version}", self);
    }

    private static HelloVerdict.Refused? Of(
        GroupId group, NodeId node, string name, long clock, in Introduction self, HelloRules rules)
    {
        if (group != self.Group)
        {
            return new HelloVerdict.Refused(
                RefusalReason.WrongGroup, $"'{name}' belongs to group {group}, this node to group {self.Group}.");
        }

        if (node == self.Node && rules.OwnNode == OwnNodeRule.Refuse)
        {
            return new HelloVerdict.Refused(
                RefusalReason.OwnNode,
                $"'{name}' has node id {node}, this node has {self.Node}: it met itself, or its disk was cloned.");
        }

        // 128 bits: the clocks of a hello may be anything, and their difference may not overflow into an agreement.
        var skew = Int128.Abs((Int128)clock - self.Clock);
        return skew <= (Int128)rules.ClockSkew.Ticks / TimeSpan.TicksPerMicrosecond
            ? null
            : new HelloVerdict.Refused(
                RefusalReason.ClockSkew,
                $"'{name}' has clock {InWords(clock)}, this node {InWords(self.Clock)}: more than {rules.ClockSkew} apart.");
    }

    private static HelloVerdict.Refused NothingToFeed(string who) =>
        new(RefusalReason.NothingToFeed, $"{who} holds no records: found 0, expected 1 or more.");

    private static HelloVerdict.Refused NoCommonVersion(string name, string theirs, in Introduction self) => new(
        RefusalReason.NoCommonVersion,
        $"'{name}' speaks version {theirs}, this node {self.LowestVersion} to {self.HighestVersion}.");

    private static string InWords(long microseconds)
    {
        var seconds = microseconds / 1_000_000;
        return seconds is > -62_135_596_800 and < 253_402_300_800
            ? DateTimeOffset.UnixEpoch.AddMicroseconds(microseconds).ToString("yyyy-MM-dd HH:mm:ss.ffffff 'UTC'")
            : $"{microseconds} microseconds since 1970";
    }
}
