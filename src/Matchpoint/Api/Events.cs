namespace Matchpoint;

/// <summary>A node does something else now.</summary>
/// <param name="From">What it did.</param>
/// <param name="To">What it does.</param>
/// <param name="Reason">Why.</param>
public sealed record StateChange(NodeState From, NodeState To, string Reason);

/// <summary>A step of a syncup.</summary>
/// <param name="Feeder">Whom it is with.</param>
/// <param name="Step">What is done.</param>
public sealed record SyncupProgress(string Feeder, string Step);

/// <summary>What a syncup found and did.</summary>
/// <param name="Feeder">Whom it was with.</param>
/// <param name="Matchpoint">The highest record that both logs held; 0 for none.</param>
/// <param name="UndoneRecords">How many records were undone.</param>
/// <param name="UndoneCommits">How many commits were among them.</param>
/// <param name="RoundTrips">Extra round trips that it took.</param>
/// <param name="Decision">What was decided, and why.</param>
/// <param name="Duration">How long it took.</param>
public sealed record SyncupSummary(
    string Feeder, long Matchpoint, long UndoneRecords, long UndoneCommits, int RoundTrips, string Decision, TimeSpan Duration);

/// <summary>Transactions were undone, because the group went on without them. Each is in the export.</summary>
/// <param name="Matchpoint">The last record that stayed; 0 for none.</param>
/// <param name="Records">How many records were undone.</param>
/// <param name="Commits">How many commits were among them.</param>
/// <param name="Acknowledged">How many of those had been acknowledged (with <see cref="AckPolicy.None"/>).</param>
/// <param name="Export">The file that holds every undone operation.</param>
public sealed record RollbackNotice(long Matchpoint, long Records, long Commits, long Acknowledged, string Export);

/// <summary>How far a full copy is that this node fetches.</summary>
/// <param name="Donor">Whom it comes from.</param>
/// <param name="Bytes">How many bytes of it are here.</param>
/// <param name="TotalBytes">How many there are.</param>
/// <param name="BytesPerSecond">How fast they come, since this donor began.</param>
/// <param name="Left">How long the rest takes at that rate; null where that is not known.</param>
public sealed record CopyProgress(string Donor, long Bytes, long TotalBytes, double BytesPerSecond, TimeSpan? Left);
