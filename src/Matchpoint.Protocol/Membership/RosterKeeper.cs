using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Membership;

/// <summary>How a member is, as its primary knows it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsFed">Whether it is connected.</param>
/// <param name="TakesPart">Whether it is sure of what it has promised.</param>
/// <param name="Flushed">The last record on its device.</param>
/// <param name="SilentFor">How long it has not been heard; since the reign began where it never was.</param>
internal readonly record struct MemberFacts(string Name, bool IsFed, bool TakesPart, Vlsn Flushed, TimeSpan SilentFor);

/// <summary>What a primary sees when it looks after its group.</summary>
/// <param name="Roster">The members.</param>
/// <param name="Self">The primary.</param>
/// <param name="Last">The last record of its log.</param>
/// <param name="IsRosterDurable">Whether the last change of the members is durable, and a record of this reign.</param>
/// <param name="IsRosterWritten">Whether the log has a record of the members at all.</param>
/// <param name="ReignAge">How old its reign is.</param>
/// <param name="Timeout">The group's election time-out.</param>
internal readonly record struct GroupFacts(
    Roster Roster, string Self, Vlsn Last, bool IsRosterDurable, bool IsRosterWritten, TimeSpan ReignAge, TimeSpan Timeout);

/// <summary>What a primary does for its group by itself.</summary>
internal abstract record KeeperStep
{
    private KeeperStep()
    {
    }

    /// <summary>It writes the members down as they were configured.</summary>
    public sealed record WriteDown : KeeperStep;

    /// <summary>It changes the members.</summary>
    public sealed record Change(RosterChange Of) : KeeperStep;

    /// <summary>It hands over to a member that would rather be the primary.</summary>
    public sealed record HandOver(string To) : KeeperStep;
}

/// <summary>Decides what a primary does for its group by itself: takes in who has caught up, goes on alone where it is designated, makes room for a better primary.</summary>
internal static class RosterKeeper
{
    /// <summary>So many records may a member lack that is as good as there.</summary>
    public const long Near = 1000;

    /// <summary>The next step; null when there is nothing to do.</summary>
    public static KeeperStep? Decide(in GroupFacts group, IReadOnlyList<MemberFacts> members)
    {
        // Nothing was ever durable without the designated one: it need not wait for what the other cannot acknowledge.
        if (WhoIsAway(group, members) is { } away) return new KeeperStep.Change(new RosterChange.Suspend(away));
        if (!group.IsRosterDurable) return null;
        // What is said in options alone could be said otherwise on another node: kinds and designations count from the log.
        if (!group.IsRosterWritten && !group.Roster.IsPlain) return new KeeperStep.WriteDown();
        foreach (var member in members)
        {
            if (group.Roster.Find(member.Name) is not { } known) continue;
            if (known.IsPending && IsThere(member, group)) return new KeeperStep.Change(new RosterChange.Admit(member.Name));
        }

        var isArbiter = group.Roster.Find(group.Self)?.Kind == MemberKind.Arbiter;
        if (!isArbiter && group.ReignAge < group.Timeout * 4) return null;
        foreach (var member in members)
        {
            if (group.Roster.IsPreferred(member.Name, group.Self) && IsThere(member, group)) return new KeeperStep.HandOver(member.Name);
        }

        return null;
    }

    /// <summary>The other voter of a designated primary, when it has been silent for too long.</summary>
    private static string? WhoIsAway(in GroupFacts group, IReadOnlyList<MemberFacts> members)
    {
        if (group.Roster.Voters.Length != 2 || !group.Roster.IsSelfSufficient(group.Self)) return null;
        foreach (var member in members)
        {
            if (group.Roster.IsVoter(member.Name) && member.SilentFor > group.Timeout) return member.Name;
        }

        return null;
    }

    private static bool IsThere(in MemberFacts member, in GroupFacts group) =>
        member.IsFed && member.TakesPart && group.Last.DistanceFrom(member.Flushed) <= Near && member.SilentFor < group.Timeout;
}
