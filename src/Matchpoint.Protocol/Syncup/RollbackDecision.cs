using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Syncup;

/// <summary>What the decision depends on, all of it.</summary>
/// <param name="T">The last transaction end.</param>
/// <param name="S">The last sync point.</param>
/// <param name="M">The matchpoint; null where the logs share no record.</param>
/// <param name="D">The highest record that this node ever knew to be durable.</param>
/// <param name="AboveM">What lies above the matchpoint.</param>
/// <param name="FeederConfirmed">Whether the feeder is confirmed as the primary of the current term, or fed by it.</param>
/// <param name="Limit">How many acknowledged commits may be undone.</param>
/// <param name="HoldBeginnings">Whether both logs begin at record 1: then a null matchpoint is the place where the histories part, and not one that nobody holds any more.</param>
internal readonly record struct RollbackFacts(
    Vlsn T, Vlsn S, Vlsn M, Vlsn D, UndoneCount AboveM, bool FeederConfirmed, RollbackLimit Limit, bool HoldBeginnings);

/// <summary>What a replica does about the records above its matchpoint.</summary>
internal abstract record RollbackDecision
{
    private RollbackDecision(int row, string reason)
    {
        Row = row;
        Reason = reason;
    }

    /// <summary>The row of the table in <see cref="Of"/>.</summary>
    public int Row { get; }

    /// <summary>Why, in words.</summary>
    public string Reason { get; }

    /// <summary>
    /// The decision. Read from the top; the first row that fits counts:
    /// <code>
    ///  #  T     S     M      condition                                       decision
    ///  1  null  any   null   nothing the node holds was committed            undo everything, start at 1
    ///  2  null  null  M      cannot be                                       invariant failure
    ///  3  null  S     M >= D                                                 roll back to M
    ///  4  T     null  any    cannot be                                       invariant failure
    ///  5  T     S     null   a log begins above record 1                     restore
    ///  6  any   S     M      nothing above M                                 resume at M + 1, undo nothing
    ///  7  T     S     M >= T no commit above M, and M >= D                   roll back to M
    ///  8  any   S     M      feeder not confirmed as the current primary     wait, confirm, try again
    ///  9  any   S     M &lt; D  the group broke its promise                     refuse: the operator decides
    /// 10  T     S     M &lt; T  more acknowledged above M than the limit        refuse: exported, nothing cut
    /// 11  T     S     M &lt; T  otherwise                                       export, then roll back past the commits
    /// </code>
    /// Records that say who leads or who the members are undo no commit, and are relied on all the same once they are durable.
    /// </summary>
    public static RollbackDecision Of(in RollbackFacts facts)
    {
        var (t, s, m, d, above, confirmed, limit, holdBeginnings) = facts;
        if (t.IsNull && m.IsNull) return new UndoEverything();
        Invariant.Holds(!(t.IsNull && s.IsNull), $"row 2: a matchpoint {m} in a log without a sync point.");
        if (t.IsNull && m >= d) return new RollBack(3, m, "no transaction ended in this log");
        Invariant.Holds(!s.IsNull, $"row 4: a transaction end {t} in a log without a sync point.");
        if (m.IsNull && !holdBeginnings) return new Restore();
        Invariant.Holds(above.Commits > 0 == m < t,
            $"{above.Commits} commits are counted above the matchpoint {m}, and the last transaction end is {t}.");
        if (above.Records == 0) return new Resume(m);
        if (m >= t && m >= d) return new RollBack(7, m, "no commit is undone");
        if (!confirmed) return new Wait(m);
        if (m < d) return new Refuse(9, m, $"the group broke its promise: {d} was durable, and the feeder parts above {m}");
        return limit.Allows(above)
            ? new RollBack(11, m, $"the undone commits were never durable, and {limit}")
            : new Refuse(10, m, $"{above} would be undone, and {limit}");
    }

    /// <summary>Row 1: the node holds nothing that was ever committed, and begins anew.</summary>
    public sealed record UndoEverything() : RollbackDecision(1, "nothing held was committed");

    /// <summary>Rows 3, 7 and 11: everything above the matchpoint goes. Only in row 11 are there commits in it.</summary>
    public sealed record RollBack(int FromRow, Vlsn Matchpoint, string Because) : RollbackDecision(FromRow, Because);

    /// <summary>Row 5: nothing that is still kept is shared.</summary>
    public sealed record Restore() : RollbackDecision(5, "the logs share no sync point that both still hold");

    /// <summary>Row 6: nothing is undone.</summary>
    public sealed record Resume(Vlsn Matchpoint) : RollbackDecision(6, "nothing lies above the matchpoint");

    /// <summary>Row 8: commits, and what was durable, are never undone for a primary that may have been replaced.</summary>
    public sealed record Wait(Vlsn Matchpoint)
        : RollbackDecision(8, $"what lies above {Matchpoint} may be undone only for the confirmed primary of the current term");

    /// <summary>Rows 9 and 10: an operator decides. Only row 10 leaves an export.</summary>
    public sealed record Refuse(int FromRow, Vlsn Matchpoint, string Because) : RollbackDecision(FromRow, Because);
}
