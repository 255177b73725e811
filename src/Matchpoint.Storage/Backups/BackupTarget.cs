using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Storage.Backups;

/// <summary>
/// A backup on its way into a directory of backups: only the chunks that are not there already are asked for and written. It is there when <see cref="Finish"/> has returned; until then, and
/// whatever ends it before, the others are as they were, and what it has brought is found by the next one, which writes it again: a flush of it may have failed.
/// </summary>
internal sealed class BackupTarget
{
    private readonly BackupStore _store;
    private readonly BackupFacts _facts;
    private readonly CopyOffer _offer;
    private readonly byte[] _buffer = new byte[Limits.ChunkBytes];
    private readonly HashSet<ChunkDigest> _here = [];

    /// <summary>Begins a backup.</summary>
    /// <param name="store">Where it goes, opened to be written.</param>
    /// <param name="facts">Whose data it holds.</param>
    /// <param name="offer">What it consists of.</param>
    public BackupTarget(BackupStore store, BackupFacts facts, CopyOffer offer)
    {
        (_store, _facts, _offer) = (store, facts, offer);
        TotalBytes = offer.TotalBytes;
        store.Shelf.Trust(store.Referred(out var isAll), isAll);
    }

    /// <summary>All bytes of all files.</summary>
    public long TotalBytes { get; }

    /// <summary>How many of them are there.</summary>
    public long Present { get; private set; }

    /// <summary>How many of them were written by this backup.</summary>
    public long Written { get; private set; }

    /// <summary>What is needed, in the order of the files.</summary>
    public IEnumerable<(int File, int Chunk)> Chunks()
    {
        for (var file = 0; file < _offer.Files.Length; file++)
        {
            for (var chunk = 0; chunk < _offer.Files[file].Chunks.Length; chunk++) yield return (file, chunk);
        }
    }

    /// <summary>Whether a chunk is there already, and whole.</summary>
    public bool Has(int file, int chunk)
    {
        var described = _offer.Files[file];
        var digest = described.Chunks[chunk];
        var length = described.LengthOf(chunk);
        if (!_here.Contains(digest))
        {
            var bytes = _buffer.AsSpan(0, length);
            if (!_store.Shelf.Holds(digest, bytes)) return false;
            _here.Add(digest);
            if (!_store.Shelf.IsSure(digest))
            {
                _store.Shelf.Put(digest, bytes);
                Written += length;
            }
        }

        Present += length;
        return true;
    }

    /// <summary>Takes in a chunk.</summary>
    /// <exception cref="ProtocolException">It is not the one that was offered.</exception>
    /// <exception cref="IOException">The disk failed, or is full.</exception>
    public void Write(int file, int chunk, ReadOnlySpan<byte> bytes)
    {
        var described = _offer.Files[file];
        var (digest, expected) = (ChunkDigest.Of(bytes), described.Chunks[chunk]);
        if (bytes.Length != described.LengthOf(chunk) || digest != expected)
            throw new ProtocolException(nameof(Chunk), $"chunk {chunk} of {described.Name}", $"{described.LengthOf(chunk)} bytes with digest {expected}", $"{bytes.Length} with {digest}");
        Present += bytes.Length;
        if (!_here.Add(digest)) return; // Asked for twice before it had come.
        _store.Shelf.Put(digest, bytes);
        Written += bytes.Length;
    }

    /// <summary>All chunks are there: makes that durable, and the backup one of those that can be restored.</summary>
    public BackupManifest Finish(DateTimeOffset takenAt)
    {
        Invariant.Holds(Present == TotalBytes, $"{Present} of {TotalBytes} bytes of the backup are there.");
        _store.Shelf.FlushNames();
        var manifest = new BackupManifest(_store.NewId(takenAt), takenAt, _facts, _offer);
        manifest.Write(_store.Files, _store.ManifestOf(manifest.Id));
        return manifest;
    }
}
