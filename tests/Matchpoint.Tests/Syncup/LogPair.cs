using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Tests.Syncup;

/// <summary>Two logs, and what a syncup between them must come to.</summary>
/// <param name="Name">What is the matter with them.</param>
/// <param name="Common">What both hold.</param>
/// <param name="Replica">What only the replica holds.</param>
/// <param name="Feeder">What only the feeder holds.</param>
/// <param name="Row">The deciding row.</param>
/// <param name="Matchpoint">-1 for none.</param>
internal sealed record LogPair(string Name, string Common, string Replica, string Feeder, int Row, long Matchpoint)
{
    private static readonly LogPair[] All =
    [
        new("nothing diverged", "t1 a b c", "", "", 6, 4),
        new("replica behind", "t1 a b", "", "c d t2 e", 6, 3),
        new("replica empty", "", "", "t1 a b", 1, -1),
        new("feeder shorter", "t1 a b c", "x y", "", 11, 4) { Records = 2, Commits = 2, Undone = "x y" },
        new("feeder shorter and diverged", "t1 a b c", "x y z t2 v w", "t3 d", 11, 4) { Records = 6, Commits = 5, Undone = "x y z v w" },
        new("tail of pieces only", "t1 a b", "(x (y", "t2 c", 7, 3) { Records = 2, Undone = "x y" },
        new("tail without a commit", "t1 a b", "t2 (x t3", "t4 c", 7, 3) { Records = 3, Undone = "x" },
        new("transaction straddles", "t1 a (p b", "(q r)", "t2 c", 11, 4) { Records = 2, Commits = 1, Undone = "p q r" },
        new("transaction straddles and was never finished", "t1 a (p b", "(q", "t2 c", 7, 4) { Records = 1, Undone = "q" },
        new("transaction wholly before", "t1 a (p (q r)", "x", "t2 c", 11, 5) { Records = 1, Commits = 1, Undone = "x" },
        new("transaction wholly after", "t1 a", "(p (q r)", "t2 c", 11, 2) { Records = 3, Commits = 1, Undone = "p q r" },
        new("commits never acknowledged", "t1 a b", "x -y m~n", "t2 c", 11, 3) { Records = 3, Commits = 3, Undone = "x -y m~n", Limit = RollbackLimit.AtMost(0) },
        new("acknowledged within the limit", "t1 a b", "x! y z!", "t2 c", 11, 3)
        {
            Records = 3, Commits = 3, Acknowledged = 2, Undone = "x y z", Limit = RollbackLimit.AtMost(3),
        },
        new("acknowledged at the limit", "t1 a b", "x! y z!", "t2 c", 11, 3)
        {
            Records = 3, Commits = 3, Acknowledged = 2, Undone = "x y z", Limit = RollbackLimit.AtMost(2),
        },
        new("acknowledged above the limit", "t1 a b", "x! y z!", "t2 c", 10, 3)
        {
            Records = 3, Commits = 3, Acknowledged = 2, Undone = "x y z", Limit = RollbackLimit.AtMost(1), Ends = typeof(ReplicaOutcome.Refused),
        },
        new("rollback disabled", "t1 a b", "x", "t2 c", 10, 3)
        {
            Records = 1, Commits = 1, Undone = "x", Limit = RollbackLimit.Disabled, Ends = typeof(ReplicaOutcome.Refused),
        },
        new("known durable", "t1 a b", "x y d4", "t2 c", 9, 3) { Records = 2, Commits = 2, Ends = typeof(ReplicaOutcome.Refused) },
        new("stale feeder", "t1 a b", "t3 x", "t2 c", 8, 3) { Records = 2, Commits = 1, Ends = typeof(ReplicaOutcome.Wait) },
        new("three terms", "t1 a", "b t2 c t3 d", "t4 e", 11, 2) { Records = 5, Commits = 3, Undone = "b c d" },
        new("three terms each", "t1 a", "b t2 c t4 d", "t3 e t5 f t6 g", 11, 2) { Records = 5, Commits = 3, Undone = "b c d" },
        new("cloned disk with equal terms", "t1 a b", "x y z", "c d e f g", 11, 3) { Records = 3, Commits = 3, Undone = "x y z" },
        new("cloned disk, feeder shorter", "t1 a b", "x y z u v w", "c d", 11, 3) { Records = 6, Commits = 6, Undone = "x y z u v w" },
        new("equal pieces below the divergence", "t1 a (p (q (r", "x", "t2 c", 11, 2) { Records = 4, Commits = 1, Undone = "p q r x" },
        new("only a term's start held", "t1", "t2", "t3 a", 3, 1) { Records = 1, Undone = "" },
        new("nothing shared and no commit held", "", "t1", "t2 a", 1, -1) { Records = 1, Undone = "" },
        new("only pieces held", "", "(x (y", "t2 a", 1, -1) { Records = 2, Undone = "x y" },
        new("nothing shared and a commit held", "", "t1 x", "t2 a", 11, -1) { Records = 2, Commits = 1, Undone = "x" },
        new("feeder trimmed above the replica's end", "t1 a b c", "", "d e f g h i j k l m n o p q r s t u v w x y z", 5, -1)
        {
            TrimTo = 22, Ends = typeof(ReplicaOutcome.Restore),
        },
        new("feeder trimmed above the divergence", "t1 a b c", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22", "t2 d e f g h i j k l m n o p q r s t u v w", 5, -1)
        {
            TrimTo = 20, Ends = typeof(ReplicaOutcome.Restore),
        },
        new("feeder trimmed below the divergence", "t1 a b c d e f g h i j k l m n o p q r s t u v w", "x y", "t2 z", 11, 24)
        {
            TrimTo = 20, Records = 2, Commits = 2, Undone = "x y",
        },
        new("two transactions straddle", "t1 a (p b", "(q x r)", "t2 c", 11, 4) { Records = 3, Commits = 2, Undone = "p q x r" },
        new("transaction straddles and its beginning was trimmed", "t1 (p a b c d e f g h i j k l m n o (q r s", "(t x u)", "t2 z", 11, 20)
        {
            ReplicaTrimTo = 12, Records = 3, Commits = 2, Undone = "q t x u",
        },
        new("both trimmed", "t1 a b c d e f g h i j k l m n o p q r s t u v w", "x y", "t2 z", 11, 24)
        {
            TrimTo = 12, ReplicaTrimTo = 20, Records = 2, Commits = 2, Undone = "x y",
        },
        new("replica trimmed above the divergence", "t1 a b c", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20", "t2 d e f g h i j k l m n o p q r s t", 5, -1)
        {
            ReplicaTrimTo = 20, Ends = typeof(ReplicaOutcome.Restore),
        },
        new("replica trimmed above the feeder's end", "t1 a b c", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20", "", 5, -1)
        {
            ReplicaTrimTo = 20, Ends = typeof(ReplicaOutcome.Restore),
        },
    ];

    public long Records { get; init; }

    public long Commits { get; init; }

    public long Acknowledged { get; init; }

    public RollbackLimit Limit { get; init; } = RollbackLimit.Default;

    /// <summary>The operations that the export lists; null when there is none.</summary>
    public string? Undone { get; init; }

    public Type Ends { get; init; } = typeof(ReplicaOutcome.Streaming);

    /// <summary>How far the feeder removes its oldest records.</summary>
    public long TrimTo { get; init; }

    /// <summary>How far the replica removes its oldest records.</summary>
    public long ReplicaTrimTo { get; init; }

    public static IEnumerable<string> Names => All.Select(pair => pair.Name);

    public bool Streams => Ends == typeof(ReplicaOutcome.Streaming);

    public static LogPair Named(string name) => All.Single(pair => pair.Name == name);

    public (TestNode Replica, TestNode Feeder) Make()
    {
        var feeder = new TestNode("feeder").Write($"{Common} {Feeder}");
        if (TrimTo > 0) Assert.NotEqual(0, feeder.Log.RemoveUpTo(Vlsn.Of(TrimTo)));
        var replica = new TestNode("replica").Write($"{Common} {Replica}");
        if (ReplicaTrimTo > 0) Assert.NotEqual(0, replica.Log.RemoveUpTo(Vlsn.Of(ReplicaTrimTo)));
        return (replica, feeder);
    }

    public override string ToString() => Name;
}
