using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>
/// The segment files of an open log. One thread at a time writes, flushes, cuts and trims; the list of segments is replaced as a whole,
/// so that readers may take it at any time.
/// </summary>
internal sealed class SegmentStore : IDisposable
{
    /// <summary>So many zeros are written ahead of small synced writes, so that most flushes find the file's length unchanged.</summary>
    private const int RoomAhead = 1024 * 1024;

    /// <summary>Larger writes gain nothing by room made ahead.</summary>
    private const int SmallWrite = 256 * 1024;

    private static readonly byte[] Zeros = new byte[RoomAhead];

    private readonly DataDirectory _directory;
    private readonly LogOptions _options;
    private readonly Lock _flushing = new();
    private readonly ConcurrentQueue<Segment> _unflushed = new();
    private volatile Segment[] _segments;
    private ExceptionDispatchInfo? _failedFlush;
    private bool _namesUnflushed;
    private bool _makesRoomAhead = true;

    /// <summary>A log's segments as recovery found them, flushed up to a position.</summary>
    public SegmentStore(DataDirectory directory, LogOptions options, Segment[] segments, Lsn flushed)
    {
        _directory = directory;
        _options = options;
        _segments = segments;
        _namesUnflushed = true; // Recovery cannot know whether the last crash came before the names were flushed.
        foreach (var segment in segments.SkipLast(1))
        {
            if (segment.Totals.Position.End > flushed) _unflushed.Enqueue(segment);
        }
    }

    /// <summary>The segments, oldest first; none in an empty log.</summary>
    public Segment[] Segments => _segments;

    /// <summary>Where the log stands behind its last written record.</summary>
    public LogPosition Position =>
        _segments is [.., var last] ? last.Totals.Position : LogPosition.Start(_directory.Identity.Group);

    /// <summary>The last sync point that is written; what lies before the oldest segment where none of them has one.</summary>
    public Vlsn LastSync
    {
        get
        {
            for (var i = _segments.Length - 1; i >= 0; i--)
            {
                if (_segments[i].Totals.LastSync is { IsNull: false } last) return last;
            }

            return _segments is [var oldest, ..] ? oldest.Before.Vlsn : Vlsn.Null;
        }
    }

    /// <summary>Whether complete segments wait to be flushed.</summary>
    public bool HasUnflushed => !_unflushed.IsEmpty;

    /// <summary>Whether more complete segments wait to be flushed than should.</summary>
    public bool HasTooManyUnflushed => _unflushed.Count > _options.UnflushedSegments;

    /// <summary>
    /// Writes records that continue the log, beginning new segments where they are due. Readers see them when this returns.
    /// </summary>
    /// <param name="records">Whole, sound records.</param>
    /// <param name="willFlush">Whether a flush follows: then zeros may be written ahead.</param>
    public void Write(ReadOnlySpan<byte> records, bool willFlush)
    {
        var bytes = records.Length;
        while (!records.IsEmpty)
        {
            var active = _segments is [.., var last] ? last : BeginSegment();
            var fitting = BytesThatFit(active, records);
            if (fitting == 0)
            {
                Complete(active);
                BeginSegment();
                continue;
            }

            WriteTo(active, records[..fitting], willFlush);
            records = records[fitting..];
        }

        _options.Wrote?.Invoke(bytes);
    }

    /// <summary>Makes everything written durable.</summary>
    public void Flush()
    {
        var began = _options.Flushed is null ? 0 : _options.Time.GetTimestamp();
        FlushCompleteSegments();
        if (_segments is [.., var active]) active.File.Flush();
        if (_namesUnflushed)
        {
            _directory.Files.FlushDirectory(_directory.LogPath);
            _namesUnflushed = false;
        }

        _options.Flushed?.Invoke(_options.Time.GetElapsedTime(began));
    }

    /// <summary>Makes the complete segments durable. May run beside a writer.</summary>
    public void FlushCompleteSegments()
    {
        while (true)
        {
            lock (_flushing)
            {
                // A flush that failed is not tried again, by whichever thread: the pages that it lost count as clean now, and the
                // next flush would succeed.
                _failedFlush?.Throw();
                // The lock is held across the flush: a segment leaves the queue only when it is durable, and neither a cut nor a removal
                // takes it away meanwhile. Readers and appenders never take this lock.
                if (!_unflushed.TryPeek(out var segment)) return;
                try
                {
                    segment.File.Flush();
                }
                catch (Exception error)
                {
                    _failedFlush = ExceptionDispatchInfo.Capture(error);
                    throw;
                }

                _unflushed.TryDequeue(out _);
            }
        }
    }

    /// <summary>Closes the files so that a later open need not scan: index written, room made ahead given back.</summary>
    public void CloseCleanly()
    {
        if (_segments is not [.., var active]) return;
        active.File.SetLength(active.FilePosition(active.Totals.Position.End));
        active.File.Flush();
        IndexFile.TryWrite(_directory.Files, active.Path, active.Index);
    }

