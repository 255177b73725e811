using System.Globalization;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Backups;

/// <summary>
/// The chunks of all backups in a directory, each once, in a file named by its digest: <c>chunks/</c>, two digits, all thirty-two. A file gets its name when its bytes are on the device;
/// what is read from it counts only when it has the digest that it is named by. Not safe for threads.
/// </summary>
internal sealed class ChunkShelf(IFileSystem files, string path) : IDisposable
{
    private const int Directories = 256;

    /// <summary>So many chunks are written before they are flushed: the first flush brings most of the others to the device too.</summary>
    private const int Unflushed = 16;

    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<(IFile File, string Name)> _written = [];

    /// <summary>Where a chunk lies.</summary>
    public string PathOf(ChunkDigest digest)
    {
        var name = digest.ToString();
        return Path.Combine(path, name[..2], name);
    }

    /// <summary>Whether a chunk is there and whole. All of it is read.</summary>
    /// <param name="digest">The chunk.</param>
    /// <param name="buffer">As long as the chunk, for its bytes.</param>
    public bool Holds(ChunkDigest digest, Span<byte> buffer)
    {
        var name = PathOf(digest);
        if (!files.FileExists(name)) return false;
        using var file = files.Open(name, FileOpening.Read);
        if (file.Length != buffer.Length || file.Read(0, buffer) != buffer.Length || ChunkDigest.Of(buffer) != digest) return false;
        _used.Add(Path.GetDirectoryName(name)!);
        return true;
    }

    /// <summary>Adds a chunk, or puts a whole one in the place of a damaged one. It is there, durably, after <see cref="FlushNames"/>.</summary>
    public void Put(ChunkDigest digest, ReadOnlySpan<byte> bytes)
    {
        var name = PathOf(digest);
        var directory = Path.GetDirectoryName(name)!;
        if (_used.Add(directory)) files.CreateDirectory(directory);
        var temporary = name + DurableFile.TemporarySuffix;
        files.Delete(temporary);
        var file = files.Open(temporary, FileOpening.CreateNew);
        _written.Add((file, name));
        file.Write(0, bytes);
        if (_written.Count >= Unflushed) FlushWritten();
    }

    /// <summary>Makes the names of all chunks durable that were added or found since this shelf was opened: those found may have been left by an attempt that was killed.</summary>
    public void FlushNames()
    {
        FlushWritten();
        foreach (var directory in _used.Order(StringComparer.Ordinal)) files.FlushDirectory(directory);
        files.FlushDirectory(path);
        _used.Clear();
    }

    /// <summary>Reads a chunk.</summary>
    /// <param name="digest">The chunk.</param>
    /// <param name="buffer">As long as the chunk; filled.</param>
    /// <param name="what">What the chunk is, for whoever has to be told.</param>
    /// <exception cref="DamageException">It is missing, or not what it was.</exception>
    public void Read(ChunkDigest digest, Span<byte> buffer, string what)
    {
        var name = PathOf(digest);
        if (!files.FileExists(name)) throw new DamageException(name, 0, what, $"{buffer.Length} bytes with digest {digest}", "no such file", BackupStore.DamageAdvice);
        using var file = files.Open(name, FileOpening.Read);
        var length = file.Length;
        var read = file.Read(0, buffer);
        var found = ChunkDigest.Of(buffer[..read]);
        if (length != buffer.Length || found != digest)
            throw new DamageException(name, 0, what, $"{buffer.Length} bytes with digest {digest}", $"{length} bytes with digest {found}", BackupStore.DamageAdvice);
    }

    /// <summary>The files on the shelf: the digest that each is named by; null for what is no chunk.</summary>
    public IEnumerable<(string Path, ChunkDigest? Digest)> All()
    {
        for (var i = 0; i < Directories; i++)
        {
            var directory = Path.Combine(path, i.ToString("x2", CultureInfo.InvariantCulture));
            if (!files.DirectoryExists(directory)) continue;
            foreach (var name in files.ListFiles(directory))
            {
                var isChunk = name.Length == 2 * ChunkDigest.Size & UInt128.TryParse(name, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value);
                yield return (Path.Combine(directory, name), isChunk ? new ChunkDigest(value) : null);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (file, _) in _written) file.Dispose();
        _written.Clear();
    }

    private void FlushWritten()
    {
        foreach (var (file, _) in _written) file.Flush();
        foreach (var (file, name) in _written)
        {
            file.Dispose();
            files.Rename(file.Path, name);
        }

        _written.Clear();
    }
}
