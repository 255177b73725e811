using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>
/// Finds out what a log on disk holds. Below the flushed position every fault is damage and is thrown; above it the first
/// fault is where the machine stopped: the log ends there, and what lies behind is cut off and reported.
/// Complete segments below the flushed position are taken by their index; the rest is read record by record.
/// </summary>
internal sealed class LogRecovery
{
    private readonly DataDirectory _directory;
    private readonly IFileSystem _files;
    private readonly Positions _positions;
    private readonly bool _positionsMissing;

    // The machine was not started anew since: what was handed to the operating system is there, and only the last write can be torn.
    private readonly bool _nothingWasLost;
    private readonly CutIntent? _pendingCut;
    private readonly List<Segment> _segments = [];
    private readonly List<Segment> _withoutIndex = [];
    private TornTail? _torn;
    private int _rebuilt;
    private long _scanned;

    private LogRecovery(DataDirectory directory, Positions positions, bool positionsMissing, CutIntent? pendingCut)
    {
        _positionsMissing = positionsMissing;
        _directory = directory;
        _files = directory.Files;
        _positions = positions;
        _nothingWasLost = positions.BootId != Guid.Empty && positions.BootId == _files.BootId;
        _pendingCut = pendingCut;
    }

    private FileOpening Opening => _directory.IsReadOnly ? FileOpening.Read : FileOpening.ReadWrite;

    /// <summary>Opens the segments of a node that writes: finishes an interrupted cut, cuts off a torn tail.</summary>
    public static (Segment[] Segments, LogOpenReport Report) Recover(
        DataDirectory directory, PositionsFile positions, bool positionsMissing)
    {
        var intent = CutIntent.TryRead(directory.Files, directory.CutPath);
        if (intent is not null)
        {
            // Promised again: what is read may be what a failed flush left in the cache, and half a cut without a promise is damage.
            intent.Write(directory.Files, directory.CutPath);
            LogCut.Finish(directory, intent, positions);
        }
        else if (directory.Files.FileExists(directory.CutPath))
        {
            CutIntent.Clear(directory.Files, directory.CutPath); // It is finished; that it is may be only in the cache.
        }

        var recovery = new LogRecovery(directory, positions.Current, positionsMissing, pendingCut: null);
        return (recovery.Load(), recovery.Report() with { FinishedCut = intent?.Position.Vlsn });
    }

    /// <summary>Opens the segments for a look: a torn tail and an unfinished cut are seen, not mended.</summary>
    public static (Segment[] Segments, LogOpenReport Report) Look(DataDirectory directory, Positions? positions)
    {
        var known = positions ?? Positions.FromSegments(directory.Files, directory.LogPath);
        var intent = CutIntent.TryRead(directory.Files, directory.CutPath);
        if (intent is not null && intent.Position.End < known.Flushed) known = known with { Flushed = intent.Position.End };
        if (intent is { Position.Vlsn.IsNull: true }) known = known with { Head = Lsn.Zero };
        var recovery = new LogRecovery(directory, known, positions is null, intent);
        return (recovery.Load(), recovery.Report());
    }

    /// <summary>Reads a segment again whose end was cut.</summary>
    public static SegmentIndex Rescan(Segment segment)
    {
        var index = new SegmentIndex(segment.Before);
        using var scanner = new RecordScanner(segment.File, segment.File.Length, segment.Before);
        while (scanner.MoveNext()) index.Add(scanner.Header);
        return scanner.Fault is null
            ? index
            : throw segment.Damaged(scanner.NextAt, scanner.Position.Vlsn.Next, scanner.Fault);
    }

    private LogOpenReport Report() => new()
    {
        Torn = _torn,
        RebuiltIndexes = _rebuilt,
        ScannedBytes = _scanned,
        PositionsMissing = _positionsMissing && _segments.Count > 0,
    };

    private Segment[] Load()
    {
        try
        {
            return LoadAll();
        }
        catch
        {
            foreach (var segment in _segments) segment.Dispose();
            throw;
        }
    }

    private Segment[] LoadAll()
    {
        var names = Names(out var tooOld);
        for (var i = 0; i < names.Count && _torn is null; i++)
        {
            var next = i + 1 < names.Count ? names[i + 1] : default;
            LoadSegment(names[i], next.Path is null ? null : next.First);
        }

        if (_segments.Count == 0 && _positions.Flushed > Lsn.Zero && _torn is null && names.Count == 0)
        {
            throw new DamageException(
                _directory.LogPath, 0, "segments", $"a log flushed up to byte {_positions.Flushed}", "no segment", DamageException.RestoreAdvice);
        }

        if (_torn is not null) DropTail(names);
        foreach (var path in tooOld) LogCut.RemoveSegment(_files, path);
        if (!_directory.IsReadOnly) WriteIndexes();
        return [.. _segments];
    }

