using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Repairs;

/// <summary>
/// Finds the first place of a closed log that is damaged: reads every byte and trusts no index. What a crash may have torn is no damage: opening the log deals with that.
/// </summary>
internal sealed class LogSurvey
{
    private readonly DataDirectory _directory;
    private readonly Positions _positions;
    private readonly bool _nothingWasLost;
    private readonly Lsn? _cutAt;
    private readonly List<(Lsn First, string Path)> _names = [];

    private LogSurvey(DataDirectory directory)
    {
        _directory = directory;
        var files = directory.Files;
        _positions = PositionsFile.Read(files, directory.PositionsPath) ?? Positions.FromSegments(files, directory.LogPath);
        _nothingWasLost = _positions.BootId != Guid.Empty && _positions.BootId == files.BootId;
        if (CutIntent.TryRead(files, directory.CutPath) is { } intent)
        {
            _cutAt = intent.Position.End;
            if (_cutAt < _positions.Flushed) _positions = _positions with { Flushed = intent.Position.End };
            if (intent.Position.Vlsn.IsNull) _positions = _positions with { Head = Lsn.Zero };
        }

        foreach (var name in files.ListFiles(directory.LogPath))
        {
            if (!SegmentHeader.TryParseName(name, out var first) || first < _positions.Head || first >= _cutAt) continue;
            _names.Add((first, Path.Combine(directory.LogPath, name)));
        }
    }

    /// <summary>Finds the first gap of a directory's log; null when there is none.</summary>
    /// <param name="directory">The directory. Nobody writes its log meanwhile.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="StorageException">Something else than a segment is damaged, or of another group.</exception>
    public static LogGap? FindFirst(DataDirectory directory, CancellationToken cancellation) => new LogSurvey(directory).Find(cancellation);

    private LogGap? Find(CancellationToken cancellation)
    {
        LogPosition? expected = _positions.Head == Lsn.Zero ? LogPosition.Start(_directory.Identity.Group) : null;
        var end = _positions.Head;
        for (var i = 0; i < _names.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var (first, path) = _names[i];
            Lsn? next = i + 1 < _names.Count ? _names[i + 1].First : null;
            if (end < first)
            {
                if (end >= _positions.Flushed && !_nothingWasLost) return null; // A hole above what was flushed is a torn end.
                return Missing(end, expected, first, HeaderOf(i));
            }

            var header = ReadHeader(first, path, out var damage);
            if (header is null)
            {
                if (first >= _positions.Flushed && (first > _positions.Head || first == Lsn.Zero)) return null;
                return new LogGap(path, first, expected, expected, HeaderOf(i + 1), next ?? _positions.Flushed, damage!);
            }

            if (expected is { } before && before != header)
            {
                damage = Damage(path, 32, "segment header: what lies before the segment", $"record {before.Vlsn}, fingerprint {before.Fingerprint}",
                    $"record {header.Value.Vlsn}, fingerprint {header.Value.Fingerprint}");
                return new LogGap(path, first, before, before, HeaderOf(i + 1), next ?? _positions.Flushed, damage);
            }

            if (Scan(path, header.Value, next, HeaderOf(i + 1), out var position) is { } gap) return gap;
            if (next is { } following && position.End < following && position.End >= _positions.Flushed && !_nothingWasLost) return null;
            (expected, end) = (position, position.End);
        }

        if (end >= _positions.Flushed) return null;
        return _names.Count == 0
            ? Missing(end, expected, _positions.Flushed, after: null)
            : new LogGap(_names[^1].Path, _names[^1].First, null, expected, null, _positions.Flushed, Damage(_names[^1].Path, SegmentHeader.Size + end.DistanceFrom(_names[^1].First),
                "end of the log", $"a log flushed up to byte {_positions.Flushed}", $"one that ends at byte {end}"));
    }

    private LogGap? Scan(string path, in LogPosition before, Lsn? next, LogPosition? after, out LogPosition position)
    {
        using var file = _directory.Files.Open(path, FileOpening.Read);
        var limit = file.Length;
        if ((next ?? _cutAt) is { } bound) limit = Math.Min(limit, SegmentHeader.Size + bound.DistanceFrom(before.End));
        using var scanner = new RecordScanner(file, limit, before);
        while (scanner.MoveNext())
        {
            // Each is proved by that.
        }

        position = scanner.Position;
        var must = next ?? _positions.Flushed;
        if (position.End >= must) return null;
        if (position.End >= _positions.Flushed && !(_nothingWasLost && next is not null)) return null;
        var vlsn = position.Vlsn.Next;
        var damage = scanner.Fault is { } fault && !scanner.RestIsZero()
            ? Segment.Damaged(path, scanner.NextAt, vlsn, fault)
            : Damage(path, scanner.NextAt, $"record {vlsn}", $"records up to byte {must} of the log", $"the records end at byte {position.End}");
        return new LogGap(path, before.End, before, position, after, must, damage);
    }

    private LogGap Missing(Lsn from, LogPosition? before, Lsn to, LogPosition? after)
    {
        var path = Path.Combine(_directory.LogPath, SegmentHeader.FileName(from));
        return new LogGap(path, from, before, before, after, to, Damage(path, 0, "segments", $"one that begins at byte {from}", "none"));
    }

    private LogPosition? HeaderOf(int index) => index < _names.Count ? ReadHeader(_names[index].First, _names[index].Path, out _) : null;

    private LogPosition? ReadHeader(Lsn first, string path, out DamageException? damage)
    {
        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        using var file = _directory.Files.Open(path, FileOpening.Read);
        try
        {
            damage = null;
            return SegmentHeader.Read(header[..file.Read(0, header)], path, _directory.Identity.Group, first);
        }
        catch (DamageException found)
        {
            damage = found;
            return null;
        }
    }

    private static DamageException Damage(string path, long at, string what, string expected, string found) => new(path, at, what, expected, found, DamageException.RestoreAdvice);
}
