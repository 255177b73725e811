using System.Buffers.Binary;
using System.Globalization;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Backups;

/// <summary>
/// A directory of backups of one group. What several backups have in common lies in it once:
/// <code>
/// LOCK       who is writing a backup into it
/// store      which group's backups these are
/// backups/   a manifest for each backup; without one there is none
/// chunks/    what the manifests refer to
/// </code>
/// The file <c>store</c>, written once, little-endian:
/// <code>
///  0 8 bytes "MPSTORE\0"
///  8 u32 format version
/// 12 u32 CRC-32C of all the other bytes
/// 16 16 bytes group id, big-endian UUID
/// </code>
/// </summary>
internal sealed class BackupStore : IDisposable
{
    /// <summary>What to do about a damaged chunk.</summary>
    public const string DamageAdvice =
        "Every backup that needs this chunk is damaged; the others are not. `matchpoint verify` names them all; the next backup writes the chunk anew if the node still has it.";

    private const string StoreName = "store";
    private const uint FormatVersion = 1;
    private const int Size = 32;

    private readonly IDisposable? _lock;

    private BackupStore(IFileSystem files, string path, GroupId group, IDisposable? heldLock)
    {
        Files = files;
        Path = path;
        Group = group;
        _lock = heldLock;
        Shelf = new ChunkShelf(files, System.IO.Path.Combine(path, "chunks"));
    }

    /// <summary>The way to the disk.</summary>
    public IFileSystem Files { get; }

    /// <summary>The directory.</summary>
    public string Path { get; }

    /// <summary>The group whose backups it holds.</summary>
    public GroupId Group { get; }

    /// <summary>The chunks.</summary>
    public ChunkShelf Shelf { get; }

    private static ReadOnlySpan<byte> Magic => "MPSTORE\0"u8;

    private string ManifestsPath => System.IO.Path.Combine(Path, "backups");

    /// <summary>Whether a path is a directory of backups.</summary>
    public static bool Exists(IFileSystem files, string path) => files.FileExists(System.IO.Path.Combine(path, StoreName));

