using System.Globalization;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Storage.Repairs;

/// <summary>
/// Exports what can still be read of a damaged log and may be nowhere else, before it is set aside: everything above what is known to be durable, also behind the damage, as far as it can be
/// found there.
/// </summary>
internal sealed class LostRecords
{
    private readonly DataDirectory _directory;
    private readonly List<List<Segment>> _runs = [];

    private LostRecords(DataDirectory directory) => _directory = directory;

    /// <summary>Writes the exports, and makes them final.</summary>
    /// <param name="directory">The directory. Nobody writes its log meanwhile.</param>
    /// <param name="from">What lies before this byte stays in the log, and is not exported.</param>
    /// <param name="durable">What is known to be durable is on other nodes.</param>
    /// <param name="now">The time.</param>
    /// <returns>The exports.</returns>
    public static IReadOnlyList<string> Export(DataDirectory directory, Lsn from, Vlsn durable, DateTimeOffset now)
    {
        var records = new LostRecords(directory);
        var exports = new List<string>();
        try
        {
            records.Find();
            foreach (var run in records._runs)
            {
                using var view = LogView.Of(directory, [.. run], durable);
                if (view.End.End > from && records.Export(view, durable, now) is { } export) exports.Add(export);
            }
        }
        finally
        {
            foreach (var segment in records._runs.SelectMany(static run => run)) segment.Dispose();
        }

        return exports;
    }

    private string? Export(LogView view, Vlsn durable, DateTimeOffset now)
    {
        if (view.First.IsNull) return null;
        var matchpoint = Vlsn.Max(durable, view.First.Previous);
        if (view.Last <= matchpoint) return null;
        var counts = view.CountAbove(matchpoint);
        if (counts.Commits == 0) return null;
        var name = RollbackExporter.Write(_directory, view, new RollbackHeader
        {
            Group = _directory.Identity.Group,
            Node = _directory.Identity.Node,
            Matchpoint = matchpoint,
            Last = view.Last,
            LastFingerprint = view.End.Fingerprint,
            Records = counts.Records,
            Commits = counts.Commits,
            Acknowledged = counts.UnconditionalCommits,
            Row = 5,
            Reason = "the log was found damaged and is fetched again; whether the group has these is not known here",
            ExportedAt = now,
        }, refused: false);
        LogCut.FinishExport(_directory, name);
        return name;
    }

    /// <summary>Runs of records that continue each other, in the order of the log.</summary>
    private void Find()
    {
        var files = _directory.Files;
        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        foreach (var name in files.ListFiles(_directory.LogPath))
        {
            if (!SegmentHeader.TryParseName(name, out var first)) continue;
            var path = Path.Combine(_directory.LogPath, name);
            using var file = files.Open(path, FileOpening.Read);
            try
            {
                var before = SegmentHeader.Read(header[..file.Read(0, header)], path, _directory.Identity.Group, first);
                FindIn(file, before);
            }
            catch (DamageException)
            {
                // Where its records stand nobody knows.
            }
        }
    }

    private void FindIn(IFile file, in LogPosition before)
    {
        var index = new SegmentIndex(before);
        long behind;
        using (var scanner = new RecordScanner(file, file.Length, before))
        {
            while (scanner.MoveNext()) index.Add(scanner.Header);
            behind = scanner.NextAt;
        }

        Add(new Segment(_directory.Files, file.Path, index, FileOpening.Read));
        FindBehind(file, behind, index.Totals.Position);
    }

    /// <summary>Behind a damaged record the next one is found if the length of the damaged one is right, and proved if its fingerprint is.</summary>
    private void FindBehind(IFile file, long at, in LogPosition position)
    {
        Span<byte> bytes = stackalloc byte[RecordHeader.Size];
        if (file.Read(at, bytes) < bytes.Length || RecordCodec.TryReadHeader(bytes, out var damaged) is not null || damaged.Vlsn != position.Vlsn.Next) return;
        var before = position.After(damaged);
        using var scanner = new RecordScanner(file, file.Length, before, at + damaged.Length, chained: true);
        if (!scanner.MoveNext()) return;
        var index = new SegmentIndex(before);
        var path = NewName(before.End);
        using (var island = _directory.Files.Open(path, FileOpening.CreateNew))
        {
            Span<byte> header = stackalloc byte[SegmentHeader.Size];
            SegmentHeader.Write(header, _directory.Identity.Group, before);
            island.Write(0, header);
            do
            {
                island.Write(SegmentHeader.Size + scanner.Position.End.DistanceFrom(before.End) - scanner.Header.Length, scanner.Record);
                index.Add(scanner.Header);
            }
            while (scanner.MoveNext());
            island.Flush();
        }

        _directory.Files.FlushDirectory(_directory.DamagedPath);
        Add(new Segment(_directory.Files, path, index, FileOpening.Read));
    }

    private void Add(Segment segment)
    {
        if (_runs is [.., var run] && run[^1].Totals.Position == segment.Before) run.Add(segment);
        else _runs.Add([segment]);
    }

    private string NewName(Lsn first)
    {
        _directory.Files.CreateDirectory(_directory.DamagedPath);
        for (var i = 1; ; i++)
        {
            var path = Path.Combine(_directory.DamagedPath, string.Create(CultureInfo.InvariantCulture, $"behind-{SegmentHeader.FileName(first)}.{i}"));
            if (!_directory.Files.FileExists(path)) return path;
        }
    }
}