    /// <summary>Indexes of complete segments that had to be scanned, so that the next open need not do it again. The last segment's comes
    /// when it is complete.</summary>
    private void WriteIndexes()
    {
        foreach (var segment in _withoutIndex.Where(segment => segment != _segments[^1])) IndexFile.TryWrite(_files, segment.Path, segment.Index);
    }

    private List<(Lsn First, string Path)> Names(out List<string> tooOld)
    {
        var names = new List<(Lsn, string)>();
        tooOld = [];
        foreach (var name in _files.ListFiles(_directory.LogPath))
        {
            if (!SegmentHeader.TryParseName(name, out var first)) continue;
            // What lies behind an unfinished cut is as good as gone.
            if (_pendingCut is not null && first >= _pendingCut.Position.End) continue;
            // Older than the oldest that was to be kept: a crash came between the decision and the removal.
            if (first < _positions.Head)
            {
                if (!_directory.IsReadOnly) tooOld.Add(Path.Combine(_directory.LogPath, name));
                continue;
            }

            names.Add((first, Path.Combine(_directory.LogPath, name)));
        }

        return names;
    }

    private void LoadSegment((Lsn First, string Path) name, Lsn? nextFirst)
    {
        var file = _files.Open(name.Path, Opening);
        Segment? segment = null;
        try
        {
            if (ReadHeader(file, name) is not { } before) return;
            if (!Continues(before, name)) return;
            var isWhole = nextFirst is { } next && (next <= _positions.Flushed || _nothingWasLost);
            var index = TakeIndex(file, name.Path, before, nextFirst);
            segment = new Segment(_files, name.Path, index ?? new SegmentIndex(before), Opening, file);
            if (index is null) _withoutIndex.Add(segment);
            if (index is null || !isWhole) ScanRest(segment, nextFirst);
            _segments.Add(segment);
        }
        finally
        {
            if (segment is null) file.Dispose();
        }
    }

    /// <summary>Where the log stands before a segment; null when the segment was being made when the machine stopped.</summary>
    private LogPosition? ReadHeader(IFile file, (Lsn First, string Path) name)
    {
        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        var read = file.Read(0, header);
        try
        {
            return SegmentHeader.Read(header[..read], name.Path, _directory.Identity.Group, name.First);
        }
        catch (DamageException damage) when (MayBeTorn(name.First))
        {
            Tear(name.Path, 0, $"{damage.What}: expected {damage.Expected}, found {damage.Found}");
            return null;
        }
    }

    private bool Continues(in LogPosition before, (Lsn First, string Path) name)
    {
        var group = _directory.Identity.Group;
        if (_segments.Count == 0)
        {
            if (before.End == Lsn.Zero && before != LogPosition.Start(group))
                throw Mismatch(name.Path, LogPosition.Start(group), before);
            if (before.End == _positions.Head) return true;
            if (_positions.Flushed > Lsn.Zero) throw Missing(_positions.Head, before.End);
            Tear(name.Path, 0, $"expected a segment from byte {_positions.Head} on, found one from byte {before.End} on");
            return false;
        }

        var expected = _segments[^1].Totals.Position;
        if (before == expected) return true;
        if (before.End == expected.End || expected.End < _positions.Flushed)
        {
            throw before.End == expected.End ? Mismatch(name.Path, expected, before) : Missing(expected.End, before.End);
        }

        Tear(name.Path, 0, $"expected a segment from byte {expected.End} on, found one from byte {before.End} on");
        return false;
    }

    /// <summary>Whether a segment's header may be torn: never where segments were removed before it, for then it was flushed first.</summary>
    private bool MayBeTorn(Lsn first) => first >= _positions.Flushed && (first > _positions.Head || first == Lsn.Zero);

    private DamageException Missing(Lsn expected, Lsn found) => new(
        _directory.LogPath, 0, "segments", $"one that begins at byte {expected} ({SegmentHeader.FileName(expected)})",
        $"the next begins at byte {found}", DamageException.RestoreAdvice);

    private static DamageException Mismatch(string path, in LogPosition expected, in LogPosition found) => new(
        path, 32, "segment header: what lies before the segment",
        $"record {expected.Vlsn}, fingerprint {expected.Fingerprint}, term {expected.Term}",
        $"record {found.Vlsn}, fingerprint {found.Fingerprint}, term {found.Term}", DamageException.RestoreAdvice);

