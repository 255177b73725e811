using System.Buffers.Binary;
using System.Collections.Immutable;
using System.IO.Hashing;
using System.Numerics;
using System.Text;

namespace Matchpoint.Protocol.Membership;

/// <summary>
/// The members of a group at one record of its log, all of them. Guarantees: (1) names differ; (2) at least one member votes; (3) at most one is designated, that one votes, and then no
/// more than two are of a kind that votes: any two majorities of rosters that follow each other share a voter only so.
/// </summary>
internal sealed class Roster : IEquatable<Roster>
{
    /// <summary>The most members of a group.</summary>
    public const int Most = 64;

    private Roster(ImmutableArray<Member> members)
    {
        Members = members;
        Voters = [.. members.Where(static member => member.Votes).Select(static member => member.Name)];
    }

    /// <summary>The members, in the order in which they came.</summary>
    public ImmutableArray<Member> Members { get; }

    /// <summary>The names of those that vote and count.</summary>
    public ImmutableArray<string> Voters { get; }

    /// <summary>More than half of the voters.</summary>
    public int Majority => (Voters.Length / 2) + 1;

    /// <summary>
    /// Says which members there are and what they are, not where: nodes that are to begin a group together must be told the same.
    /// </summary>
    public ulong Hash
    {
        get
        {
            var hash = new XxHash3();
            Span<byte> fixedPart = stackalloc byte[8];
            foreach (var member in Members.OrderBy(static member => member.Name, StringComparer.Ordinal))
            {
                var name = Encoding.UTF8.GetBytes(member.Name);
                BinaryPrimitives.WriteInt32LittleEndian(fixedPart, name.Length);
                (fixedPart[4], fixedPart[5]) = ((byte)member.Kind, member.Priority);
                (fixedPart[6], fixedPart[7]) = (member.IsDesignated ? (byte)1 : (byte)0, member.IsPending ? (byte)1 : (byte)0);
                hash.Append(fixedPart);
                hash.Append(name);
            }

            return hash.GetCurrentHashAsUInt64();
        }
    }

    /// <summary>Whether all members are plain voters: then nothing needs to be written down before the first change.</summary>
    public bool IsPlain => Members.All(static member => member is { Kind: MemberKind.Voter, Priority: Member.UsualPriority, IsDesignated: false, IsPending: false });

    /// <summary>A roster, if it keeps the guarantees; otherwise why it does not.</summary>
    public static Roster? TryCreate(IEnumerable<Member> members, out string? why)
    {
        var list = members.ToImmutableArray();
        why = WhyNot(list);
        return why is null ? new Roster(list) : null;
    }

    /// <summary>A roster that surely keeps the guarantees.</summary>
    public static Roster Of(IEnumerable<Member> members)
    {
        var roster = TryCreate(members, out var why);
        Invariant.Holds(roster is not null, $"a roster is not one: {why}");
        return roster;
    }

    /// <summary>A roster of plain voters.</summary>
    public static Roster OfVoters(params IEnumerable<string> names) => Of(names.Select(static name => new Member(name, "")));

    /// <summary>A member by its name; null when there is none.</summary>
    public Member? Find(string name)
    {
        foreach (var member in Members)
        {
            if (member.Name == name) return member;
        }

        return null;
    }

    /// <summary>Whether there is a member of that name.</summary>
    public bool Contains(string name) => Find(name) is not null;

    /// <summary>Whether a member votes and counts.</summary>
    public bool IsVoter(string name) => Voters.Contains(name);

    /// <summary>Whether a member is a majority by itself: the only voter, or the designated one of two.</summary>
    public bool IsSelfSufficient(string name) => IsVoter(name) && (Voters.Length == 1 || (Voters.Length == 2 && Find(name)!.IsDesignated));

    /// <summary>How many levels of others come before a member when a primary is sought; arbiters come last.</summary>
    public int RankOf(string name)
    {
        if (Find(name) is not { } self) return 0;
        var own = LevelOf(self);
        var levels = 0u; // A bit for each level above its own: it is asked at every step of an election.
        foreach (var member in Members)
        {
            if (member.Votes && LevelOf(member) > own) levels |= 1u << LevelOf(member);
        }

        return BitOperations.PopCount(levels);
    }

    /// <summary>Whether one member would rather be the primary than another.</summary>
    public bool IsPreferred(string name, string over) => Find(name) is { Votes: true } one && Find(over) is { } other && LevelOf(one) > LevelOf(other);

    /// <inheritdoc/>
    public bool Equals(Roster? other) => other is not null && Members.SequenceEqual(other.Members);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Roster);

    /// <inheritdoc/>
    public override int GetHashCode() => Hash.GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", Members.Select(static member =>
        $"{member.Name}{(member.Kind == MemberKind.Voter ? "" : $" ({member.Kind.ToString().ToLowerInvariant()})")}"
            + $"{(member.IsDesignated ? " (designated)" : "")}{(member.IsPending ? " (pending)" : "")}"));

    private static int LevelOf(Member member) => member.Kind == MemberKind.Arbiter ? -1 : member.Priority;

    private static string? WhyNot(ImmutableArray<Member> members)
    {
        if (members.Length is 0 or > Most) return $"a group has 1 to {Most} members, and there would be {members.Length}";
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in members)
        {
            if (!names.Add(member.Name)) return $"two members would be called '{member.Name}'";
            if (member.Priority > Member.HighestPriority) return $"priorities are 0 to {Member.HighestPriority}, and that of '{member.Name}' would be {member.Priority}";
            if (member.IsDesignated && member.Kind != MemberKind.Voter) return $"only a voter can be designated, and '{member.Name}' would be {member.Kind}";
            if (member.IsDesignated && member.IsPending) return $"'{member.Name}' can be designated when it has caught up";
            if (member.IsPending && member.Kind == MemberKind.Secondary) return $"'{member.Name}' would wait to vote, and a secondary does not vote";
        }

        if (!members.Any(static member => member.Votes)) return "nobody would vote";
        if (!members.Any(static member => member is { Votes: true, Kind: MemberKind.Voter })) return "only arbiters would vote, and they hold no data";
        if (members.Count(static member => member.IsDesignated) > 1) return "only one member can be designated";
        var voting = members.Count(static member => member.Kind != MemberKind.Secondary);
        return members.Any(static member => member.IsDesignated) && voting > 2
            ? $"a designated primary leads a group of two by itself, and {voting} members would vote: take the designation away first, or keep to two"
            : null;
    }
}
