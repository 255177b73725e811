using Microsoft.Extensions.Logging;

namespace Matchpoint.Telemetry;

/// <summary>The sentences that a node logs. Their ids stay as they are: docs/telemetry.md lists them, and a test compares.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(1000, LogLevel.Information, "Node {Node} of group {Group} is open: {Directory}, listening on {Address}.")]
    public static partial void Opened(ILogger log, string node, string group, string directory, string address);

    [LoggerMessage(1001, LogLevel.Information, "Node {Node} is being closed.")]
    public static partial void Closing(ILogger log, string node);

    [LoggerMessage(1002, LogLevel.Information, "{From} -> {To}: {Reason}.")]
    public static partial void Changed(ILogger log, NodeState from, NodeState to, string reason);

    [LoggerMessage(1003, LogLevel.Critical, "The node has failed, and takes no more part: {Reason} Close it, mend the cause, and open it again.")]
    public static partial void Failed(ILogger log, string reason);

    [LoggerMessage(1010, LogLevel.Debug, "Syncup with {Feeder}: {Step}.")]
    public static partial void SyncupStep(ILogger log, string feeder, string step);

    [LoggerMessage(1011, LogLevel.Information,
        "Syncup with {Feeder} ended in {Milliseconds} ms: matchpoint {Matchpoint}, {UndoneRecords} records undone ({UndoneCommits} commits), {RoundTrips} extra round trips: {Decision}.")]
    public static partial void SyncupEnded(
        ILogger log, string feeder, double milliseconds, long matchpoint, long undoneRecords, long undoneCommits, int roundTrips, string decision);

    [LoggerMessage(1012, LogLevel.Warning, "{Commits} commits were undone ({Acknowledged} of them acknowledged): the log ends at record {Matchpoint} now. Every operation is in {Export}.")]
    public static partial void RolledBack(ILogger log, long commits, long acknowledged, long matchpoint, string export);

    [LoggerMessage(1020, LogLevel.Debug, "Full copy from {Donor}: {Bytes} of {TotalBytes} bytes are here.")]
    public static partial void CopyProgressed(ILogger log, string donor, long bytes, long totalBytes);

    [LoggerMessage(1021, LogLevel.Information, "A full copy from {Donor} of {TotalBytes} bytes took the place of what was here.")]
    public static partial void CopyOpened(ILogger log, string donor, long totalBytes);

    [LoggerMessage(1022, LogLevel.Critical, "A full copy is whole, and could not be opened. Nothing is lost: close the node, mend the cause, and open it again.")]
    public static partial void CopyNotOpened(ILogger log, Exception error);

    [LoggerMessage(1030, LogLevel.Warning, "{Warning}")]
    public static partial void Warned(ILogger log, string warning);

    [LoggerMessage(1031, LogLevel.Information, "The warning about {Source} has passed.")]
    public static partial void WarningPassed(ILogger log, string source);

    [LoggerMessage(1032, LogLevel.Debug, "{Note}")]
    public static partial void Noted(ILogger log, string note);
}
