using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;

namespace Matchpoint.Storage.Log;

/// <summary>
/// A fixed view of a log: what was written when it was taken, kept from removal until it is disposed. Records that are cut off
/// meanwhile are gone from it too: reading one throws <see cref="LogCutException"/>. For one reader at a time.
/// </summary>
internal sealed class LogView : IDisposable
{
    private const int MostLooks = 10;

    private readonly DataDirectory _directory;
    private readonly Segment[] _segments;
    private readonly LogPins.Pin? _pin;
    private readonly bool _ownsSegments;
    private readonly LogBlock _block = new();

    /// <summary>The view of an open log.</summary>
    public LogView(DataDirectory directory, Segment[] segments, Vlsn durable, LogPins.Pin pin)
        : this(directory, segments, durable, pin, new LogOpenReport())
    {
    }

    private LogView(DataDirectory directory, Segment[] segments, Vlsn durable, LogPins.Pin? pin, LogOpenReport report)
    {
        _directory = directory;
        _segments = segments;
        _pin = pin;
        _ownsSegments = pin is null;
        Durable = durable;
        OpenReport = report;
        Totals = segments is [.., var last] ? last.Totals : SegmentTotals.Empty(LogPosition.Start(directory.Identity.Group));
        First = Totals.Position.Vlsn.IsNull ? Vlsn.Null : segments[0].Before.Vlsn.Next;
        if (First > Totals.Position.Vlsn) First = Vlsn.Null;
        LastSync = LastOf(static totals => totals.LastSync);
        LastTransactionEnd = LastOf(static totals => totals.LastTransactionEnd);
    }

    /// <summary>What opening for a look found.</summary>
    public LogOpenReport OpenReport { get; }

    /// <summary>The oldest record; null in an empty log.</summary>
    public Vlsn First { get; }

    /// <summary>The newest record; null in an empty log.</summary>
    public Vlsn Last => End.Vlsn;

    /// <summary>The newest sync point held; null when there is none.</summary>
    public Vlsn LastSync { get; }

    /// <summary>The newest commit held; null when there is none.</summary>
    public Vlsn LastTransactionEnd { get; }

    /// <summary>The highest VLSN this node ever knew to be durable.</summary>
    public Vlsn Durable { get; }

    /// <summary>Where the log stands behind its newest record.</summary>
    public LogPosition End => Totals.Position;

    /// <summary>The log's segments: path, what it holds, bytes of records.</summary>
    public IEnumerable<(string Path, LogPosition Before, SegmentTotals Totals)> Segments =>
        _segments.Select((segment, i) => (segment.Path, segment.Before, i == _segments.Length - 1 ? Totals : segment.Totals));

    private SegmentTotals Totals { get; }

    /// <summary>Opens the log of a directory to look at it. Nothing is changed, whoever may be writing it.</summary>
    /// <exception cref="StorageException">The log is damaged, foreign, or of a newer format.</exception>
    public static LogView Look(DataDirectory directory)
    {
        for (var attempt = 1; ; attempt++)
        {
            var positions = PositionsFile.Read(directory.Files, directory.PositionsPath);
            try
            {
                var (segments, report) = LogRecovery.Look(directory, positions);
                return new LogView(directory, segments, positions?.Durable ?? Vlsn.Null, pin: null, report);
            }
            catch (Exception error) when (error is DamageException or FileNotFoundException && attempt < MostLooks && HasMoved(directory, positions))
            {
                // Its writer has cut the log, or removed its head, since we read where it begins and ends.
            }
        }
    }

    /// <summary>A view of segments that continue each other, whatever lies before and behind them. It closes them.</summary>
    public static LogView Of(DataDirectory directory, Segment[] segments, Vlsn durable) => new(directory, segments, durable, pin: null, new LogOpenReport());

    /// <summary>Whether a VLSN lies in the view's range.</summary>
    public bool Holds(Vlsn vlsn) => !First.IsNull && vlsn >= First && vlsn <= Last;

