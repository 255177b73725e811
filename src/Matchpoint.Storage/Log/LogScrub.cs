using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>
/// Reads a log again, a little at a time, while it is written and read by others: the header of each segment, and each record with its CRC and its place in the chain. It holds back nothing
/// that is to be removed and that it has read.
/// </summary>
internal sealed class LogScrub : IDisposable
{
    private readonly DataDirectory _directory;
    private readonly LogView _view;
    private readonly RecordReader _reader;
    private string _path = "";
    private LogPosition? _before;

    /// <summary>Begins with the oldest record of a log.</summary>
    public LogScrub(RecordLog log)
    {
        _directory = log.Directory;
        _view = log.View();
        _reader = _view.ReadFrom(_view.First);
    }

    /// <summary>Reads on.</summary>
    /// <param name="bytes">About so many bytes.</param>
    /// <param name="read">How many it were.</param>
    /// <returns>Whether there is more.</returns>
    /// <exception cref="DamageException">Something is damaged.</exception>
    /// <exception cref="LogCutException">The log was cut below what was to be read.</exception>
    public bool Read(long bytes, out long read)
    {
        read = 0;
        while (read < bytes)
        {
            if (!_reader.MoveNext()) return false;
            if (_reader.Path != _path) BeginSegment();
            read += _reader.Header.Length;
            _before = new LogPosition(_reader.Header.Vlsn, _reader.Lsn.Plus(_reader.Header.Length), _reader.Header.Fingerprint, _reader.Header.Term);
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _view.Dispose();
    }

    private void BeginSegment()
    {
        _path = _reader.Path;
        _view.Release(_reader.Header.Vlsn.Previous);
        if (!SegmentHeader.TryParseName(Path.GetFileName(_path), out var first)) return;
        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        using var file = _directory.Files.Open(_path, FileOpening.Read);
        var before = SegmentHeader.Read(header[..file.Read(0, header)], _path, _directory.Identity.Group, first);
        if (_before is not { } expected || expected == before) return;
        throw new DamageException(
            _path, 32, "segment header: what lies before the segment", $"record {expected.Vlsn}, fingerprint {expected.Fingerprint}, term {expected.Term}",
            $"record {before.Vlsn}, fingerprint {before.Fingerprint}, term {before.Term}", DamageException.RestoreAdvice);
    }
}
