using System.Globalization;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Data;
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
    private readonly HashSet<ChunkDigest> _sure = [];
    private readonly HashSet<string> _sureDirectories = new(StringComparer.Ordinal);
    private bool _mayRenew;

    /// <summary>Where a chunk lies.</summary>
    public string PathOf(ChunkDigest digest)
    {
        var name = digest.ToString();
        return Path.Combine(path, name[..2], name);
    }

    /// <summary>
    /// Tells which chunks were durable once, with the names of their directories. Of any other one that is found nobody knows whether a flush of its name failed: then the page cache shows it, the
    /// disk does not know it, and a further flush finds nothing to do.
    /// </summary>
    /// <param name="chunks">The chunks.</param>
    /// <param name="isAll">Whether no other ones are needed.</param>
    public void Trust(IReadOnlyCollection<ChunkDigest> chunks, bool isAll)
    {
        _sure.UnionWith(chunks);
        foreach (var chunk in chunks) _sureDirectories.Add(Path.GetDirectoryName(PathOf(chunk))!);
        _mayRenew = isAll;
    }

    /// <summary>Whether a chunk, if it is there, is so durably. One that is not is to be put again.</summary>
    public bool IsSure(ChunkDigest digest) => _sure.Contains(digest);

    /// <summary>Whether a chunk is there and whole. All of it is read.</summary>
    /// <param name="digest">The chunk.</param>
    /// <param name="buffer">As long as the chunk, for its bytes.</param>
    public bool Holds(ChunkDigest digest, Span<byte> buffer)
    {
        var name = PathOf(digest);
        if (!files.FileExists(name)) return false;
        using var file = files.Open(name, FileOpening.Read);
        return file.Length == buffer.Length && file.Read(0, buffer) == buffer.Length && ChunkDigest.Of(buffer) == digest;
    }

    /// <summary>Adds a chunk, or puts a whole one in the place of a damaged one. It is there, durably, after <see cref="FlushNames"/>.</summary>
    public void Put(ChunkDigest digest, ReadOnlySpan<byte> bytes)
    {
        var name = PathOf(digest);
        var directory = Path.GetDirectoryName(name)!;
        if (_used.Add(directory)) MakeSure(directory);
        var temporary = name + DurableFile.TemporarySuffix;
        files.Delete(temporary);
        var file = files.Open(temporary, FileOpening.CreateNew);
        _written.Add((file, name));
        file.Write(0, bytes);
        if (_written.Count >= Unflushed) FlushWritten();
    }

    /// <summary>Makes the names of all chunks durable that were put since this shelf was opened.</summary>
    public void FlushNames()
    {
        FlushWritten();
        foreach (var directory in _used.Order(StringComparer.Ordinal)) files.FlushDirectory(directory);
        files.FlushDirectory(path);
        _sureDirectories.UnionWith(_used);
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
        if (!files.DirectoryExists(path)) yield break;
        foreach (var name in files.ListFiles(path)) yield return (Path.Combine(path, name), null);
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

    /// <summary>
    /// Sees to it that a directory is there after the next flush of its name: one that nobody knows to be durable is made anew. What lies in it is put aside meanwhile.
    /// </summary>
    private void MakeSure(string directory)
    {
        if (_sureDirectories.Contains(directory) || !_mayRenew || !files.DirectoryExists(directory))
        {
            files.CreateDirectory(directory);
            return;
        }

        var names = files.ListFiles(directory);
        foreach (var name in names) files.Rename(Path.Combine(directory, name), Path.Combine(path, name));
        DataDirectory.MakeAnew(files, directory);
        foreach (var name in names) files.Rename(Path.Combine(path, name), Path.Combine(directory, name));
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
