using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Syncup;

namespace Matchpoint.Cli.Syncup;

/// <summary>A syncup's result for people and for scripts, and the exit code it means.</summary>
internal static class ReportText
{
    /// <summary>The result as an object.</summary>
    public static object Json(ReplicaResult result) => new
    {
        version = result.Report.Version,
        roundTrips = result.Report.RoundTrips,
        compared = result.Report.Comparisons,
        matchpoint = result.Report.M.Value,
        first = result.Range.First.Value,
        last = result.Range.Last.Value,
        lastSync = result.Report.S.Value,
        lastTransactionEnd = result.Report.T.Value,
        durable = result.Report.D.Value,
        row = result.Report.Row,
        decision = result.Report.Decision is { } decision ? NameOf(decision) : null,
        reason = result.Report.Decision?.Reason,
        above = new { records = result.Report.Undone.Records, commits = result.Report.Undone.Commits, acknowledged = result.Report.Undone.AcknowledgedCommits },
        export = result.Export,
        outcome = NameOf(result.Outcome),
        detail = result.Report.Reason,
    };

    /// <summary>The result in a few lines.</summary>
    public static IEnumerable<string> Lines(ReplicaResult result)
    {
        var report = result.Report;
        var trips = report.RoundTrips == 1 ? "1 round trip" : $"{Show.Count(report.RoundTrips)} round trips";
        yield return $"matchpoint   {(report.M.IsNull ? "none" : report.M.ToString())}   ({trips} beyond the hello, {Show.Count(report.Comparisons)} records compared)";
        if (report.Decision is not { } decision) yield break;
        if (decision is not RollbackDecision.Restore) yield return $"above it     {report.Undone}";
        yield return $"decision     {NameOf(decision)} (row {decision.Row}): {decision.Reason}";
        if (result.Export is not null) yield return $"export       {result.Export}";
    }

    /// <summary>What a script is told.</summary>
    public static int ExitCodeOf(ReplicaOutcome? outcome) => outcome switch
    {
        null or ReplicaOutcome.Streaming => ExitCode.Success,
        ReplicaOutcome.Refused or ReplicaOutcome.Wait or ReplicaOutcome.Restore => ExitCode.Refused,
        ReplicaOutcome.Failed => ExitCode.Failed,
        _ => throw Invariant.Unreachable(outcome),
    };

    /// <summary>The last line: what came of it, and what to do.</summary>
    public static string Ending(ReplicaResult result) => result.Outcome switch
    {
        null => "nothing was changed",
        ReplicaOutcome.Streaming => "the logs are equal",
        ReplicaOutcome.Refused when result.Export is not null =>
            "refused, and nothing was cut. Read the export with `matchpoint rollbacks show`; then join again with a higher --rollback-limit, or keep this log.",
        ReplicaOutcome.Refused => "refused, and nothing was cut. Find out which history is the right one before anything is thrown away.",
        ReplicaOutcome.Wait => "waiting, and nothing was touched. Try again when the feeder is the primary.",
        ReplicaOutcome.Restore restore => $"a full copy is needed: {restore.Reason}. Nothing was touched.",
        ReplicaOutcome.Failed failed => $"failed: {failed.Reason}",
        _ => throw Invariant.Unreachable(result.Outcome),
    };

    private static string NameOf(RollbackDecision decision) => decision switch
    {
        RollbackDecision.Resume resume => $"resume at {resume.Matchpoint.Next}",
        RollbackDecision.UndoEverything => "undo everything",
        RollbackDecision.RollBack roll => $"roll back to {roll.Matchpoint}",
        RollbackDecision.Restore => "restore",
        RollbackDecision.Wait => "wait",
        RollbackDecision.Refuse => "refuse",
        _ => throw Invariant.Unreachable(decision),
    };

    private static string NameOf(ReplicaOutcome? outcome) => outcome switch
    {
        null => "decided",
        ReplicaOutcome.Streaming => "streaming",
        ReplicaOutcome.Refused => "refused",
        ReplicaOutcome.Wait => "unconfirmed",
        ReplicaOutcome.Restore => "restore-needed",
        ReplicaOutcome.Failed => "failed",
        _ => throw Invariant.Unreachable(outcome),
    };
}
