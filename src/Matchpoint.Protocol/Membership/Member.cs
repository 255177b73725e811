namespace Matchpoint.Protocol.Membership;

/// <summary>A member of the group, as the group's log knows it.</summary>
/// <param name="Name">Its name, unique in the group.</param>
/// <param name="Address">Where it listens, HOST:PORT; empty for a node by itself that does not.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Priority">Of several that could be the primary the one with the highest becomes it.</param>
/// <param name="IsDesignated">Whether it may lead a group of two by itself while the other is away.</param>
/// <param name="IsPending">Whether it neither votes nor counts, though of a kind that does, until it has caught up: it is new, or was away from a designated primary.</param>
internal sealed record Member(string Name, string Address, MemberKind Kind = MemberKind.Voter, byte Priority = Member.UsualPriority, bool IsDesignated = false, bool IsPending = false)
{
    /// <summary>The priority of members for which nothing else is said.</summary>
    public const byte UsualPriority = 1;

    /// <summary>The highest priority.</summary>
    public const byte HighestPriority = 9;

    /// <summary>Whether it votes and counts.</summary>
    public bool Votes => Kind != MemberKind.Secondary && !IsPending;
}