    /// <summary>Finds a record and proves it by its CRC. False when it lies outside the range.</summary>
    /// <exception cref="DamageException">It lies inside the range and is damaged.</exception>
    public bool TryGet(Vlsn vlsn, out RecordHeader header, out Lsn lsn)
    {
        if (!Holds(vlsn))
        {
            header = default;
            lsn = default;
            return false;
        }

        MustHold(vlsn);
        if (_block.TryGet(vlsn, out header, out lsn)) return true;
        try
        {
            (header, lsn) = Find(vlsn);
        }
        catch (ObjectDisposedException)
        {
            MustHold(vlsn); // A segment that a cut removed is closed.
            throw;
        }

        MustHold(vlsn); // What was read may have been cut off, and written anew, while it was read.
        return true;
    }

    /// <summary>The highest sync point at or below a VLSN; null when the view holds none.</summary>
    public Vlsn SyncPointAtOrBelow(Vlsn vlsn)
    {
        vlsn = Vlsn.Min(vlsn, LastSync);
        while (Holds(vlsn))
        {
            if (!_block.Holds(vlsn)) LoadBlock(vlsn);
            var (sync, blockStart) = _block.SyncPointAtOrBelow(vlsn);
            if (!sync.IsNull)
            {
                MustHold(sync);
                return sync;
            }

            vlsn = blockStart.Previous;
        }

        return Vlsn.Null;
    }

    /// <summary>The terms in the log, newest first, each with its last record.</summary>
    public IReadOnlyList<(Term Term, Vlsn Last)> TermEnds()
    {
        var ends = new List<(Term Term, Vlsn Last)>();
        var last = Last;
        for (var i = _segments.Length - 1; i >= 0; i--)
        {
            var starts = _segments[i].Index.Terms;
            for (var j = starts.Length - 1; j >= 0; j--)
            {
                if (starts[j].First > Last) continue; // Appended after the view was taken.
                if (ends is [.., var newer] && newer.Term == starts[j].Term)
                {
                    last = starts[j].First.Previous;
                    continue;
                }

                ends.Add((starts[j].Term, last));
                last = starts[j].First.Previous;
            }
        }

        MustHold(Last); // An index may be that of the cut segment by now.
        return ends;
    }

    /// <summary>How many records, commits and commits with policy None lie above a record that the view holds, or above null.</summary>
    public LogCounts CountAbove(Vlsn vlsn)
    {
        if (First.IsNull) return default;
        var commits = 0L;
        var unconditional = 0L;
        foreach (var (_, before, totals) in Segments)
        {
            if (totals.Position.Vlsn <= vlsn) continue;
            commits += totals.Commits;
            unconditional += totals.UnconditionalCommits;
            if (before.Vlsn >= vlsn) continue;
            var (below, belowUnconditional) = CommitsUpTo(vlsn);
            commits -= below;
            unconditional -= belowUnconditional;
        }

        MustHold(Last);
        return new LogCounts(Last.DistanceFrom(Vlsn.Max(vlsn, First.Previous)), commits, unconditional);
    }

    /// <summary>Where the log stands behind a record that the view holds, or before the first record of all.</summary>
    public LogPosition PositionAt(Vlsn vlsn)
    {
        if (vlsn.IsNull) return LogPosition.Start(_directory.Identity.Group);
        if (vlsn == Last) return End;
        var found = TryGet(vlsn, out var header, out var lsn);
        Invariant.Holds(found, $"record {vlsn} is asked for; the view holds {First} to {Last}.");
        return new LogPosition(vlsn, lsn.Plus(header.Length), header.Fingerprint, header.Term);
    }

