using System.Runtime.InteropServices;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Storage.Log;

/// <summary>
/// What a node remembers of one segment without reading it: where records lie (sparsely), which terms it spans, where its
/// last sync point and transaction end are, and how many commits lie below a place. Built record by record while the segment
/// is written or scanned; never the truth, always rebuildable.
/// </summary>
/// <remarks>Written by one thread, read by many: every member takes the lock for a few instructions.</remarks>
internal sealed class SegmentIndex
{
    /// <summary>About so many bytes of log lie between two entries.</summary>
    public const int Interval = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly List<Entry> _entries = [];
    private readonly List<TermStart> _terms = [];
    private SegmentTotals _totals;
    private long _nextEntryAt;

    /// <summary>The index of a segment that has no record yet.</summary>
    public SegmentIndex(in LogPosition before)
    {
        Before = before;
        _totals = SegmentTotals.Empty(before);
    }

    /// <summary>The index of a whole segment as its file told it.</summary>
    public SegmentIndex(in LogPosition before, in SegmentTotals totals, IEnumerable<TermStart> terms, IEnumerable<Entry> entries)
    {
        Before = before;
        _totals = totals;
        _terms.AddRange(terms);
        _entries.AddRange(entries);
        _nextEntryAt = _entries.Count == 0 ? 0 : _entries[^1].Offset + Interval;
    }

    /// <summary>Where the log stands before the segment's first record.</summary>
    public LogPosition Before { get; }

    /// <summary>What the segment amounts to so far.</summary>
    public SegmentTotals Totals
    {
        get
        {
            lock (_gate) return _totals;
        }
    }

    /// <summary>The terms in the segment, each with its first record here, oldest first.</summary>
    public TermStart[] Terms
    {
        get
        {
            lock (_gate) return [.. _terms];
        }
    }

    /// <summary>The sparse entries.</summary>
    public Entry[] Entries
    {
        get
        {
            lock (_gate) return [.. _entries];
        }
    }

    /// <summary>Notes the next record of the segment.</summary>
    public void Add(in RecordHeader header)
    {
        lock (_gate) Add_Locked(header);
    }

    /// <summary>Notes the next records of the segment. They are sound: they were sealed or proved before.</summary>
    public void AddAll(ReadOnlySpan<byte> records)
    {
        lock (_gate)
        {
            while (!records.IsEmpty)
            {
                var fault = RecordCodec.TryReadHeader(records, out var header);
                Invariant.Holds(fault is null, $"a record that was just written cannot be read: {fault}.");
                Add_Locked(header);
                records = records[header.Length..];
            }
        }
    }

    /// <summary>The entry at or before a record: where to begin to look for it.</summary>
    public Entry EntryFor(Vlsn vlsn)
    {
        lock (_gate)
        {
            var wanted = vlsn.DistanceFrom(Before.Vlsn);
            var entries = CollectionsMarshal.AsSpan(_entries);
            var low = 0;
            var high = entries.Length - 1;
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                if (entries[middle].Ordinal <= wanted) low = middle;
                else high = middle - 1;
            }

            return entries[low];
        }
    }

    /// <summary>The last entry before a byte of the segment; for an offset of 0 the first.</summary>
    public Entry EntryBefore(long offset)
    {
        lock (_gate)
        {
            for (var i = _entries.Count - 1; i > 0; i--)
            {
                if (_entries[i].Offset < offset) return _entries[i];
            }

            return _entries[0];
        }
    }

    private void Add_Locked(in RecordHeader header)
    {
        var offset = _totals.Position.End.DistanceFrom(Before.End);
        if (offset >= _nextEntryAt)
        {
            _entries.Add(new Entry(
                (uint)header.Vlsn.DistanceFrom(Before.Vlsn), (uint)offset, _totals.Commits, _totals.UnconditionalCommits));
            _nextEntryAt = offset + Interval;
        }

        if (_terms.Count == 0 || _terms[^1].Term != header.Term) _terms.Add(new TermStart(header.Term, header.Vlsn));
        _totals = _totals.With(header);
    }

    /// <summary>
    /// One place in the segment: the record's number counted from 1 in this segment, its offset behind the segment header, and
    /// how many commits (and commits with policy None) lie before it in the segment.
    /// </summary>
    internal readonly record struct Entry(uint Ordinal, uint Offset, uint Commits, uint UnconditionalCommits);

    /// <summary>A term and its first record in a segment.</summary>
    internal readonly record struct TermStart(Term Term, Vlsn First);
}

/// <summary>What a segment amounts to.</summary>
/// <param name="Position">Where the log stands behind its last record.</param>
/// <param name="LastSync">Its last sync point; null when it has none.</param>
/// <param name="LastTransactionEnd">Its last commit; null when it has none.</param>
/// <param name="Commits">How many commits it holds.</param>
/// <param name="UnconditionalCommits">How many of them have policy None: their clients were told success at once.</param>
/// <param name="LastTimestamp">When its last record was written, in microseconds since 1970-01-01 UTC.</param>
internal readonly record struct SegmentTotals(
    LogPosition Position, Vlsn LastSync, Vlsn LastTransactionEnd, uint Commits, uint UnconditionalCommits, long LastTimestamp)
{
    /// <summary>No record yet.</summary>
    public static SegmentTotals Empty(in LogPosition before) => new(before, Vlsn.Null, Vlsn.Null, 0, 0, 0);

    /// <summary>One record more.</summary>
    public SegmentTotals With(in RecordHeader header) => new(
        Position.After(header),
        header.IsSync ? header.Vlsn : LastSync,
        header.IsTransactionEnd ? header.Vlsn : LastTransactionEnd,
        header.IsTransactionEnd ? Commits + 1 : Commits,
        header is { IsTransactionEnd: true, AckPolicy: AckPolicy.None } ? UnconditionalCommits + 1 : UnconditionalCommits,
        header.Timestamp);
}
