using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>
/// Reads a log again, a little at a time, while it is written and read by others: the header of each segment, and each record with its CRC and its place in the chain, up to the last one that
/// there was in the beginning. It holds no log between two looks, for they may lie as far apart as a copy takes: what was removed meanwhile it passes over, and what was cut off and written anew
/// is another chain.
/// </summary>
internal sealed class LogScrub
{
    private readonly RecordLog _log;
    private readonly DataDirectory _directory;
    private readonly Vlsn _last;
    private Vlsn _next = Vlsn.First;
    private string _path = "";
    private LogPosition? _before;

    /// <summary>Begins with the oldest record of a log.</summary>
    public LogScrub(RecordLog log)
    {
        _log = log;
        _directory = log.Directory;
        using var view = log.View();
        _last = view.Last;
    }

    /// <summary>Reads on.</summary>
    /// <param name="bytes">About so many bytes.</param>
    /// <param name="read">How many it were.</param>
    /// <returns>Whether there is more.</returns>
    /// <exception cref="DamageException">Something is damaged.</exception>
    /// <exception cref="LogCutException">The log was cut, while it read, below what was to be read.</exception>
    public bool Read(long bytes, out long read)
    {
        read = 0;
        using var view = _log.View();
        if (_before is { } before && !(view.Holds(before.Vlsn) && view.PositionAt(before.Vlsn) == before)) _before = null;
        using var reader = view.ReadFrom(Vlsn.Max(_next, view.First));
        while (read < bytes)
        {
            if (_next > _last || !reader.MoveNext()) return false;
            if (reader.Path != _path) BeginSegment(reader);
            read += reader.Header.Length;
            _before = new LogPosition(reader.Header.Vlsn, reader.Lsn.Plus(reader.Header.Length), reader.Header.Fingerprint, reader.Header.Term);
            _next = reader.Header.Vlsn.Next;
        }

        return true;
    }

    private void BeginSegment(RecordReader reader)
    {
        _path = reader.Path;
        if (!SegmentHeader.TryParseName(Path.GetFileName(_path), out var first)) return;
        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        using var file = _directory.Files.Open(_path, FileOpening.Read);
        var before = SegmentHeader.Read(header[..file.Read(0, header)], _path, _directory.Identity.Group, first);
        // In a log that was cut and has grown anew the next record may lie within a segment.
        if (_before is not { } expected || reader.Lsn != first || expected == before) return;
        throw new DamageException(
            _path, 32, "segment header: what lies before the segment", $"record {expected.Vlsn}, fingerprint {expected.Fingerprint}, term {expected.Term}",
            $"record {before.Vlsn}, fingerprint {before.Fingerprint}, term {before.Term}", DamageException.RestoreAdvice);
    }
}
