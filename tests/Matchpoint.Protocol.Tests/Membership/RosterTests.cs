using CsCheck;
using Matchpoint.Protocol.Membership;

namespace Matchpoint.Protocol.Tests.Membership;

/// <summary>Who a group's members are: what a roster may be, its bytes, and how it changes.</summary>
public sealed class RosterTests
{
    private static readonly Gen<Member> AnyMember = Gen.Select(
        Gen.Char['a', 'e'], Gen.Enum<MemberKind>(), Gen.Byte[0, Member.HighestPriority], Gen.Int[0, 9], Gen.Bool,
        static (name, kind, priority, designated, pending) => new Member(
            $"{name}", $"{name}:7000", kind, priority, designated == 0 && kind == MemberKind.Voter && !pending, pending && kind != MemberKind.Secondary));

    private static readonly Gen<Roster> AnyRoster = AnyMember.Array[1, 8]
        .Select(static members => Roster.TryCreate(members.DistinctBy(static member => member.Name), out _)!).Where(static roster => roster is not null);

    [Fact]
    public void The_bytes_of_a_roster()
    {
        var roster = Roster.Of([new Member("a", "x:1", IsDesignated: true), new Member("bc", "", MemberKind.Voter, 9, IsPending: true), new Member("d", "y:2", MemberKind.Secondary, 0)]);
        Assert.Equal(
            "0103" + "010061" + "0300783A31" + "000101" + "02006263" + "0000" + "000902" + "010064" + "0300793A32" + "010000",
            Convert.ToHexString(RosterCodec.Encode(roster)));
    }

    [Fact]
    public void A_roster_comes_back_from_its_bytes() => AnyRoster.Sample(static roster => RosterCodec.TryDecode(RosterCodec.Encode(roster), out _)!.Equals(roster));

    [Fact]
    public void Bytes_that_were_cut_lengthened_or_turned_are_no_roster_or_another_that_encodes_to_them() => AnyRoster.Sample(static roster =>
    {
        var bytes = RosterCodec.Encode(roster);
        for (var i = 0; i < bytes.Length; i++)
        {
            Assert.Null(RosterCodec.TryDecode(bytes.AsSpan(0, i), out var why));
            Assert.NotNull(why);
            for (var bit = 0; bit < 8; bit++)
            {
                var turned = bytes.ToArray();
                turned[i] ^= (byte)(1 << bit);
                if (RosterCodec.TryDecode(turned, out _) is { } other) Assert.Equal(turned, RosterCodec.Encode(other));
            }
        }

        Assert.Null(RosterCodec.TryDecode([.. bytes, 0], out _));
    }, iter: 200);

    [Theory]
    [InlineData("a a", "two members would be called 'a'")]
    [InlineData("a?", "nobody would vote")]
    [InlineData("r!", "only arbiters would vote, and they hold no data")]
    [InlineData("a* b*", "only one member can be designated")]
    [InlineData("a* b c", "a designated primary leads a group of two by itself, and 3 members would vote: take the designation away first, or keep to two")]
    [InlineData("a* b c?", "a designated primary leads a group of two by itself, and 3 members would vote: take the designation away first, or keep to two")]
    [InlineData("a*? b", "'a' can be designated when it has caught up")]
    [InlineData("a* r! b-", null)]
    public void What_may_be_a_roster(string members, string? why)
    {
        Assert.Equal(why is null, Roster.TryCreate(Read(members), out var found) is not null);
        Assert.Equal(why, found);
    }