    /// <summary>Where the log stands before the record that begins at a byte; null when none begins there.</summary>
    /// <exception cref="DamageException">What lies before it is damaged.</exception>
    public LogPosition? PositionBefore(Lsn lsn)
    {
        if (lsn == End.End) return End;
        if (_segments.Length == 0 || lsn < _segments[0].Before.End || lsn > End.End) return null;
        var segment = SegmentAt(lsn);
        var offset = lsn.DistanceFrom(segment.Before.End);
        if (offset == 0) return segment.Before;
        using var scanner = segment.ScanFrom(segment.Index.EntryBefore(offset));
        do
        {
            Step(segment, scanner);
        }
        while (scanner.Position.End < lsn);
        MustHold(scanner.Position.Vlsn);
        return scanner.Position.End == lsn ? scanner.Position : null;
    }

    /// <summary>Reads records one after another from a VLSN to the end of the view, proving each.</summary>
    public RecordReader ReadFrom(Vlsn vlsn) => new(this, vlsn);

    /// <summary>
    /// Copies whole records as they stand on disk, without looking into them: for sending them on.
    /// </summary>
    /// <param name="from">Where a record begins.</param>
    /// <param name="buffer">Filled with as many whole records of one segment as fit.</param>
    /// <param name="length">How many bytes were copied; when not even one record fits, how many it takes.</param>
    /// <returns>Whether at least one record was copied. At the end of the view: false, with a length of 0.</returns>
    public bool TryCopy(Lsn from, Span<byte> buffer, out int length)
    {
        length = 0;
        if (from >= End.End) return false;
        var segment = SegmentAt(from);
        var bound = segment == _segments[^1] ? End.End : segment.Totals.Position.End;
        if (bound <= from) throw Gone(segment, from);
        var wanted = (int)Math.Min(buffer.Length, bound.DistanceFrom(from));
        int read;
        try
        {
            read = segment.File.Read(segment.FilePosition(from), buffer[..wanted]);
        }
        catch (ObjectDisposedException)
        {
            MustHold(Last);
            throw;
        }

        if (read < wanted) throw Gone(segment, from.Plus(read));
        while (length + RecordHeader.Size <= read)
        {
            var fault = RecordCodec.TryReadHeader(buffer[length..read], out var header);
            if (fault is not null)
            {
                MustHold(Last); // What lies behind a cut may be written anew while it is read.
                throw segment.Damaged(segment.FilePosition(from) + length, Vlsn.Null, fault);
            }

            MustHold(header.Vlsn);
            if (length + header.Length > bound.DistanceFrom(from)) throw RunsOver(segment, from.Plus(length), bound, header.Length);
            if (length + header.Length > read)
            {
                if (length > 0) return true;
                length = header.Length;
                return false;
            }

            length += header.Length;
        }

        if (length > 0) return true;
        length = RecordHeader.Size;
        return bound.DistanceFrom(from) >= length ? false : throw RunsOver(segment, from, bound, length);
    }

    /// <summary>The damage of a record that does not end where its segment does. Asking for more room would not help.</summary>
    private DamageException RunsOver(Segment segment, Lsn from, Lsn bound, int length)
    {
        MustHold(Last);
        return segment.Damaged(segment.FilePosition(from), Vlsn.Null, RecordFault.Field("length", $"at most {bound.DistanceFrom(from)}", length));
    }

    /// <summary>Bytes that the view holds are not there: because of a cut, or because the file was shortened behind our back.</summary>
    private DamageException Gone(Segment segment, Lsn at)
    {
        MustHold(Last);
        return segment.Damaged(segment.FilePosition(at), Vlsn.Null, RecordFault.Truncated(0, RecordHeader.Size));
    }

    /// <summary>Gives up the records up to a VLSN: they may be removed.</summary>
    public void Release(Vlsn upTo) => _pin?.MoveTo(upTo);

    /// <summary>Holds nothing any more.</summary>
    public void Dispose()
    {
        _pin?.Dispose();
        if (!_ownsSegments) return;
        foreach (var segment in _segments) segment.Dispose();
    }

