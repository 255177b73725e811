using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// Both checks of a hello, any hello against any introduction: who is let in is of the group, no second copy of this node, near in time, has what it is to feed, and speaks the version that is
/// chosen, which is the highest that both speak; who is not is told a reason that holds. Both sides judge alike: whom the feeder lets in takes its truthful answer.
/// </summary>
internal sealed class HelloTarget : IFuzzTarget
{
    private const byte Drawn = 0;
    private const byte FromBytes = 1;

    /// <inheritdoc/>
    public string Name => "hello";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds
    {
        get
        {
            byte[][] selves =
            [
                [0, 0, 100, 0, 0, 1, 1, 1, 9, 7, 0], [1, 0, 5, 3, 0, 1, 2, 2, 0, 0, 9], [0, 1, 15, 0, 0, 0, 1, 0, 3, 1, 0], [0, 2, 0, 0, 0, 0, 1, 0, 3, 3, 4],
            ];
            foreach (var self in selves)
            {
                yield return [.. self, Drawn, 0, 1, 1, 1, 2, 4, 7, 0, 1, 0, 1, (byte)'b'];
                yield return [.. self, Drawn, 0, 0, 0, 1, 0, 4, 7, 0, 2, 0, 1, (byte)'b'];
                yield return [.. self, Drawn, 1, 1, 2, 1, 1, 4, 7, 1, 1, 0, 2, (byte)'b', (byte)'c'];
                yield return [.. self, Drawn, 1, 0, 1, 1, 1, 0, 7, 0, 1, 0, 0];
                yield return [.. self, FromBytes, .. Replica(Names.Mine, Names.Other, 1, 2, Vlsn.Of(7), 1, "b").ToBytes()];
                yield return [.. self, FromBytes, .. Feeder(Names.Mine, Names.Other, 2, Vlsn.Of(7), 1, "b").ToBytes()];
            }
        }
    }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var reader = new InputReader(input);
        var rules = new HelloRules(Skew(ref reader), reader.Below(2) == 0 ? OwnNodeRule.Refuse : OwnNodeRule.Admit);
        var (lowest, highest) = Versions(ref reader);
        var self = new Introduction(Names.Group(reader.Byte()), Names.Node(reader.Byte()), lowest, highest, LastOf(reader.Byte()), Clock(0, rules, ref reader));
        if (reader.Below(2) == FromBytes) TakeBytes(reader.Rest, self, rules);
        else TakeDrawn(ref reader, self, rules);
    }

    private static void TakeBytes(ReadOnlySpan<byte> frame, in Introduction self, HelloRules rules)
    {
        if (frame.IsEmpty) return;
        try
        {
            if (frame[0] == (byte)Opcode.ReplicaHello) OfReplica(ReplicaHello.Decode(frame), self, rules);
            else OfFeeder(FeederHello.Decode(frame), self, rules);
        }
        catch (ProtocolException)
        {
            // No hello.
        }
    }

    private static void TakeDrawn(ref InputReader reader, in Introduction self, HelloRules rules)
    {
        var isFeeder = reader.Below(2) == 1;
        var (group, node) = (Names.Group(reader.Byte()), Names.Node(reader.Byte()));
        var (lowest, highest) = Versions(ref reader);
        var last = LastOf(reader.Byte());
        var clock = Clock(self.Clock, rules, ref reader);
        var text = Encoding.UTF8.GetString(reader.Bytes());
        while (Encoding.UTF8.GetByteCount(text) > Limits.NodeNameBytes) text = text[..(text.Length / 2)];
        if (text.Length == 0 || char.IsSurrogate(text[^1])) text = "b";
        if (isFeeder) OfFeeder(FeederHello.Decode(Feeder(group, node, highest, last, clock, text).ToBytes()), self, rules);
        else OfReplica(ReplicaHello.Decode(Replica(group, node, lowest, highest, last, clock, text).ToBytes()), self, rules);
    }

    private static void OfReplica(in ReplicaHello hello, in Introduction self, HelloRules rules)
    {
        var verdict = HelloCheck.OfReplica(hello, self, rules);
        var peer = new Introduction(hello.Group, hello.Node, hello.LowestVersion, hello.HighestVersion, hello.Last, hello.Clock);
        Judge(verdict, peer, self, self.Last, rules);

        var version = verdict is HelloVerdict.Admitted admitted ? admitted.Version : self.HighestVersion;
        var answered = HelloCheck.OfFeeder(Feeder(self.Group, self.Node, version, self.Last, self.Clock, "feeder"), peer, rules);
        Agree(verdict, answered);
    }

    private static void OfFeeder(in FeederHello hello, in Introduction self, HelloRules rules)
    {
        var verdict = HelloCheck.OfFeeder(hello, self, rules);
        var peer = new Introduction(hello.Group, hello.Node, hello.Version, hello.Version, hello.Last, hello.Clock);
        Judge(verdict, peer, self, hello.Last, rules);
        Agree(verdict, HelloCheck.OfReplica(Replica(self.Group, self.Node, self.LowestVersion, self.HighestVersion, self.Last, self.Clock, "replica"), peer, rules));
    }

    /// <summary>Each reason is asked for by itself, in other words than the check's.</summary>
    private static void Judge(HelloVerdict verdict, in Introduction peer, in Introduction self, Vlsn fed, HelloRules rules)
    {
        var isFar = Int128.Abs((Int128)peer.Clock - self.Clock) * TimeSpan.TicksPerMicrosecond > rules.ClockSkew.Ticks;
        var isOwn = peer.Node == self.Node && rules.OwnNode == OwnNodeRule.Refuse;
        if (verdict is HelloVerdict.Admitted { Version: var version })
        {
            Invariant.Holds(peer.Group == self.Group, $"a node of group {peer.Group} was let in to group {self.Group}.");
            Invariant.Holds(!isOwn, $"{self.Node} let itself in.");
            Invariant.Holds(!isFar, $"clock {peer.Clock} was let in by clock {self.Clock} with {rules.ClockSkew}.");
            Invariant.Holds(!fed.IsNull, "a log without records is to feed.");
            Invariant.Holds(Speaks(peer, version) && Speaks(self, version), $"version {version} was chosen, which one does not speak.");
            Invariant.Holds(version == ushort.MaxValue || !Speaks(peer, (ushort)(version + 1)) || !Speaks(self, (ushort)(version + 1)), $"version {version} was chosen, and both speak a higher one.");
            return;
        }

        var refused = (HelloVerdict.Refused)verdict;
        var holds = refused.Reason switch
        {
            RefusalReason.WrongGroup => peer.Group != self.Group,
            RefusalReason.OwnNode => isOwn,
            RefusalReason.ClockSkew => isFar,
            RefusalReason.NothingToFeed => fed.IsNull,
            RefusalReason.NoCommonVersion => peer.HighestVersion < self.LowestVersion || self.HighestVersion < peer.LowestVersion,
            _ => false,
        };
        Invariant.Holds(holds, $"a peer was refused, and it is not so: {refused.Reason}, {refused.Sentence}");
        var told = Goodbye.Decode(new Goodbye(refused.Code, refused.Sentence).ToBytes());
        Invariant.Holds(told.Reason == refused.Sentence && told.Code == refused.Code, $"the peer is told {told.Reason} instead of {refused.Sentence}");
    }

    private static void Agree(HelloVerdict here, HelloVerdict there) => Invariant.Holds(
        (here, there) switch
        {
            (HelloVerdict.Admitted one, HelloVerdict.Admitted other) => one.Version == other.Version,
            (HelloVerdict.Refused one, HelloVerdict.Refused other) => one.Reason == other.Reason,
            _ => false,
        },
        $"one side says {here}, the other {there}.");

    private static bool Speaks(in Introduction one, ushort version) => version >= one.LowestVersion && version <= one.HighestVersion;

    private static ReplicaHello Replica(GroupId group, NodeId node, ushort lowest, ushort highest, Vlsn last, long clock, string name) =>
        new(lowest, highest, group, node, name, new Term(1), last.IsNull ? Vlsn.Null : Vlsn.First, last, clock, []);

    private static FeederHello Feeder(GroupId group, NodeId node, ushort version, Vlsn last, long clock, string name) =>
        new(version, group, node, name, new Term(1), Term.None, last.IsNull ? Vlsn.Null : Vlsn.First, last, clock, Vlsn.Null, SyncupAnswer.None);

    private static Vlsn LastOf(byte drawn) => drawn == 0 ? Vlsn.Null : Vlsn.Of(drawn);

    private static TimeSpan Skew(ref InputReader reader) => reader.Below(3) switch
    {
        0 => TimeSpan.FromTicks(reader.UInt16()),
        1 => TimeSpan.FromSeconds(reader.Byte()),
        _ => TimeSpan.MaxValue,
    };

    private static (ushort Lowest, ushort Highest) Versions(ref InputReader reader)
    {
        var lowest = (ushort)Math.Max(1, reader.Below(64) == 63 ? reader.UInt16() : reader.Below(8));
        return (lowest, (ushort)Math.Min(ushort.MaxValue, lowest + reader.Below(8)));
    }

    /// <summary>Any clock; most stand near the edge of what another one still takes.</summary>
    private static long Clock(long other, HelloRules rules, ref InputReader reader)
    {
        var skew = rules.ClockSkew.Ticks / TimeSpan.TicksPerMicrosecond;
        var (kind, step) = (reader.Below(6), (sbyte)reader.Byte());
        return kind switch
        {
            0 => unchecked(other + step),
            1 => unchecked(other + skew + step),
            2 => unchecked(other - skew + step),
            3 => unchecked(long.MinValue + step),
            4 => unchecked(long.MaxValue - step),
            _ => unchecked((long)((ulong)reader.UInt16() << 48) + step),
        };
    }

    /// <summary>A few groups and nodes, so that they meet again.</summary>
    private static class Names
    {
        public static GroupId Mine { get; } = Group(0);

        public static NodeId Other { get; } = Node(1);

        public static GroupId Group(byte drawn) => new(new Guid(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)(drawn >= 0xf0 ? 1 << (drawn & 7) : 0)));

        public static NodeId Node(byte drawn) => new(new Guid(2, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)(drawn % 3)));
    }
}
