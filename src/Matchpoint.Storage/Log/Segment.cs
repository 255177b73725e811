using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>One segment file of the log with its index. What it holds is bounded by <see cref="Totals"/>: bytes behind that are
/// not the log's (room made ahead, or a write under way).</summary>
internal sealed class Segment : IDisposable
{
    private readonly IFileSystem _files;
    private readonly FileOpening _opening;
    private readonly Lock _gate = new();
    private volatile SegmentIndex _index;
    private IFile? _file;
    private bool _disposed;

    /// <summary>A segment whose file exists.</summary>
    public Segment(IFileSystem files, string path, SegmentIndex index, FileOpening opening, IFile? file = null)
    {
        _files = files;
        _opening = opening;
        _file = file;
        Path = path;
        _index = index;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Where records lie in it; another one after the segment was cut.</summary>
    public SegmentIndex Index
    {
        get => _index;
        set => _index = value;
    }

    /// <summary>Where the log stands before its first record.</summary>
    public LogPosition Before => Index.Before;

    /// <summary>What it holds now.</summary>
    public SegmentTotals Totals => Index.Totals;

    /// <summary>Bytes of records in it.</summary>
    public long RecordBytes => Totals.Position.End.DistanceFrom(Before.End);

    /// <summary>Up to which position in the file zeros were written ahead; below that a flush has no new length to record.</summary>
    public long ZeroedTo { get; set; }

    /// <summary>The open file; opened when it is first needed.</summary>
    public IFile File
    {
        get
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                return _file ??= _files.Open(Path, _opening);
            }
        }
    }

    /// <summary>The position in the file of a byte of the log.</summary>
    public long FilePosition(Lsn lsn) => SegmentHeader.Size + lsn.DistanceFrom(Before.End);

    /// <summary>Walks the segment from its start to what it holds now.</summary>
    public RecordScanner Scan() => new(File, FilePosition(Totals.Position.End), Before);

    /// <summary>Walks the segment from the index entry at or before a record.</summary>
    public RecordScanner ScanFrom(SegmentIndex.Entry entry)
    {
        var before = Before with
        {
            Vlsn = Before.Vlsn.Plus(entry.Ordinal - 1),
            End = Before.End.Plus(entry.Offset),
        };
        return new RecordScanner(
            File, FilePosition(Totals.Position.End), before, SegmentHeader.Size + entry.Offset, chained: entry.Offset == 0);
    }

    /// <summary>The damage at a place of this segment, in words.</summary>
    public DamageException Damaged(long position, Vlsn vlsn, RecordFault fault) => Damaged(Path, position, vlsn, fault);

    /// <summary>The damage at a place of a segment file, in words.</summary>
    public static DamageException Damaged(string path, long position, Vlsn vlsn, RecordFault fault) => new(
        path, position, $"record {vlsn}: {fault.FieldName}", fault.Expected, fault.Found, DamageException.RestoreAdvice);

    /// <summary>The name stands for another file now, of the same content.</summary>
    public void Reopen()
    {
        lock (_gate)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _file?.Dispose();
        }
    }
}