    /// <summary>The index of a segment, if it fits and covers a part that was flushed.</summary>
    private SegmentIndex? TakeIndex(IFile file, string path, in LogPosition before, Lsn? nextFirst)
    {
        var index = IndexFile.TryRead(_files, path, before);
        if (index is null)
        {
            if (nextFirst is not null) _rebuilt++;
            return null;
        }

        var end = index.Totals.Position.End;
        var fits = (end <= _positions.Flushed || _nothingWasLost)
            && (nextFirst is null || end == nextFirst)
            && (_pendingCut is null || end <= _pendingCut.Position.End)
            && file.Length >= SegmentHeader.Size + end.DistanceFrom(before.End)
            && EndsAsTold(file, index);
        if (fits) return index;
        if (end <= _positions.Flushed || nextFirst is not null) _rebuilt++;
        return null;
    }

    /// <summary>Whether the last records that an index tells of are the segment's.</summary>
    private static bool EndsAsTold(IFile file, SegmentIndex index)
    {
        var position = index.Totals.Position;
        var bytes = position.End.DistanceFrom(index.Before.End);
        if (bytes == 0) return true;
        if (index.Entries.Length == 0) return false;
        var entry = index.EntryBefore(bytes);
        if (entry.Ordinal == 0 || entry.Offset >= bytes) return false;
        var before = index.Before with { Vlsn = index.Before.Vlsn.Plus(entry.Ordinal - 1), End = index.Before.End.Plus(entry.Offset) };
        using var scanner = new RecordScanner(
            file, SegmentHeader.Size + bytes, before, SegmentHeader.Size + entry.Offset, chained: false);
        while (scanner.MoveNext())
        {
            // Only the end matters here.
        }

        return scanner.Fault is null && scanner.Position == position;
    }

    /// <summary>Reads what the index does not cover, and finds the end.</summary>
    private void ScanRest(Segment segment, Lsn? nextFirst)
    {
        var from = segment.Totals.Position;
        var limit = segment.File.Length;
        if (_pendingCut is not null) limit = Math.Min(limit, segment.FilePosition(_pendingCut.Position.End));
        using var scanner = new RecordScanner(segment.File, limit, from, segment.FilePosition(from.End), chained: true);
        while (scanner.MoveNext()) segment.Index.Add(scanner.Header);
        var end = scanner.Position;
        _scanned += end.End.DistanceFrom(from.End);

        var restIsZero = scanner.Fault is not null && scanner.RestIsZero();
        if (end.End < _positions.Flushed && (nextFirst is null || end.End < nextFirst))
        {
            if (scanner.Fault is not null && !restIsZero) throw segment.Damaged(scanner.NextAt, end.Vlsn.Next, scanner.Fault);
            throw new DamageException(
                segment.Path, scanner.NextAt, $"record {end.Vlsn.Next}", $"a log flushed up to byte {_positions.Flushed}",
                $"the records end at byte {end.End}", DamageException.RestoreAdvice);
        }

        if (scanner.Fault is null || restIsZero)
        {
            segment.ZeroedTo = restIsZero ? limit : 0;
            return;
        }

        if (nextFirst is not null && _nothingWasLost) throw segment.Damaged(scanner.NextAt, end.Vlsn.Next, scanner.Fault);
        Tear(segment.Path, scanner.NextAt, scanner.Fault.ToString(), end.Vlsn);
    }

    private void Tear(string path, long position, string fault, Vlsn? after = null)
    {
        var last = after ?? (_segments is [.., var segment] ? segment.Totals.Position.Vlsn : Vlsn.Null);
        _torn = new TornTail(path, position, last, Bytes: 0, fault);
    }

    /// <summary>What another group or a newer version has written is no torn tail.</summary>
    private void MustBeOurs(List<(Lsn First, string Path)> names, TornTail torn)
    {
        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        foreach (var (first, path) in names.SkipWhile(name => name.Path != torn.File).Skip(1))
        {
            using var file = _files.Open(path, Opening);
            try
            {
                SegmentHeader.Read(header[..file.Read(0, header)], path, _directory.Identity.Group, first);
            }
            catch (DamageException)
            {
                // It was being made when the machine stopped.
            }
        }
    }

    /// <summary>Removes what lies behind the tear: the segments after it, then the rest of its own. Counts the bytes.</summary>
    private void DropTail(List<(Lsn First, string Path)> names)
    {
        var torn = _torn!;
        var dropped = 0L;
        MustBeOurs(names, torn);
        for (var i = names.Count - 1; i >= 0; i--)
        {
            var path = names[i].Path;
            var isTorn = path == torn.File;
            using (var file = _files.Open(path, Opening))
            {
                dropped += file.Length - (isTorn ? torn.Position : 0);
                if (isTorn && torn.Position > 0 && !_directory.IsReadOnly)
                {
                    file.SetLength(torn.Position);
                    file.Flush();
                }
            }

            if ((!isTorn || torn.Position == 0) && !_directory.IsReadOnly) LogCut.RemoveSegment(_files, path);
            if (isTorn) break;
        }

        if (!_directory.IsReadOnly) _files.FlushDirectory(_directory.LogPath);
        _torn = torn with { Bytes = dropped };
    }
}
