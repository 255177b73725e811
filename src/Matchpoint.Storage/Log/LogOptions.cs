namespace Matchpoint.Storage.Log;

/// <summary>How a node keeps its log. The log's bytes do not depend on any of it.</summary>
internal sealed record LogOptions
{
    /// <summary>A segment is complete before it would grow over this many bytes of records; a larger record has one to itself.</summary>
    public long SegmentBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Appended bytes that may wait to be written; then appending waits. One record is always taken.</summary>
    public int PendingBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// Complete segments that wait to be flushed until the log is idle, or somebody waits for a flush. Beyond that they are flushed beside
    /// the writing, and beyond twice as many writing waits.
    /// </summary>
    public int UnflushedSegments { get; init; } = 16;

    /// <summary>How often the positions file is flushed while the log is being flushed.</summary>
    public TimeSpan PositionsFlushInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Where timestamps come from.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// Whether the log writes by itself on a thread of its own. Without it nothing happens until <see cref="RecordLog.Drain"/>
    /// is called: so a simulator decides when.
    /// </summary>
    public bool OwnThread { get; init; } = true;

    /// <summary>Hears how many bytes were written; null where nobody counts.</summary>
    public Action<int>? Wrote { get; init; }

    /// <summary>Hears how long a flush took; null where nobody measures.</summary>
    public Action<TimeSpan>? Flushed { get; init; }

    /// <summary>Who drives the log instead of its own threads; null for nobody else.</summary>
    public Func<RecordLog, ILogDriver>? Driver { get; init; }
}
