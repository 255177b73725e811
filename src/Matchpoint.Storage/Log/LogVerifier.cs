using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>What a verification found.</summary>
internal sealed record VerifyReport
{
    /// <summary>Segments read.</summary>
    public required int Segments { get; init; }

    /// <summary>Sound records read.</summary>
    public required long Records { get; init; }

    /// <summary>Bytes of sound records.</summary>
    public required long Bytes { get; init; }

    /// <summary>Every damaged place, in the order of the log.</summary>
    public required IReadOnlyList<StorageException> Damage { get; init; }

    /// <summary>What is not damage but worth knowing: a torn tail, an index that will be made anew.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>
/// Reads every byte of a log, trusting no index, and lists every place that is not as it was written. It goes on behind damage with the next segment,
/// whose header tells anew where the log stands.
/// </summary>
internal sealed class LogVerifier
{
    private readonly DataDirectory _directory;
    private readonly CancellationToken _cancellation;
    private readonly List<StorageException> _damage = [];
    private readonly List<string> _notes = [];
    private LogPosition? _expected;
    private Positions _positions;
    private bool _tailIsOpen = true;
    private CutIntent? _cut;
    private int _segments;
    private long _records;
    private long _bytes;

    private LogVerifier(DataDirectory directory, CancellationToken cancellation)
    {
        _directory = directory;
        _cancellation = cancellation;
    }

    /// <summary>Verifies the log of a directory. Nothing in it is changed.</summary>
    public static VerifyReport Verify(DataDirectory directory, CancellationToken cancellation) =>
        new LogVerifier(directory, cancellation).Run();

    private VerifyReport Run()
    {
        ReadPositions();
        var names = _directory.Files.ListFiles(_directory.LogPath);
        var last = names.LastOrDefault(name => SegmentHeader.TryParseName(name, out _));
        foreach (var name in names)
        {
            _cancellation.ThrowIfCancellationRequested();
            if (!SegmentHeader.TryParseName(name, out var first)) continue;
            if (first < _positions.Head || (_cut is not null && first >= _cut.Position.End)) continue;
            VerifySegment(Path.Combine(_directory.LogPath, name), first, isLast: name == last);
        }

        var end = _expected?.End ?? Lsn.Zero;
        if (_damage.Count == 0 && end < _positions.Flushed)
        {
            _damage.Add(new DamageException(
                _directory.LogPath, 0, "end of the log", $"a log flushed up to byte {_positions.Flushed}", $"one that ends at byte {end}",
                DamageException.RestoreAdvice));
        }

        return new VerifyReport { Segments = _segments, Records = _records, Bytes = _bytes, Damage = _damage, Notes = _notes };
    }

    private void ReadPositions()
    {
        try
        {
            _cut = CutIntent.TryRead(_directory.Files, _directory.CutPath);
            if (_cut is not null) _notes.Add($"A cut behind record {_cut.Position.Vlsn} is not finished; the next open finishes it.");
            var positions = PositionsFile.Read(_directory.Files, _directory.PositionsPath);
            if (positions is null) _notes.Add("There is no positions file: which records were flushed or known durable is not known.");
            _positions = positions ?? Positions.FromSegments(_directory.Files, _directory.LogPath);
        }
        catch (StorageException damage)
        {
            _damage.Add(damage);
            _positions = Positions.FromSegments(_directory.Files, _directory.LogPath);
        }

        if (_cut is null) return;
        if (_cut.Position.End < _positions.Flushed) _positions = _positions with { Flushed = _cut.Position.End };
        if (_cut.Position.Vlsn.IsNull) _positions = _positions with { Head = Lsn.Zero };
    }