    [Theory]
    [InlineData("a b c", "add d", "a b c d?")]
    [InlineData("a b c", "add d-", "a b c d-")]
    [InlineData("a b c", "add b", "there is a member 'b' already")]
    [InlineData("a b c d?", "admit d", "a b c d")]
    [InlineData("a b c", "admit c", "'c' is not pending")]
    [InlineData("a b c", "remove c", "a b")]
    [InlineData("a b c", "remove a", "'a' is the primary: transfer the primary to another member first, then remove it")]
    [InlineData("a b c", "remove x", "there is no member 'x': expected one of a, b, c")]
    [InlineData("a b c", "set c-", "a b c-")]
    [InlineData("a b c-", "set c", "a b c?")]
    [InlineData("a b c", "set a-", "'a' is the primary and must stay a voter: transfer the primary to another member first")]
    [InlineData("a b c", "set c!", "'c' is a voter and would be an arbiter: one has the data and the other has not. Remove it, and add it with an empty directory")]
    [InlineData("a b", "set a*", "a* b")]
    [InlineData("a* b", "set b*", "'a' is designated: take that away first, so that never two lead by themselves")]
    [InlineData("b* a", "set b-", "'b' is designated: take that away first")]
    [InlineData("b* a", "remove b", "'b' is designated: take that away first")]
    [InlineData("a* b", "set a", "a b")]
    [InlineData("a* b", "suspend b", "a* b?")]
    [InlineData("a b", "suspend b", "'a' is not the designated primary of two voters")]
    [InlineData("a* b?", "admit b", "a* b")]
    [InlineData("a* b", "add c", "a designated primary leads a group of two by itself, and 3 members would vote: take the designation away first, or keep to two")]
    public void How_a_roster_changes(string before, string change, string after)
    {
        var words = change.Split(' ');
        RosterChange wanted = words[0] switch
        {
            "add" => new RosterChange.Add(Read(words[1])[0]),
            "remove" => new RosterChange.Remove(words[1]),
            "set" => new RosterChange.Set(Read(words[1])[0]),
            "admit" => new RosterChange.Admit(words[1]),
            _ => new RosterChange.Suspend(words[1]),
        };
        var result = wanted.TryApply(Roster.Of(Read(before)), "a", out var why);
        Assert.Equal(after, result is null ? why : Write(result));
    }

    /// <summary>
    /// Whatever is changed: who can be elected before the change and who can make records durable after it share a voter, and the other way round. So a primary of the old roster is never
    /// beside one of the new without one of them knowing.
    /// </summary>
    [Fact]
    public void Majorities_before_and_after_a_change_share_a_voter()
    {
        var anyChange = Gen.Select(AnyMember, Gen.Int[0, 4], static (member, kind) => (RosterChange)(kind switch
        {
            0 => new RosterChange.Add(member),
            1 => new RosterChange.Remove(member.Name),
            2 => new RosterChange.Set(member),
            3 => new RosterChange.Admit(member.Name),
            _ => new RosterChange.Suspend(member.Name),
        }));
        var changed = 0;
        Gen.Select(AnyMember.Array[1, 5], anyChange).Sample((members, change) =>
        {
            if (Roster.TryCreate(members.DistinctBy(static member => member.Name), out _) is not { } before) return;
            foreach (var primary in before.Voters)
            {
                if (change.TryApply(before, primary, out _) is not { } after) continue;
                Interlocked.Increment(ref changed);
                foreach (var (electing, committing) in new[] { (before, after), (after, before), (before, before), (after, after) })
                {
                    foreach (var elects in Electing(electing))
                        Assert.True(Committing(committing, primary).All(commits => (elects & commits) != 0), $"{before} to {after} by {primary}");
                }
            }
        }, iter: 100_000, threads: 1);
        Assert.True(changed > 5000, $"{changed} changes were possible");
    }

    /// <summary>Sets of names that elect: a majority, or one that needs nobody.</summary>
    private static IEnumerable<int> Electing(Roster roster) =>
        Sets(roster).Where(set => Count(set) >= roster.Majority || roster.Voters.Any(voter => set == Bit(voter) && roster.IsSelfSufficient(voter)));

    /// <summary>Sets of names whose acknowledgement makes a record durable; the primary is one of them.</summary>
    private static IEnumerable<int> Committing(Roster roster, string primary) => Sets(roster).Where(set => Count(set) >= roster.Majority && (set & Bit(primary)) != 0);

    private static IEnumerable<int> Sets(Roster roster)
    {
        var all = roster.Voters.Aggregate(0, static (set, voter) => set | Bit(voter));
        for (var set = all; set != 0; set = (set - 1) & all) yield return set;
    }

    private static int Bit(string name) => 1 << (name[0] - 'a');

    private static int Count(int set) => System.Numerics.BitOperations.PopCount((uint)set);

    private static Member[] Read(string members) => [.. members.Split(' ').Select(static word => new Member(
        word[..1], "", word.Contains('-') ? MemberKind.Secondary : word.Contains('!') ? MemberKind.Arbiter : MemberKind.Voter, IsDesignated: word.Contains('*'), IsPending: word.Contains('?')))];

    private static string Write(Roster roster) => string.Join(' ', roster.Members.Select(static member =>
        $"{member.Name}{(member.Kind == MemberKind.Secondary ? "-" : member.Kind == MemberKind.Arbiter ? "!" : "")}{(member.IsDesignated ? "*" : "")}{(member.IsPending ? "?" : "")}"));
}
