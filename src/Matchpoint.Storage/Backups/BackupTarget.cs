using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Storage.Backups;

/// <summary>
/// A backup on its way into a directory of backups: only the chunks that are not there already are asked for and written. It is there when <see cref="Finish"/> has returned; until then, and
/// whatever ends it before, the others are as they were, and what it has brought is found by the next one.
/// </summary>
internal sealed class BackupTarget(BackupStore store, BackupFacts facts, CopyOffer offer)
{
    private readonly byte[] _buffer = new byte[Limits.ChunkBytes];
    private readonly HashSet<ChunkDigest> _here = [];

    /// <summary>All bytes of all files.</summary>
    public long TotalBytes { get; } = offer.TotalBytes;

    /// <summary>How many of them are there.</summary>
    public long Present { get; private set; }

    /// <summary>How many of them were written by this backup.</summary>
    public long Written { get; private set; }

    /// <summary>What is needed, in the order of the files.</summary>
    public IEnumerable<(int File, int Chunk)> Chunks()
    {
        for (var file = 0; file < offer.Files.Length; file++)
        {
            for (var chunk = 0; chunk < offer.Files[file].Chunks.Length; chunk++) yield return (file, chunk);
        }
    }

    /// <summary>Whether a chunk is there already, and whole.</summary>
    public bool Has(int file, int chunk)
    {
        var described = offer.Files[file];
        var digest = described.Chunks[chunk];
        var length = described.LengthOf(chunk);
        if (!_here.Contains(digest) && !store.Shelf.Holds(digest, _buffer.AsSpan(0, length))) return false;
        _here.Add(digest);
        Present += length;
        return true;
    }

    /// <summary>Takes in a chunk.</summary>
    /// <exception cref="ProtocolException">It is not the one that was offered.</exception>
    /// <exception cref="IOException">The disk failed, or is full.</exception>
    public void Write(int file, int chunk, ReadOnlySpan<byte> bytes)
    {
        var described = offer.Files[file];
        var (digest, expected) = (ChunkDigest.Of(bytes), described.Chunks[chunk]);
        if (bytes.Length != described.LengthOf(chunk) || digest != expected)
            throw new ProtocolException(nameof(Chunk), $"chunk {chunk} of {described.Name}", $"{described.LengthOf(chunk)} bytes with digest {expected}", $"{bytes.Length} with {digest}");
        Present += bytes.Length;
        if (!_here.Add(digest)) return; // Asked for twice before it had come.
        store.Shelf.Put(digest, bytes);
        Written += bytes.Length;
    }

    /// <summary>All chunks are there: makes that durable, and the backup one of those that can be restored.</summary>
    public BackupManifest Finish(DateTimeOffset takenAt)
    {
        Invariant.Holds(Present == TotalBytes, $"{Present} of {TotalBytes} bytes of the backup are there.");
        store.Shelf.FlushNames();
        var manifest = new BackupManifest(store.NewId(takenAt), takenAt, facts, offer);
        manifest.Write(store.Files, store.ManifestOf(manifest.Id));
        return manifest;
    }
}
