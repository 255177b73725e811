using System.Collections.Immutable;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Storage.Copies;

/// <summary>
/// A full copy that others may fetch: a picture of the state, and the log from the record that the picture stands at to a durable one. Nothing of it changes and nothing of it goes as
/// long as it is not disposed, whatever the node does meanwhile. Its files are held open, and no more: the log may be trimmed under it, for a copy can take, or wait for its member, longer than
/// the log may grow.
/// </summary>
internal sealed class CopySource : IDisposable
{
    private readonly DataDirectory _directory;
    private readonly IStateStore _states;
    private readonly string _path;
    private readonly List<IFile> _files = [];

    private CopySource(DataDirectory directory, IStateStore states, string path)
    {
        _directory = directory;
        _states = states;
        _path = path;
    }

    /// <summary>What it consists of.</summary>
    public CopyOffer Offer { get; private set; }

    /// <summary>The first record in its log.</summary>
    public Vlsn First { get; private set; }

    /// <summary>Where its log ends.</summary>
    public LogPosition End { get; private set; }

    /// <summary>Takes a picture, and reads for its digests what is not known of it.</summary>
    /// <param name="directory">The node's directory.</param>
    /// <param name="states">The kind of its state.</param>
    /// <param name="log">Its log.</param>
    /// <param name="state">Its state.</param>
    /// <param name="durable">A record that is durable and written here.</param>
    /// <param name="id">What the copy is called.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="known">The digests of an earlier picture of the same open state; from now on those of this one. Null to read everything.</param>
    /// <param name="openBytes">So many bytes of log a transaction's first piece may lie below its commit.</param>
    /// <exception cref="StorageException">The picture cannot be taken, or what it is to hold is damaged.</exception>
    public static CopySource Create(
        DataDirectory directory, IStateStore states, RecordLog log, IState state, Vlsn durable, Guid id, CancellationToken cancellation, KnownDigests? known = null,
        long openBytes = long.MaxValue)
    {
        var files = directory.Files;
        files.CreateDirectory(directory.SnapshotsPath);
        var path = Path.Combine(directory.SnapshotsPath, id.ToString("N"));
        // The segment that the picture begins in must not go between the picture and the view.
        using var early = log.View();
        var before = state.Applied.Vlsn;
        state.Checkpoint(path);
        using var view = log.View();
        var source = new CopySource(directory, states, path);
        try
        {
            source.Describe(view, before, state.Applied.Vlsn, durable, id, known, openBytes, cancellation);
            known?.Remember(source.Offer.Files);
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Removes the pictures that an earlier run of the node left.</summary>
    public static void RemoveLeftOver(DataDirectory directory, IStateStore states) => states.Remove(directory.SnapshotsPath);

    /// <summary>Reads a chunk.</summary>
    /// <param name="file">The file, counted from 0.</param>
    /// <param name="chunk">The chunk in it, counted from 0.</param>
    /// <param name="buffer">Filled with as many bytes as the chunk has.</param>
    /// <returns>How many bytes it has.</returns>
    /// <exception cref="DamageException">What was read is not what was described: the disk has lost it since.</exception>
    public int Read(int file, int chunk, Span<byte> buffer)
    {
        var described = Offer.Files[file];
        var length = described.LengthOf(chunk);
        var position = (long)chunk * Limits.ChunkBytes;
        var opened = _files[file];
        var read = opened.Read(position, buffer[..length]);
        var digest = ChunkDigest.Of(buffer[..read]);
        if (read == length && digest == described.Chunks[chunk]) return length;
        throw Damaged(opened.Path, position, "a chunk of a copy", $"{length} bytes with digest {described.Chunks[chunk]}", $"{read} with {digest}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
        _states.Remove(_path);
    }

    private void Describe(LogView view, Vlsn before, Vlsn applied, Vlsn durable, Guid id, KnownDigests? known, long openBytes, CancellationToken cancellation)
    {
        // The picture stands at or above the record that was applied before it was taken; the log's part begins with the segment that holds that one, or the pieces that are read behind it.
        var end = view.PositionAt(Vlsn.Min(Vlsn.Max(durable, applied), view.Last));
        End = end;
        var needed = NeededAfter(view, before, openBytes);
        var wanted = new List<(string Name, string Path, long Length, LogPosition? Before)>();
        foreach (var (path, segment, totals) in view.Segments)
        {
            if (segment.End >= end.End && wanted.Count > 0) break;
            if (totals.Position.Vlsn < needed && totals.Position.End < end.End) continue;
            if (wanted.Count == 0) First = segment.Vlsn.Next;
            var last = totals.Position.End < end.End ? totals.Position.End : end.End;
            wanted.Add(("log/" + Path.GetFileName(path), path, SegmentHeader.Size + last.DistanceFrom(segment.End), segment));
        }

        foreach (var name in _directory.Files.ListFiles(_path).Where(static name => name != "LOCK" && CopyFile.IsPlain("state/" + name)))
            wanted.Add(("state/" + name, Path.Combine(_path, name), -1, null));
        wanted.Sort(static (one, other) => string.CompareOrdinal(one.Name, other.Name));
        var described = ImmutableArray.CreateBuilder<CopyFile>(wanted.Count);
        foreach (var (name, path, length, segmentBefore) in wanted)
        {
            var file = _directory.Files.Open(path, FileOpening.Read);
            _files.Add(file);
            var wholeLength = length < 0 ? file.Length : length;
            if (segmentBefore is { } start) Prove(view, file, wholeLength, start, cancellation);
            described.Add(known?.TryGet(name, wholeLength) ?? Digest(name, file, wholeLength, cancellation));
        }

        Offer = new CopyOffer(id, Vlsn.Min(applied, end.Vlsn), end.Vlsn, described.MoveToImmutable());
    }

    /// <summary>
    /// The record behind which the log's part must begin at the latest. Pieces of a transaction may lie below what is applied while its commit lies above, or is yet to come: whoever has the copy
    /// reads them back from its log then. What a primary has not committed its successors do not.
    /// </summary>
    private static Vlsn NeededAfter(LogView view, Vlsn applied, long openBytes)
    {
        var open = new SortedSet<Vlsn>();
        var below = view.Segments.Where(segment => segment.Before.Vlsn < applied).ToList();
        foreach (var (_, before, totals) in below)
        {
            var isFar = below[^1].Before.End.DistanceFrom(totals.Position.End) > openBytes;
            var areCommits = totals.Commits == totals.Position.Vlsn.DistanceFrom(before.Vlsn);
            if (isFar || (areCommits && open.Count == 0)) continue;
            using var reader = view.ReadFrom(before.Vlsn.Next);
            while (reader.MoveNext() && reader.Header.Vlsn <= Vlsn.Min(applied, totals.Position.Vlsn)) Note(reader, open);
        }

        return open.Count == 0 ? applied : Vlsn.Min(applied, open.Min.Previous);
    }

    private static void Note(RecordReader reader, SortedSet<Vlsn> open)
    {
        if (reader.Header.Kind == RecordKind.TermStart) open.Clear();
        if (reader.Header.Kind is not (RecordKind.Piece or RecordKind.Commit)) return;
        var transaction = reader.ReadTransaction();
        if (reader.Header.Kind == RecordKind.Piece) open.Add(transaction.FirstPiece.IsNull ? reader.Header.Vlsn : transaction.FirstPiece);
        else if (!transaction.FirstPiece.IsNull) open.Remove(transaction.FirstPiece);
    }

    /// <summary>Requires that a segment is sound as far as it is copied: a digest is of whatever is there, and whoever has the copy would be told too late.</summary>
    private void Prove(LogView view, IFile file, long length, in LogPosition before, CancellationToken cancellation)
    {
        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        SegmentHeader.Read(header[..file.Read(0, header)], file.Path, _directory.Identity.Group, before.End);
        using var scanner = new RecordScanner(file, length, before);
        while (scanner.MoveNext()) cancellation.ThrowIfCancellationRequested();
        if (scanner.Fault is not { } fault) return;
        view.MustHold(End.Vlsn); // What was cut off meanwhile is no damage.
        throw Segment.Damaged(file.Path, scanner.NextAt, scanner.Position.Vlsn.Next, fault);
    }

    /// <summary>The files of the picture are the state's own under other names: what is damaged, and to be mended, is the state.</summary>
    private DamageException Damaged(string path, long position, string what, string expected, string found) => Path.GetDirectoryName(path) == _path
        ? new DamageException(_directory.StatePath, 0, $"{what}: byte {position} of {Path.GetFileName(path)}", expected, found, DamageException.RestoreAdvice)
        : new DamageException(path, position, what, expected, found, DamageException.RestoreAdvice);

    private CopyFile Digest(string name, IFile file, long length, CancellationToken cancellation)
    {
        var buffer = new byte[Limits.ChunkBytes];
        var chunks = ImmutableArray.CreateBuilder<ChunkDigest>();
        for (var position = 0L; position < length; position += Limits.ChunkBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            var wanted = (int)Math.Min(Limits.ChunkBytes, length - position);
            var read = file.Read(position, buffer.AsSpan(0, wanted));
            if (read < wanted)
                throw Damaged(file.Path, position + read, "length", $"{length} bytes or more", $"{position + read}");
            chunks.Add(ChunkDigest.Of(buffer.AsSpan(0, wanted)));
        }

        return new CopyFile(name, length, chunks.ToImmutable());
    }
}
