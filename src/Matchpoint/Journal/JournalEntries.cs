namespace Matchpoint.Journal;

/// <summary>A step of a syncup.</summary>
/// <param name="At">When it was taken.</param>
/// <param name="Feeder">Whom the syncup is with.</param>
/// <param name="Step">What was done.</param>
internal sealed record JournalStep(DateTimeOffset At, string Feeder, string Step);

/// <summary>A syncup that ended.</summary>
/// <param name="Number">Its number on this node since it was opened, from 1.</param>
/// <param name="At">When it ended.</param>
/// <param name="Feeder">Whom it was with.</param>
/// <param name="Matchpoint">The highest record that both logs held; 0 for none.</param>
/// <param name="UndoneRecords">How many records were undone.</param>
/// <param name="UndoneCommits">How many commits were among them.</param>
/// <param name="RoundTrips">Extra round trips that it took.</param>
/// <param name="Decision">What was decided, and why.</param>
/// <param name="Milliseconds">How long it took.</param>
/// <param name="Steps">The steps that led there.</param>
internal sealed record JournalSyncup(
    long Number, DateTimeOffset At, string Feeder, long Matchpoint, long UndoneRecords, long UndoneCommits, int RoundTrips, string Decision, double Milliseconds,
    IReadOnlyList<JournalStep> Steps)
{
    /// <summary>The name of the export that holds what was undone; null where nothing was.</summary>
    public string? Export { get; init; }
}

/// <summary>A node did something else from then on.</summary>
/// <param name="At">When.</param>
/// <param name="From">What it did.</param>
/// <param name="To">What it does.</param>
/// <param name="Reason">Why.</param>
internal sealed record JournalState(DateTimeOffset At, NodeState From, NodeState To, string Reason);

/// <summary>An export of what was undone, or was to be.</summary>
/// <param name="Name">Its name.</param>
/// <param name="State">undone, refused or pending.</param>
/// <param name="ExportedAt">When it was written.</param>
/// <param name="Matchpoint">The last record that stayed; 0 for none.</param>
/// <param name="Last">The last record that was there.</param>
/// <param name="Records">Records above the matchpoint.</param>
/// <param name="Commits">Commits among them.</param>
/// <param name="Acknowledged">Commits among them whose client was told success.</param>
/// <param name="Row">The row of the decision table that decided.</param>
/// <param name="Reason">The decision in words.</param>
internal sealed record JournalExport(
    string Name, string State, DateTimeOffset ExportedAt, long Matchpoint, long Last, long Records, long Commits, long Acknowledged, int Row, string Reason);

/// <summary>What a node remembers of itself, oldest first.</summary>
/// <param name="Version">Rises with everything that is added.</param>
/// <param name="Syncups">The last syncups.</param>
/// <param name="States">The last changes of its state.</param>
/// <param name="Exports">The last exports in its directory.</param>
internal sealed record JournalPage(long Version, IReadOnlyList<JournalSyncup> Syncups, IReadOnlyList<JournalState> States, IReadOnlyList<JournalExport> Exports);

/// <summary>How a node is, with what is asked for often and is small.</summary>
/// <param name="Status">Its status.</param>
/// <param name="Traffic">What it has done.</param>
/// <param name="JournalVersion">The version of its journal: it is asked for again when this has changed.</param>
/// <param name="Steps">The steps of the syncup that is under way; empty where none is.</param>
/// <param name="Matchpoint">Where its last syncup found the logs to part; null where it had none.</param>
/// <param name="Web">Where it serves HTTP; null where it does not, or cannot say.</param>
internal sealed record NodeOverview(NodeStatus Status, TrafficCounts Traffic, long JournalVersion, IReadOnlyList<JournalStep> Steps, long? Matchpoint, string? Web);
