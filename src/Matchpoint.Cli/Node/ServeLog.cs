using System.Text.Json;
using Matchpoint.Cli.Terminal;
using Matchpoint.Copies;
using Matchpoint.Node;

namespace Matchpoint.Cli.Node;

/// <summary>What a node that is being run tells: one line for each thing that happens.</summary>
internal sealed class ServeLog(MatchpointNode node, bool json)
{
    /// <summary>A full copy is told of so often, and when it begins and is whole.</summary>
    private static readonly TimeSpan CopyInterval = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private HashSet<string> _warnings = [];
    private (StatusBoard? Board, long Count) _noted;
    private (string Donor, long At) _copy = ("", 0);

    /// <summary>The node is open.</summary>
    public void Opened() => Write(
        new { @event = "open", name = node.Options.Name, address = node.Address, directory = node.Options.Directory, state = node.State },
        $"node {node.Options.Name} is open: {node.Options.Directory}" + (node.Address is { } address ? $", listening on {address}" : ", not listening"));

    /// <summary>The node is served over HTTP.</summary>
    public void Serving(string url) => Write(new { @event = "http", url }, $"serving the dashboard and the API at {url}");

    /// <summary>The node does something else now.</summary>
    public void Changed(StateChange change) => Write(new { @event = "state", from = change.From, to = change.To, reason = change.Reason }, $"{change.To}: {change.Reason}");

    /// <summary>A syncup has ended.</summary>
    public void Completed(SyncupSummary summary) => Write(
        new
        {
            @event = "syncup",
            summary.Feeder,
            summary.Matchpoint,
            summary.UndoneRecords,
            summary.UndoneCommits,
            summary.RoundTrips,
            summary.Decision,
            milliseconds = summary.Duration.TotalMilliseconds,
        },
        $"syncup with {summary.Feeder} in {summary.Duration.TotalMilliseconds:0} ms: matchpoint {summary.Matchpoint}, {Show.Count(summary.UndoneRecords)} records undone "
        + $"({Show.Count(summary.UndoneCommits)} commits), {summary.RoundTrips} extra round trips: {summary.Decision}");

    /// <summary>Transactions were undone.</summary>
    public void RolledBack(RollbackNotice notice) => Write(
        new { @event = "rollback", notice.Matchpoint, notice.Records, notice.Commits, notice.Acknowledged, notice.Export },
        $"rolled back to record {notice.Matchpoint}: {Show.Count(notice.Commits)} commits undone, {Show.Count(notice.Acknowledged)} of them acknowledged; every operation is in {notice.Export}");

    /// <summary>More of a full copy is here.</summary>
    public void Copied(CopyProgress progress)
    {
        var isDue = progress.Donor != _copy.Donor || progress.Bytes == progress.TotalBytes || TimeProvider.System.GetElapsedTime(_copy.At) >= CopyInterval;
        if (!isDue) return;
        _copy = (progress.Donor, TimeProvider.System.GetTimestamp());
        Write(
            new { @event = "copy", progress.Donor, progress.Bytes, progress.TotalBytes, progress.BytesPerSecond, secondsLeft = progress.Left?.TotalSeconds },
            CopyText.Of(progress));
    }

    /// <summary>What happened that is worth a line and was not told yet.</summary>
    public void Notes()
    {
        var board = node.Core.Board;
        if (board != _noted.Board) _noted = (board, 0); // The node was opened anew, with a full copy.
        var (notes, count) = board.NotesAfter(_noted.Count);
        _noted = (board, count);
        foreach (var note in notes) Write(new { @event = "note", note }, $"note: {note}");
    }

    /// <summary>What there is to be known that was not told yet.</summary>
    public void Warnings()
    {
        var warnings = node.GetStatus().Warnings;
        foreach (var warning in warnings)
        {
            if (!_warnings.Contains(warning)) Write(new { @event = "warning", warning }, $"warning: {warning}");
        }

        _warnings = [.. warnings];
    }

    /// <summary>The node is being closed.</summary>
    public void Stopping() => Write(new { @event = "stop" }, "interrupted: closing");

    private void Write(object facts, string sentence)
    {
        lock (_gate)
        {
            Console.Out.WriteLine(json ? JsonSerializer.Serialize(facts, Json.Line) : $"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff}  {sentence}");
            Console.Out.Flush();
        }
    }
}