    /// <summary>The segment that holds a record.</summary>
    internal Segment SegmentOf(Vlsn vlsn)
    {
        var index = LastWhere(segment => segment.Before.Vlsn < vlsn);
        return _segments[index];
    }

    /// <summary>The segment behind another; null behind the last.</summary>
    internal Segment? SegmentAfter(Segment segment)
    {
        var index = Array.IndexOf(_segments, segment) + 1;
        return index < _segments.Length ? _segments[index] : null;
    }

    /// <summary>Throws when a record was cut off since the view was taken.</summary>
    internal void MustHold(Vlsn vlsn) => _pin?.MustHold(vlsn);

    private static bool HasMoved(DataDirectory directory, Positions? then) =>
        directory.Files.FileExists(directory.CutPath) || PositionsFile.Read(directory.Files, directory.PositionsPath) != then;

    private Segment SegmentAt(Lsn lsn)
    {
        Invariant.Holds(_segments.Length > 0 && lsn >= _segments[0].Before.End, $"byte {lsn} lies below the view.");
        return _segments[LastWhere(segment => segment.Before.End <= lsn)];
    }

    private int LastWhere(Func<Segment, bool> isBelow)
    {
        var low = 0;
        var high = _segments.Length - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (isBelow(_segments[middle])) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    private Vlsn LastOf(Func<SegmentTotals, Vlsn> which)
    {
        for (var i = _segments.Length - 1; i >= 0; i--)
        {
            var vlsn = which(i == _segments.Length - 1 ? Totals : _segments[i].Totals);
            if (!vlsn.IsNull) return vlsn;
        }

        return Vlsn.Null;
    }

    private (long Commits, long Unconditional) CommitsUpTo(Vlsn vlsn)
    {
        var segment = SegmentOf(vlsn);
        var entry = segment.Index.EntryFor(vlsn);
        long commits = entry.Commits;
        long unconditional = entry.UnconditionalCommits;
        using var scanner = segment.ScanFrom(entry);
        while (scanner.Position.Vlsn < vlsn && Step(segment, scanner))
        {
            if (!scanner.Header.IsTransactionEnd) continue;
            commits++;
            if (scanner.Header.AckPolicy == AckPolicy.None) unconditional++;
        }

        return (commits, unconditional);
    }

    private (RecordHeader Header, Lsn Lsn) Find(Vlsn vlsn)
    {
        var segment = SegmentOf(vlsn);
        using var scanner = segment.ScanFrom(segment.Index.EntryFor(vlsn));
        while (Step(segment, scanner))
        {
            if (scanner.Header.Vlsn == vlsn)
                return (scanner.Header, segment.Before.End.Plus(scanner.RecordAt - SegmentHeader.Size));
        }

        throw Invariant.Unreachable(vlsn);
    }

    /// <summary>One record on. There must be one: the index or the range said so.</summary>
    private bool Step(Segment segment, RecordScanner scanner)
    {
        if (scanner.MoveNext()) return true;
        var missing = scanner.Position.Vlsn.Next;
        MustHold(missing);
        throw segment.Damaged(scanner.NextAt, missing, scanner.Fault ?? RecordFault.Truncated(0, RecordHeader.Size));
    }

    private void LoadBlock(Vlsn vlsn)
    {
        var segment = SegmentOf(vlsn);
        _block.Clear();
        using var scanner = segment.ScanFrom(segment.Index.EntryFor(vlsn));
        do
        {
            Step(segment, scanner);
            _block.Add(scanner.Header, segment.Before.End.Plus(scanner.RecordAt - SegmentHeader.Size));
        }
        while (scanner.Header.Vlsn < vlsn);
        MustHold(vlsn);
    }
}

/// <summary>How much lies above a record.</summary>
/// <param name="Records">All records.</param>
/// <param name="Commits">Those that are commits.</param>
/// <param name="UnconditionalCommits">Commits with policy None: their clients were told success.</param>
internal readonly record struct LogCounts(long Records, long Commits, long UnconditionalCommits);
