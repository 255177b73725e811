using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// Members as a record says them: refused in words, or in their one encoding. And any changes of them, one after another, by whoever is the primary: majorities before and after share a voter,
/// the primary stays one, and what it does by itself can be done.
/// </summary>
internal sealed class RosterTarget : IFuzzTarget
{
    private static readonly string[] Names = ["a", "b", "c", "d", "e"];

    /// <inheritdoc/>
    public string Name => "rosters";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds =>
    [
        RosterCodec.Encode(Roster.Of([new Member("a", "h:1"), new Member("b", "", Priority: 3), new Member("c", "x:2", MemberKind.Arbiter), new Member("d", "", MemberKind.Secondary)])),
        RosterCodec.Encode(Roster.Of([new Member("a", "h:1", IsDesignated: true), new Member("b", "h:2", IsPending: true)])),
        [0, 0, 3, 0, 3, 0, 3, 1, 5, 0, 2, 0, 5, 3, 1, 6, 1, 9],
        [2, 2, 0, 0, 1, 1, 5, 0, 4, 1, 3, 1, 0, 6, 1, 5, 200],
    ];

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var decoded = RosterCodec.TryDecode(input, out var why);
        Invariant.Holds(decoded is null == why is not null, $"members are read or refused in words, and not both: {why}");
        Invariant.Holds(decoded is null || input.SequenceEqual(RosterCodec.Encode(decoded)), $"{decoded} have two encodings.");

        var reader = new InputReader(input);
        var now = Roster.OfVoters(Names[..(1 + reader.Below(Names.Length))]);
        var primary = "a";
        while (reader.HasMore)
        {
            if (reader.Below(4) == 0)
            {
                // Whoever has data and votes may be elected.
                if (now.Find(Names[reader.Below(Names.Length)]) is { Votes: true, Kind: MemberKind.Voter } other) primary = other.Name;
                continue;
            }

            if (Draw(ref reader, now, primary) is not { } change) continue;
            var next = change.TryApply(now, primary, out why);
            Invariant.Holds(next is null == why is not null, $"{change} is made or refused in words, and not both: {why}");
            if (next is null) continue;
            Look(now, next, primary);
            now = next;
        }
    }

    private static RosterChange? Draw(ref InputReader reader, Roster now, string primary)
    {
        var name = Names[reader.Below(Names.Length)];
        return reader.Below(7) switch
        {
            0 => new RosterChange.Add(Member(ref reader, name)),
            1 => new RosterChange.Remove(name),
            2 or 3 => new RosterChange.Set(Member(ref reader, name)),
            4 => new RosterChange.Admit(name),
            5 => new RosterChange.Suspend(name),
            _ => ByItself(ref reader, now, primary),
        };
    }

    private static Member Member(ref InputReader reader, string name) =>
        new(name, "", (MemberKind)reader.Below(3), (byte)reader.Below(11), reader.Below(3) == 0, reader.Below(3) == 0);

    /// <summary>What the primary does by itself; null where that is no change.</summary>
    private static RosterChange? ByItself(ref InputReader reader, Roster now, string primary)
    {
        var timeout = TimeSpan.FromSeconds(1);
        var group = new GroupFacts(
            now, primary, Vlsn.Of(2000), IsRosterDurable: reader.Below(4) > 0, IsRosterWritten: reader.Below(2) == 0, TimeSpan.FromMilliseconds(reader.Byte() * 40), timeout);
        var facts = new List<MemberFacts>();
        foreach (var member in now.Members.Where(member => member.Name != primary))
            facts.Add(new MemberFacts(member.Name, reader.Below(4) > 0, reader.Below(4) > 0, Vlsn.Of(1 + (reader.Byte() * 8)), TimeSpan.FromMilliseconds(reader.Byte() * 10)));
        switch (RosterKeeper.Decide(group, facts))
        {
            case KeeperStep.Change step:
                Invariant.Holds(step.Of.TryApply(now, primary, out var why) is not null, $"{step.Of} cannot be made: {why}");
                Invariant.Holds(group.IsRosterDurable || step.Of is RosterChange.Suspend, $"{step.Of} before the last change is durable.");
                return step.Of;
            case KeeperStep.HandOver over:
                Invariant.Holds(over.To != primary && now.Find(over.To) is { Votes: true, Kind: MemberKind.Voter }, $"a hand-over to {over.To} of {now}.");
                return null;
            default:
                return null;
        }
    }

    private static void Look(Roster before, Roster after, string primary)
    {
        Invariant.Holds(Leads(after, primary) || !Leads(before, primary), $"'{primary}' leads {after} without a vote.");
        Invariant.Holds(before.Voters.Except(after.Voters).Count() + after.Voters.Except(before.Voters).Count() <= 1, $"{before} became {after}: more than one voter is another.");
        var union = before.Voters.Union(after.Voters).ToArray();
        for (var set = 0; set < 1 << union.Length; set++)
        {
            var (one, other) = (Chosen(union, set), Chosen(union, ~set));
            Invariant.Holds(!IsQuorum(before, one) || !IsQuorum(after, other), $"{before} became {after}: {string.Join(" ", one)} and {string.Join(" ", other)} could each elect.");
        }
    }

    private static bool Leads(Roster roster, string name) => roster.Find(name) is { Votes: true, Kind: MemberKind.Voter };

    private static List<string> Chosen(string[] names, int set) => [.. names.Where((_, i) => (set & (1 << i)) != 0)];

    private static bool IsQuorum(Roster roster, List<string> names) => names.Count(roster.IsVoter) >= roster.Majority || names.Exists(roster.IsSelfSufficient);
}