    /// <summary>Opens a directory to write backups of a group into it; makes it where there is none.</summary>
    /// <exception cref="DirectoryInUseException">Somebody writes into it now.</exception>
    /// <exception cref="StorageException">It holds something else, backups of another group, or is damaged or of a newer format.</exception>
    public static BackupStore Open(IFileSystem files, string path, GroupId group, string holder)
    {
        path = System.IO.Path.GetFullPath(path);
        if (!Exists(files, path))
        {
            MustBeUsable(files, path);
            files.CreateDirectory(path);
        }

        var held = files.Lock(System.IO.Path.Combine(path, "LOCK"), holder);
        try
        {
            var isThere = Exists(files, path);
            if (!isThere) Make(files, path, group);
            var store = new BackupStore(files, path, ReadGroup(files, path), held);
            if (store.Group != group)
                throw new ForeignException($"{path}: these are backups of group {store.Group}, and the node belongs to group {group}. Name another directory: each group has its own.");
            // Written again: what is read may be what a failed flush left in the cache, and without it a power cut leaves no directory of backups.
            if (isThere) WriteGroup(files, path, group);
            return store;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Opens a directory to look at it, or to restore from it: nothing in it is changed.</summary>
    /// <exception cref="StorageException">It is not there, not ours, of a newer format, or damaged.</exception>
    public static BackupStore OpenReadOnly(IFileSystem files, string path)
    {
        path = System.IO.Path.GetFullPath(path);
        if (!files.DirectoryExists(path)) throw new StorageException($"{path}: there is no such directory. Name a directory that `matchpoint backup` wrote.");
        if (!Exists(files, path))
            throw new ForeignException($"{path}: this is no directory of backups: it holds no file {StoreName}. Name a directory that `matchpoint backup` wrote, with all that is in it.");
        return new BackupStore(files, path, ReadGroup(files, path), heldLock: null);
    }

    /// <summary>Where the manifest of a backup lies.</summary>
    public string ManifestOf(string id) => System.IO.Path.Combine(ManifestsPath, id + BackupManifest.Extension);

    /// <summary>The names of all backups, oldest first: they begin with the time. An empty manifest is that of one that was removed.</summary>
    public IReadOnlyList<string> Ids() => [.. Names().Where(name => !IsRemoved(name))];

    /// <summary>Reads the manifest of a backup; of the newest where none is named.</summary>
    /// <exception cref="StorageException">There is none of that name, or it cannot be used.</exception>
    public BackupManifest Find(string? id)
    {
        var ids = Ids();
        if (ids.Count == 0) throw new StorageException($"{Path}: there is no backup in it: none was ever finished.");
        id ??= ids[^1];
        if (!ids.Contains(id)) throw new StorageException($"{Path}: there is no backup {id}; there are {string.Join(", ", ids)}.");
        return Read(id);
    }

    /// <summary>The chunks that the backups refer to, as far as their manifests can be read: those chunks were durable before the manifests were written.</summary>
    /// <param name="isAll">Whether all of them could be.</param>
    public HashSet<ChunkDigest> Referred(out bool isAll)
    {
        var referred = new HashSet<ChunkDigest>();
        isAll = true;
        foreach (var id in Ids())
        {
            try
            {
                referred.UnionWith(Read(id).Offer.Files.SelectMany(static file => file.Chunks));
            }
            catch (StorageException)
            {
                isAll = false;
            }
        }

        return referred;
    }

    private BackupManifest Read(string id)
    {
        var manifest = BackupManifest.Read(Files, ManifestOf(id));
        return manifest.Facts.Group == Group ? manifest
            : throw new ForeignException($"{ManifestOf(id)}: this is a backup of group {manifest.Facts.Group}, and the directory holds those of group {Group}. Put it where it came from.");
    }

    /// <summary>A name for a backup that is taken now.</summary>
    public string NewId(DateTimeOffset now)
    {
        var id = now.UtcDateTime.ToString("yyyy-MM-dd'T'HH-mm-ss'Z'", CultureInfo.InvariantCulture);
        var taken = Ids();
        var name = id;
        for (var i = 2; taken.Contains(name); i++) name = string.Create(CultureInfo.InvariantCulture, $"{id}.{i:000}");
        return name;
    }

    /// <summary>Removes the oldest backups, and the chunks that no other one needs.</summary>
    /// <param name="count">How many are kept: one at least.</param>
    /// <param name="newest">One that is kept in any case: the one just taken, whatever the clock says.</param>
    /// <returns>The names of those that were removed.</returns>
    /// <exception cref="StorageException">A manifest that is kept cannot be read: nobody knows which chunks it needs. Nothing was removed.</exception>
    public IReadOnlyList<string> Keep(int count, string newest)
    {
        Invariant.Holds(count >= 1 && _lock is not null, $"{count} backups are to be kept, in a directory opened {(_lock is null ? "to look at" : "to write")}.");
        var older = Ids().Where(id => id != newest).ToList();
        var kept = older.TakeLast(count - 1).Append(newest).Select(Read).ToList();
        var needed = kept.SelectMany(static manifest => manifest.Offer.Files).SelectMany(static file => file.Chunks).ToHashSet();
        var removed = older.SkipLast(count - 1).ToList();
        // Written again: one that only the cache knows, since a flush failed, is none to keep instead of another.
        if (removed.Count > 0) kept.ForEach(manifest => manifest.Write(Files, ManifestOf(manifest.Id)));
        // A manifest that came back after a power cut would name chunks that are gone. It is emptied first, durably; also one that seems to be empty, for the flush of that may have failed.
        foreach (var path in Names().Where(id => removed.Contains(id) || IsRemoved(id)).Select(ManifestOf))
        {
            DurableFile.Replace(Files, path, []);
            Files.Delete(path);
        }

        foreach (var (path, digest) in Shelf.All())
        {
            if (digest is null || !needed.Contains(digest.Value)) Files.Delete(path);
        }

        return removed;
    }

    /// <summary>Gives the lock back.</summary>
    public void Dispose()
    {
        Shelf.Dispose();
        _lock?.Dispose();
    }

    private IEnumerable<string> Names() => !Files.DirectoryExists(ManifestsPath) ? [] :
        Files.ListFiles(ManifestsPath).Where(static name => name.EndsWith(BackupManifest.Extension, StringComparison.Ordinal))
            .Select(static name => name[..^BackupManifest.Extension.Length]).Order(StringComparer.Ordinal);

    private bool IsRemoved(string id)
    {
        try
        {
            using var file = Files.Open(ManifestOf(id), FileOpening.Read);
            return file.Length == 0;
        }
        catch (FileNotFoundException)
        {
            return true; // Between the list and this.
        }
    }

    private static void MustBeUsable(IFileSystem files, string path)
    {
        if (!files.DirectoryExists(path)) return;
        if (DataDirectory.Exists(files, path)) throw new ForeignException($"{path}: this is the data directory of a node. Name another one for its backups, best on another disk.");
        var strange = files.ListFiles(path).FirstOrDefault(static name => name is not "LOCK" and not StoreName + DurableFile.TemporarySuffix);
        if (strange is not null)
            throw new ForeignException($"{path}: this is no directory of backups: it holds {strange} but no file {StoreName}. Name an empty directory, or one that `matchpoint backup` wrote.");
    }

    private static void Make(IFileSystem files, string path, GroupId group)
    {
        foreach (var name in new[] { "chunks", "backups" }) DataDirectory.MakeAnew(files, System.IO.Path.Combine(path, name));
        files.FlushDirectory(path);
        DataDirectory.FlushAbove(files, path);
        WriteGroup(files, path, group);
    }

    private static void WriteGroup(IFileSystem files, string path, GroupId group)
    {
        Span<byte> bytes = stackalloc byte[Size];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], FormatVersion);
        group.Value.TryWriteBytes(bytes[16..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], Crc32C.AroundItself(bytes));
        DurableFile.Replace(files, System.IO.Path.Combine(path, StoreName), bytes);
    }

    private static GroupId ReadGroup(IFileSystem files, string directory)
    {
        const string advice = "The backups may be whole: their manifests name the group too. Put the file back from a copy of the directory.";
        var path = System.IO.Path.Combine(directory, StoreName);
        var bytes = DurableFile.Read(files, path, 4096);
        if (bytes.Length < Size) throw new DamageException(path, bytes.Length, "length", $"{Size} bytes", $"{bytes.Length} bytes", advice);
        if (!bytes.AsSpan().StartsWith(Magic))
            throw new ForeignException($"{path}: this is no file of Matchpoint's: expected it to begin with MPSTORE, found {Convert.ToHexStringLower(bytes.AsSpan(0, 8))}.");
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(12));
        var computed = Crc32C.AroundItself(bytes);
        if (stored != computed) throw new DamageException(path, 12, "store: CRC-32C", $"{computed:x8}", $"{stored:x8}", advice);
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (version != FormatVersion)
            throw new ForeignException($"{path}: the backups have format {version}; this build knows format {FormatVersion}. Use the version of Matchpoint that wrote them, or a newer one.");
        return new GroupId(new Guid(bytes.AsSpan(16, GroupId.Size), bigEndian: true));
    }
}