    private void VerifySegment(string path, Lsn first, bool isLast)
    {
        _segments++;
        using var file = _directory.Files.Open(path, FileOpening.Read);
        LogPosition before;
        try
        {
            Span<byte> header = stackalloc byte[SegmentHeader.Size];
            before = SegmentHeader.Read(header[..file.Read(0, header)], path, _directory.Identity.Group, first);
        }
        catch (DamageException damage) when (first >= _positions.Flushed && (first > _positions.Head || first == Lsn.Zero))
        {
            _tailIsOpen = false;
            _notes.Add($"{damage.File}: not flushed when the node stopped; the next open removes it. ({damage.What})");
            return;
        }
        catch (StorageException damage)
        {
            _damage.Add(damage);
            _expected = null;
            return;
        }

        MustContinue(path, before);
        VerifyRecords(path, file, before, isLast);
    }

    private void MustContinue(string path, in LogPosition before)
    {
        var expected = _expected;
        if (_segments == 1)
        {
            var isStart = before.End == Lsn.Zero || _positions.Head == Lsn.Zero;
            expected = isStart ? LogPosition.Start(_directory.Identity.Group) : before with { End = _positions.Head };
        }

        if (expected is not { } position || position == before) return;
        // A hole behind what was flushed: the segments were made, and what was to be before them was not written.
        if (position.End >= _positions.Flushed && before.End > position.End) _tailIsOpen = false;
        if (!_tailIsOpen)
        {
            _notes.Add($"{path}: lies behind a torn end; the next open removes it.");
            return;
        }

        _damage.Add(new DamageException(
            path, 32, "segment header: what lies before the segment",
            $"byte {position.End}, record {position.Vlsn}, fingerprint {position.Fingerprint}",
            $"byte {before.End}, record {before.Vlsn}, fingerprint {before.Fingerprint}", DamageException.RestoreAdvice));
    }

    private void VerifyRecords(string path, IFile file, in LogPosition before, bool isLast)
    {
        var limit = file.Length;
        if (_cut is not null) limit = Math.Min(limit, SegmentHeader.Size + _cut.Position.End.DistanceFrom(before.End));
        using var scanner = new RecordScanner(file, limit, before);
        var index = new SegmentIndex(before);
        while (scanner.MoveNext())
        {
            index.Add(scanner.Header);
            _records++;
            _bytes += scanner.Header.Length;
            if (scanner.Header.Kind is RecordKind.Commit or RecordKind.Piece
                && !TransactionPayload.TryRead(scanner.Payload, scanner.Header.Vlsn, out _, out var payloadFault))
            {
                _damage.Add(Segment.Damaged(path, scanner.RecordAt, scanner.Header.Vlsn, payloadFault));
            }
        }

        _expected = scanner.Position;
        if (scanner.Fault is not null && !scanner.RestIsZero()) VerifyFault(path, scanner, limit);
        else if (!isLast || _cut is null) CompareIndex(path, before, index);
    }

    private void VerifyFault(string path, RecordScanner scanner, long limit)
    {
        if (scanner.Position.End >= _positions.Flushed)
        {
            _tailIsOpen = false;
            _notes.Add(
                $"{path} at byte {scanner.NextAt}: the log is torn behind record {scanner.Position.Vlsn} ({scanner.Fault}); "
                + $"{limit - scanner.NextAt} bytes were never flushed, or are being written now. The next open cuts them off.");
            return;
        }

        _damage.Add(Segment.Damaged(path, scanner.NextAt, scanner.Position.Vlsn.Next, scanner.Fault!));
        _expected = null;
    }

    private void CompareIndex(string path, in LogPosition before, SegmentIndex scanned)
    {
        if (!_directory.Files.FileExists(IndexFile.PathOf(path))) return;
        var stored = IndexFile.TryRead(_directory.Files, path, before);
        if (stored is null)
        {
            _notes.Add($"{IndexFile.PathOf(path)}: cannot be used; the next open makes it anew.");
            return;
        }

        // The index of the last segment is as old as the last clean close: it may cover less.
        if (stored.Totals.Position.End < scanned.Totals.Position.End) return;
        Invariant.Holds(stored.Before == scanned.Before, $"an index that begins at {stored.Before} was taken for one at {scanned.Before}.");
        if (stored.Totals != scanned.Totals) _notes.Add($"{IndexFile.PathOf(path)}: does not fit its segment; the next open makes it anew.");
    }
}