    /// <summary>How many segments, of all but the last, hold nothing above a VLSN.</summary>
    public int CountUpTo(Vlsn vlsn) => _segments.SkipLast(1).TakeWhile(segment => segment.Totals.Position.Vlsn <= vlsn).Count();

    /// <summary>Takes the oldest segments out of the log, while nobody can begin to read.</summary>
    public Segment[] TakeOldest(int count)
    {
        Invariant.Holds(count < _segments.Length, $"{count} of {_segments.Length} segments are to be removed.");
        var removed = _segments[..count];
        _segments = _segments[count..];
        return removed;
    }

    /// <summary>Removes segments that were taken out. That they are to go is durable before the first of them goes.</summary>
    public void Remove(Segment[] removed, PositionsFile positions)
    {
        positions.Replace(positions.Current with { Head = _segments[0].Before.End });
        foreach (var segment in removed)
        {
            LogCut.RemoveSegment(_directory.Files, segment.Path);
            segment.Dispose();
        }

        _directory.Files.FlushDirectory(_directory.LogPath);
    }

    /// <summary>Cuts the log on disk behind a position that is recorded in an intent, and takes up what is left.</summary>
    /// <param name="intent">Written and durable.</param>
    /// <param name="positions">Lowered to the new end.</param>
    public void Cut(CutIntent intent, PositionsFile positions)
    {
        lock (_flushing)
        {
            var kept = _segments.TakeWhile(segment => segment.Before.End < intent.Position.End).ToArray();
            var dropped = _segments[kept.Length..];
            foreach (var segment in dropped) segment.Dispose();
            LogCut.Finish(_directory, intent, positions);
            if (kept.Length > 0)
            {
                // The segment keeps its open file and its readers; only what it knows of itself is new.
                kept[^1].Index = LogRecovery.Rescan(kept[^1]);
                kept[^1].ZeroedTo = 0;
                Invariant.Holds(
                    kept[^1].Totals.Position == intent.Position, $"the log was cut at {intent.Position} and ends at {kept[^1].Totals.Position}.");
            }

            _unflushed.Clear();
            _segments = kept;
            _namesUnflushed = false;
        }
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var segment in _segments) segment.Dispose();
    }

    private static int NextLength(ReadOnlySpan<byte> records) => (int)BinaryPrimitives.ReadUInt32LittleEndian(records);

    private int BytesThatFit(Segment segment, ReadOnlySpan<byte> records)
    {
        var used = segment.RecordBytes;
        var fitting = 0;
        while (fitting < records.Length)
        {
            var length = NextLength(records[fitting..]);
            var isFirst = used + fitting == 0;
            if (!isFirst && used + fitting + length > _options.SegmentBytes) break;
            fitting += length;
        }

        Invariant.Holds(fitting <= records.Length, $"records of {records.Length} bytes end inside a record.");
        return fitting;
    }

    private void WriteTo(Segment segment, ReadOnlySpan<byte> records, bool willFlush)
    {
        var at = segment.FilePosition(segment.Totals.Position.End);
        var end = at + records.Length;
        segment.File.Write(at, records);
        if (willFlush && end > segment.ZeroedTo && records.Length <= SmallWrite) MakeRoom(segment, end);
        segment.Index.AddAll(records);
    }

    private void MakeRoom(Segment segment, long end)
    {
        var room = (int)Math.Min(RoomAhead, SegmentHeader.Size + _options.SegmentBytes - end);
        if (room <= 0 || !_makesRoomAhead) return;
        try
        {
            segment.File.Write(end, Zeros.AsSpan(0, room));
            segment.ZeroedTo = end + room;
        }
        catch (IOException)
        {
            // The records themselves are written. Room ahead only saves time, so a disk too full for it goes without; a disk too full
            // for records says so at the next write.
            _makesRoomAhead = false;
        }
    }

    private Segment BeginSegment()
    {
        var before = Position;
        var path = Path.Combine(_directory.LogPath, SegmentHeader.FileName(before.End));
        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        SegmentHeader.Write(header, _directory.Identity.Group, before);
        var file = _directory.Files.Open(path, FileOpening.CreateNew);
        try
        {
            file.Write(0, header);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        var segment = new Segment(_directory.Files, path, new SegmentIndex(before), FileOpening.ReadWrite, file);
        _namesUnflushed = true;
        _segments = [.. _segments, segment];
        return segment;
    }

    private void Complete(Segment segment)
    {
        if (segment.ZeroedTo > 0) segment.File.SetLength(segment.FilePosition(segment.Totals.Position.End));
        IndexFile.TryWrite(_directory.Files, segment.Path, segment.Index);
        _unflushed.Enqueue(segment);
        if (_unflushed.Count > 2 * _options.UnflushedSegments) FlushCompleteSegments();
    }
}
