using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Syncup;

/// <summary>How many acknowledged commits a node may undo by itself.</summary>
internal readonly record struct RollbackLimit
{
    private readonly long? _most;

    private RollbackLimit(long? most) => _most = most;

    /// <summary>No commit at all is undone without an operator, acknowledged or not.</summary>
    public static RollbackLimit Disabled => new(null);

    /// <summary>What holds where nobody said otherwise.</summary>
    public static RollbackLimit Default => AtMost(10);

    /// <summary>Up to so many acknowledged commits; 0 or more.</summary>
    public static RollbackLimit AtMost(long commits)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(commits);
        return new RollbackLimit(commits);
    }

    /// <summary>Whether so many may be undone.</summary>
    public bool Allows(long acknowledged) => _most is { } most && acknowledged <= most;

    /// <summary>The limit as a person reads it.</summary>
    public override string ToString() => _most is { } most ? $"{most}" : "disabled";
}

/// <summary>What the decision depends on.</summary>
/// <param name="T">The last transaction end held; null when there is none.</param>
/// <param name="S">The last sync point held; null when there is none.</param>
/// <param name="M">The matchpoint; null when the logs share nothing.</param>
/// <param name="Last">The last record held.</param>
/// <param name="D">The highest VLSN this node ever knew to be durable.</param>
/// <param name="AcknowledgedAboveM">Commits above the matchpoint whose client was told success.</param>
/// <param name="FeederConfirmed">Whether the feeder is the primary of the current term, or fed by it.</param>
/// <param name="Limit">How many acknowledged commits may be undone without an operator.</param>
internal readonly record struct RollbackFacts(
    Vlsn T, Vlsn S, Vlsn M, Vlsn Last, Vlsn D, long AcknowledgedAboveM, bool FeederConfirmed, RollbackLimit Limit);

/// <summary>
/// What a replica does about what it holds above the matchpoint. One total function (<see cref="Decide"/>) of the facts, first row that fits; T is the last transaction end,
/// S the last sync point, M the matchpoint, D the highest VLSN ever known durable:
/// <code>
///  row  T     S     M          condition                               decision
///   1   null  any   null       nothing held was ever committed         undo everything, start at 1
///   2   null  null  M          cannot be                               invariant failure
///   3   null  S     M                                                  roll back to M
///   4   T     null  any        cannot be                               invariant failure
///   5   T     S     null                                               restore
///   6   T     S     M          nothing above M                         resume at M + 1
///   7   T     S     M >= T     no commit above M                       roll back to M
///   8   T     S     M &lt; T      feeder not confirmed                    wait: never undo commits for a stale primary
///   9   T     S     M &lt; D      the group broke its promise             refuse: an operator decides
///  10   T     S     D &lt;= M &lt; T more acknowledged above M than allowed  refuse, with the export written
///  11   T     S     D &lt;= M &lt; T otherwise                               export, then roll back past the commits
/// </code>
/// The method of deciding by T, S and M is that of Berkeley DB Java Edition's replica syncup; rows 8 and 9 and the acknowledged count are Matchpoint's.
/// </summary>
/// <param name="Row">The row that decided.</param>
/// <param name="Reason">The decision in words.</param>
internal abstract record RollbackDecision(int Row, string Reason)
{
    /// <summary>Nothing lies above the matchpoint.</summary>
    internal sealed record Resume(int Row, string Reason, Vlsn Matchpoint) : RollbackDecision(Row, Reason);

    /// <summary>What lies above the matchpoint is undone; a matchpoint of null: everything is.</summary>
    internal sealed record RollBack(int Row, string Reason, Vlsn Matchpoint) : RollbackDecision(Row, Reason);

    /// <summary>The logs share nothing that is still kept: a full copy is needed.</summary>
    internal sealed record Restore(int Row, string Reason) : RollbackDecision(Row, Reason);

    /// <summary>The feeder must be confirmed first.</summary>
    internal sealed record Wait(int Row, string Reason, Vlsn Matchpoint) : RollbackDecision(Row, Reason);

    /// <summary>An operator decides.</summary>
    internal sealed record Refuse(int Row, string Reason, Vlsn Matchpoint, bool Exports) : RollbackDecision(Row, Reason);

    /// <summary>Decides; see the table.</summary>
    /// <exception cref="InvariantException">Rows 2 and 4: the facts contradict each other.</exception>
    public static RollbackDecision Decide(in RollbackFacts f)
    {
        if (f.T.IsNull)
        {
            if (f.M.IsNull) return new RollBack(1, "nothing this node holds was ever committed; it starts at record 1", Vlsn.Null);
            Invariant.Holds(!f.S.IsNull, $"the matchpoint is {f.M}, and the log holds no sync point.");
            return new RollBack(3, $"no commit is held; what lies above record {f.M} was never finished", f.M);
        }

        Invariant.Holds(!f.S.IsNull, $"the last transaction end is {f.T}, and the log holds no sync point.");
        if (f.M.IsNull) return new Restore(5, "the logs share no record that both still keep");
        if (f.M == f.Last) return new Resume(6, $"nothing lies above record {f.M}", f.M);
        if (f.M >= f.T) return new RollBack(7, $"no commit lies above record {f.M}", f.M);
        if (!f.FeederConfirmed)
            return new Wait(8, $"commits lie above record {f.M}, and the feeder is not confirmed as the primary of the current term", f.M);
        if (f.M < f.D)
        {
            return new Refuse(
                9, $"records up to {f.D} were known to be durable, and the feeder's history parts at {f.M}: the group broke its promise "
                + "(a quorum was forced, or an old disk was put back)", f.M, Exports: false);
        }

        if (!f.Limit.Allows(f.AcknowledgedAboveM))
        {
            return new Refuse(
                10, $"{f.AcknowledgedAboveM} acknowledged commits lie above record {f.M}; the rollback limit is {f.Limit}", f.M, Exports: true);
        }

        return new RollBack(
            11, $"{f.AcknowledgedAboveM} acknowledged commits lie above record {f.M}, within the rollback limit of {f.Limit}", f.M);
    }
}
