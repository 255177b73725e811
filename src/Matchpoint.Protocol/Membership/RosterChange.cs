using System.Collections.Immutable;

namespace Matchpoint.Protocol.Membership;

/// <summary>A change of the group's members. One is made at a time, so that any majority before it shares a voter with any majority after it (Ongaro's thesis, 2014, 4.1).</summary>
internal abstract record RosterChange
{
    private RosterChange()
    {
    }

    /// <summary>A member is taken in. One that is to vote is pending until it has caught up.</summary>
    public sealed record Add(Member Member) : RosterChange;

    /// <summary>A member has to go.</summary>
    public sealed record Remove(string Name) : RosterChange;

    /// <summary>A member's address, kind, priority or designation becomes another.</summary>
    public sealed record Set(Member Member) : RosterChange;

    /// <summary>A pending member has caught up: it votes and counts from here on.</summary>
    public sealed record Admit(string Name) : RosterChange;

    /// <summary>The other voter of a designated primary is away: it neither votes nor counts until it has caught up again.</summary>
    public sealed record Suspend(string Name) : RosterChange;

    /// <summary>What the roster is after it, if it may be made; otherwise why it may not.</summary>
    /// <param name="now">The members as they are.</param>
    /// <param name="primary">Who makes the change; it must stay a voter.</param>
    /// <param name="why">Why not, in words that fit behind a colon.</param>
    public Roster? TryApply(Roster now, string primary, out string? why)
    {
        why = WhyNot(now, primary);
        return why is not null ? null : Roster.TryCreate(Result(now), out why);
    }

    private string? WhyNot(Roster now, string primary) => this switch
    {
        Add add => now.Contains(add.Member.Name) ? $"there is a member '{add.Member.Name}' already"
            : add.Member.IsDesignated ? $"'{add.Member.Name}' can be designated when it is a member and votes"
            : null,
        Remove remove => Missing(now, remove.Name) ?? Designated(now.Find(remove.Name)!, after: null)
            ?? (remove.Name == primary ? $"'{primary}' is the primary: transfer the primary to another member first, then remove it" : null),
        Set set => Missing(now, set.Member.Name) ?? WhyNot(now.Find(set.Member.Name)!, set.Member, now, primary),
        Admit admit => Missing(now, admit.Name) ?? (now.Find(admit.Name)!.IsPending ? null : $"'{admit.Name}' is not pending"),
        Suspend suspend => Missing(now, suspend.Name)
            ?? (now.IsSelfSufficient(primary) && now.IsVoter(suspend.Name) && suspend.Name != primary ? null : $"'{primary}' is not the designated primary of two voters"),
        _ => throw Invariant.Unreachable(this),
    };

    private static string? WhyNot(Member before, Member after, Roster now, string primary) =>
        Designated(before, after) ?? ((before.Kind == MemberKind.Arbiter) != (after.Kind == MemberKind.Arbiter)
            ? $"'{before.Name}' is {Words(before.Kind)} and would be {Words(after.Kind)}: one has the data and the other has not. Remove it, and add it with an empty directory"
            : after.Name == primary && after.Kind != MemberKind.Voter && before.Kind == MemberKind.Voter
                ? $"'{primary}' is the primary and must stay a voter: transfer the primary to another member first"
                : after.IsDesignated && now.Members.FirstOrDefault(static member => member.IsDesignated) is { } other && other.Name != after.Name
                    ? $"'{other.Name}' is designated: take that away first, so that never two lead by themselves"
                    : null);

    /// <summary>Whoever can be elected alone must know first that it cannot any more.</summary>
    private static string? Designated(Member before, Member? after) =>
        before.IsDesignated && after?.Kind != MemberKind.Voter ? $"'{before.Name}' is designated: take that away first" : null;

    private static string? Missing(Roster now, string name) =>
        now.Contains(name) ? null : $"there is no member '{name}': expected one of {string.Join(", ", now.Members.Select(static member => member.Name))}";

    private static string Words(MemberKind kind) => kind switch
    {
        MemberKind.Voter => "a voter",
        MemberKind.Secondary => "a secondary",
        MemberKind.Arbiter => "an arbiter",
        _ => throw Invariant.Unreachable(kind),
    };

    private ImmutableArray<Member> Result(Roster now) => this switch
    {
        Add add => now.Members.Add(add.Member with { IsPending = add.Member.Kind != MemberKind.Secondary }),
        Remove remove => [.. now.Members.Where(member => member.Name != remove.Name)],
        Set set => Replace(now, set.Member.Name, before => set.Member with
        {
            IsPending = set.Member.Kind != MemberKind.Secondary && (before.IsPending || before.Kind == MemberKind.Secondary),
        }),
        Admit admit => Replace(now, admit.Name, static before => before with { IsPending = false }),
        Suspend suspend => Replace(now, suspend.Name, static before => before with { IsPending = true }),
        _ => throw Invariant.Unreachable(this),
    };

    private static ImmutableArray<Member> Replace(Roster now, string name, Func<Member, Member> with) =>
        [.. now.Members.Select(member => member.Name == name ? with(member) : member)];
}
