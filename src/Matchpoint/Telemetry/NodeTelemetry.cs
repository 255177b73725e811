using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matchpoint.Telemetry;

/// <summary>What one node counts, traces and logs. Where nobody listens, what stands on the way of commits and reads is a look at a flag.</summary>
internal sealed class NodeTelemetry
{
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private DateTimeOffset? _copyBegan;
    private CopyProgress? _copy;

    /// <summary>The telemetry of a node with these options.</summary>
    public NodeTelemetry(MatchpointOptions options)
    {
        _time = options.Time;
        _log = options.LoggerFactory?.CreateLogger("Matchpoint.Node") ?? (ILogger)NullLogger.Instance;
        Node = new KeyValuePair<string, object?>("matchpoint.node", options.Name);
        Group = new KeyValuePair<string, object?>("matchpoint.group", options.Group);
    }

    /// <summary>The attribute that names the node.</summary>
    public KeyValuePair<string, object?> Node { get; }

    /// <summary>The attribute that names the group.</summary>
    public KeyValuePair<string, object?> Group { get; }

    /// <summary>Whether anybody wants to hear of commits.</summary>
    public static bool ListensToCommits =>
        Instruments.CommitDuration.Enabled || Instruments.Commits.Enabled || Instruments.Conflicts.Enabled || Instruments.Activities.HasListeners();

    /// <summary>The node is open.</summary>
    public void Opened(MatchpointNode node)
    {
        Gauges.Add(this, node);
        NodeLog.Opened(_log, node.Options.Name, node.Options.Group, node.Options.Directory, node.Address ?? "nothing");
    }

    /// <summary>The node is being closed.</summary>
    public void Closing(MatchpointNode node)
    {
        Gauges.Remove(this);
        NodeLog.Closing(_log, node.Options.Name);
    }

    /// <summary>Begins to trace a commit; null where nobody wants to know.</summary>
    public Activity? BeginCommit() => Begin("matchpoint.commit");

    /// <summary>A commit went through.</summary>
    public void Committed(Activity? activity, CommitToken token, TimeSpan duration)
    {
        Count(Names.Committed, duration);
        if (activity is null) return;
        activity.SetTag("matchpoint.term", token.Term);
        activity.SetTag("matchpoint.vlsn", token.Vlsn);
    }

    /// <summary>A commit failed.</summary>
    public void CommitFailed(Activity? activity, Exception error, TimeSpan duration)
    {
        var outcome = Names.OutcomeOf(error);
        Count(outcome, duration);
        if (error is ConflictException) Instruments.Conflicts.Add(1, Node, Group);
        if (activity is null) return;
        activity.SetTag("error.type", outcome);
        activity.SetStatus(ActivityStatusCode.Error, error.Message);
    }

    /// <summary>Begins to trace a transaction with all its attempts; null where nobody wants to know.</summary>
    public TransactionTrace? BeginTransaction() => Begin("matchpoint.transact") is { } activity ? new TransactionTrace(activity) : null;

    /// <summary>A key is read.</summary>
    public void Read(ReadKind level)
    {
        if (Instruments.Reads.Enabled) Instruments.Reads.Add(1, Node, Group, new KeyValuePair<string, object?>("matchpoint.read.level", Names.Of(level)));
    }

    /// <summary>The log wrote so many bytes.</summary>
    public void LogWritten(int bytes) => Instruments.LogWritten.Add(bytes, Node, Group);

    /// <summary>The log was flushed.</summary>
    public void LogFlushed(TimeSpan duration) => Instruments.FlushDuration.Record(duration.TotalSeconds, Node, Group);

    /// <summary>The node does something else now.</summary>
    public void Changed(StateChange change)
    {
        if (change.To == NodeState.Failed) NodeLog.Failed(_log, change.Reason);
        else NodeLog.Changed(_log, change.From, change.To, change.Reason);
    }

    /// <summary>A syncup has taken a step.</summary>
    public void SyncupStep(SyncupProgress progress) => NodeLog.SyncupStep(_log, progress.Feeder, progress.Step);

    /// <summary>A syncup has ended.</summary>
    public void SyncupEnded(SyncupSummary summary)
    {
        Instruments.Syncups.Add(1, Node, Group);
        Instruments.SyncupDuration.Record(summary.Duration.TotalSeconds, Node, Group);
        NodeLog.SyncupEnded(_log, summary.Feeder, summary.Duration.TotalMilliseconds, summary.Matchpoint, summary.UndoneRecords, summary.UndoneCommits, summary.RoundTrips, summary.Decision);
        using var activity = Begin("matchpoint.syncup", _time.GetUtcNow() - summary.Duration);
        if (activity is null) return;
        activity.SetTag("matchpoint.feeder", summary.Feeder);
        activity.SetTag("matchpoint.vlsn", summary.Matchpoint);
        activity.SetTag("matchpoint.undone.transactions", summary.UndoneCommits);
        activity.SetTag("matchpoint.roundtrips", summary.RoundTrips);
        activity.SetTag("matchpoint.decision", summary.Decision);
    }

    /// <summary>Transactions were undone.</summary>
    public void RolledBack(RollbackNotice notice)
    {
        Instruments.Undone.Add(notice.Commits, Node, Group);
        NodeLog.RolledBack(_log, notice.Commits, notice.Acknowledged, notice.Matchpoint, notice.Export);
    }

    /// <summary>More of a full copy is here.</summary>
    public void CopyProgressed(CopyProgress progress)
    {
        _copyBegan ??= _time.GetUtcNow();
        _copy = progress;
        NodeLog.CopyProgressed(_log, progress.Donor, progress.Bytes, progress.TotalBytes);
    }

    /// <summary>The node was opened with a full copy, or could not be.</summary>
    public void CopyEnded(Exception? error)
    {
        var outcome = error is null ? "opened" : "failed";
        Instruments.Copies.Add(1, Node, Group, new KeyValuePair<string, object?>("matchpoint.outcome", outcome));
        if (error is null) NodeLog.CopyOpened(_log, _copy?.Donor ?? "", _copy?.TotalBytes ?? 0);
        else NodeLog.CopyNotOpened(_log, error);
        using (var activity = Begin("matchpoint.copy", _copyBegan ?? default))
        {
            activity?.SetTag("matchpoint.donor", _copy?.Donor);
            activity?.SetTag("matchpoint.copy.size", _copy?.TotalBytes);
            if (error is not null) activity?.SetStatus(ActivityStatusCode.Error, error.Message);
        }

        _copyBegan = null;
    }

    /// <summary>Something is to be known, or is no more: then the sentence is null.</summary>
    public void Warned(string source, string? sentence)
    {
        if (sentence is not null) NodeLog.Warned(_log, sentence);
        else NodeLog.WarningPassed(_log, source);
    }

    /// <summary>Something worth a line.</summary>
    public void Noted(string sentence) => NodeLog.Noted(_log, sentence);

    private void Count(string outcome, TimeSpan duration)
    {
        var became = new KeyValuePair<string, object?>("matchpoint.outcome", outcome);
        Instruments.Commits.Add(1, Node, Group, became);
        Instruments.CommitDuration.Record(duration.TotalSeconds, Node, Group, became);
    }

    private Activity? Begin(string name, DateTimeOffset began = default)
    {
        if (!Instruments.Activities.HasListeners()) return null;
        var activity = Instruments.Activities.StartActivity(name, ActivityKind.Internal, default(ActivityContext), tags: null, links: null, began);
        activity?.SetTag("db.system.name", "matchpoint");
        activity?.SetTag(Node.Key, Node.Value);
        activity?.SetTag(Group.Key, Group.Value);
        return activity;
    }
}
