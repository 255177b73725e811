using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Matchpoint.Telemetry;

/// <summary>
/// Everything that can be measured and traced, once per process: the meter and the activity source are both called "Matchpoint". What a node counts itself stands here;
/// what is read when somebody asks stands in <see cref="Gauges"/>. docs/telemetry.md describes each; a test compares.
/// </summary>
internal static class Instruments
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "Matchpoint";

    /// <summary>From a commit into memory to one that waits for another continent.</summary>
    private static readonly double[] WaitBounds = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    /// <summary>From a syncup on one machine to one that must undo much.</summary>
    private static readonly double[] SyncupBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private static readonly string? Version = typeof(Instruments).Assembly.GetName().Version?.ToString(3);

    /// <summary>The meter.</summary>
    public static Meter Meter { get; } = new(Name, Version);

    /// <summary>The source of activities.</summary>
    public static ActivitySource Activities { get; } = new(Name, Version);

    /// <summary>How long a commit took, until it was as safe as it asked for or failed.</summary>
    public static Histogram<double> CommitDuration { get; } = Meter.CreateHistogram(
        "matchpoint.commit.duration", "s", "How long a commit took, until it was as safe as it asked for or failed.", advice: Advice(WaitBounds));

    /// <summary>Commits by what became of them.</summary>
    public static Counter<long> Commits { get; } = Meter.CreateCounter<long>("matchpoint.commits", "{commit}", "Commits by what became of them.");

    /// <summary>Commits that met a conflict.</summary>
    public static Counter<long> Conflicts { get; } = Meter.CreateCounter<long>(
        "matchpoint.conflicts", "{conflict}", "Attempts to commit that found that what they had read was changed. TransactAsync runs them again.");

    /// <summary>Reads of one key.</summary>
    public static Counter<long> Reads { get; } = Meter.CreateCounter<long>("matchpoint.reads", "{read}", "Reads of one key, outside transactions, by level.");

    /// <summary>Bytes written to the log.</summary>
    public static Counter<long> LogWritten { get; } = Meter.CreateCounter<long>("matchpoint.log.written", "By", "Bytes of records written to the log.");

    /// <summary>How long a flush of the log took.</summary>
    public static Histogram<double> FlushDuration { get; } = Meter.CreateHistogram(
        "matchpoint.log.flush.duration", "s", "How long a flush of the log took.", advice: Advice(WaitBounds));

    /// <summary>Syncups that ended.</summary>
    public static Counter<long> Syncups { get; } = Meter.CreateCounter<long>("matchpoint.syncups", "{syncup}", "Syncups that this node ended with a feeder.");

    /// <summary>How long a syncup took.</summary>
    public static Histogram<double> SyncupDuration { get; } = Meter.CreateHistogram(
        "matchpoint.syncup.duration", "s", "How long a syncup took.", advice: Advice(SyncupBounds));

    /// <summary>Transactions that syncup undid.</summary>
    public static Counter<long> Undone { get; } = Meter.CreateCounter<long>(
        "matchpoint.undone.transactions", "{transaction}", "Transactions that a syncup undid. Each is in an export.");

    /// <summary>Full copies that took the place of what was here.</summary>
    public static Counter<long> Copies { get; } = Meter.CreateCounter<long>("matchpoint.copies", "{copy}", "Full copies that this node fetched whole, by whether it could be opened with them.");

    private static InstrumentAdvice<double> Advice(double[] bounds) => new() { HistogramBucketBoundaries = bounds };
}
