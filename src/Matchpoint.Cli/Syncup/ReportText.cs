using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Cli.Syncup;

/// <summary>A syncup's report for people and for scripts, and the exit code it means.</summary>
internal static class ReportText
{
    /// <summary>The report as an object.</summary>
    public static object Json(SyncupReport report) => new
    {
        version = report.Version,
        roundTrips = report.RoundTrips,
        compared = report.Compared,
        matchpoint = report.Matchpoint.Value,
        first = report.Range.First.Value,
        last = report.Range.Last.Value,
        lastSync = report.Range.LastSync.Value,
        lastTransactionEnd = report.Range.LastTransactionEnd.Value,
        durable = report.Range.Durable.Value,
        row = report.Decision?.Row,
        decision = report.Decision is null ? null : NameOf(report.Decision),
        reason = report.Decision?.Reason,
        above = new { records = report.AboveMatchpoint.Records, commits = report.AboveMatchpoint.Commits, acknowledged = report.AboveMatchpoint.Acknowledged },
        export = report.Export,
        outcome = NameOf(report.Outcome),
        detail = DetailOf(report.Outcome),
    };

    /// <summary>The report in a few lines.</summary>
    public static IEnumerable<string> Lines(SyncupReport report)
    {
        yield return $"matchpoint   {(report.Outcome is SyncupOutcome.RestoreNeeded || report.Decision is RollbackDecision.Restore ? "none" : report.Matchpoint.ToString())}"
            + $"   ({report.RoundTrips} round trips beyond the hello, {Show.Count(report.Compared)} records compared)";
        if (report.Decision is not { } decision) yield break;
        var above = report.AboveMatchpoint;
        yield return $"above it     {Show.Count(above.Records)} records, {Show.Count(above.Commits)} commits, {Show.Count(above.Acknowledged)} of them acknowledged";
        yield return $"decision     {NameOf(decision)} (row {decision.Row}): {decision.Reason}";
        if (report.Export is not null) yield return $"export       {report.Export}";
    }

    /// <summary>What a script is told.</summary>
    public static int ExitCodeOf(SyncupOutcome? outcome) => outcome switch
    {
        SyncupOutcome.Streaming or SyncupOutcome.Decided => ExitCode.Success,
        SyncupOutcome.Refused or SyncupOutcome.Unconfirmed or SyncupOutcome.RestoreNeeded => ExitCode.Refused,
        SyncupOutcome.Failed => ExitCode.Failed,
        _ => throw Invariant.Unreachable(outcome),
    };

    /// <summary>The last line: what came of it, and what to do.</summary>
    public static string Ending(SyncupOutcome? outcome) => outcome switch
    {
        SyncupOutcome.Streaming => "the logs are equal",
        SyncupOutcome.Decided => "nothing was changed",
        SyncupOutcome.Refused { Export: not null } refused =>
            $"refused: {refused.Reason}. Nothing was cut. Read the export with `matchpoint rollbacks show`, then join again with a higher --rollback-limit, or keep this log.",
        SyncupOutcome.Refused refused => $"refused: {refused.Reason}. Nothing was cut. Find out which history is the right one before anything is thrown away.",
        SyncupOutcome.Unconfirmed unconfirmed => $"waiting: {unconfirmed.Reason}. Nothing was touched; try again when the feeder is the primary.",
        SyncupOutcome.RestoreNeeded restore => $"a full copy is needed: {restore.Reason}. Nothing was touched.",
        SyncupOutcome.Failed failed => $"failed: {failed.Reason}",
        _ => throw Invariant.Unreachable(outcome),
    };

    private static string NameOf(RollbackDecision decision) => decision switch
    {
        RollbackDecision.Resume resume => $"resume at {resume.Matchpoint.Next}",
        RollbackDecision.RollBack { Matchpoint.IsNull: true } => "undo everything",
        RollbackDecision.RollBack roll => $"roll back to {roll.Matchpoint}",
        RollbackDecision.Restore => "restore",
        RollbackDecision.Wait => "wait",
        RollbackDecision.Refuse => "refuse",
        _ => throw Invariant.Unreachable(decision),
    };

    private static string NameOf(SyncupOutcome? outcome) => outcome switch
    {
        SyncupOutcome.Streaming => "streaming",
        SyncupOutcome.Decided => "decided",
        SyncupOutcome.Refused => "refused",
        SyncupOutcome.Unconfirmed => "unconfirmed",
        SyncupOutcome.RestoreNeeded => "restore-needed",
        SyncupOutcome.Failed => "failed",
        _ => throw Invariant.Unreachable(outcome),
    };

    private static string? DetailOf(SyncupOutcome? outcome) => outcome switch
    {
        SyncupOutcome.Failed failed => failed.Reason,
        SyncupOutcome.Refused refused => refused.Reason,
        SyncupOutcome.Unconfirmed unconfirmed => unconfirmed.Reason,
        SyncupOutcome.RestoreNeeded restore => restore.Reason,
        _ => null,
    };
}
