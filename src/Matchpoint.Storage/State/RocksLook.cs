using System.Globalization;
using System.Text.RegularExpressions;
using Matchpoint.Storage.Files;
using RocksDbSharp;

namespace Matchpoint.Storage.State;

/// <summary>A state opened to be looked at: nothing of it is changed, only RocksDB's own LOG is written. Nobody else may have it open.</summary>
internal sealed partial class RocksLook : IStateSnapshot
{
    private readonly string _path;
    private readonly RocksDb _db;
    private readonly RocksUses _uses;
    private readonly RocksSnapshot _all;

    private RocksLook(string path, RocksDb db)
    {
        _path = path;
        _db = db;
        _uses = new RocksUses(db);
        _all = new RocksSnapshot(path, db, _uses);
    }

    /// <inheritdoc/>
    public StatePosition Position => _all.Position;

    /// <summary>How many files hold its data.</summary>
    public int Files => _db.GetLiveFilesMetadata(false).Count;

    /// <summary>Whether there is a state in a directory at all: a lock and what RocksDB tells of itself it writes even where it opens nothing.</summary>
    public static bool Exists(IFileSystem files, string path) =>
        files.DirectoryExists(path) && files.ListFiles(path).Any(static name => name is not ("LOCK" or "LOG") && !name.StartsWith("LOG.old.", StringComparison.Ordinal));

    /// <summary>Requires what names the newest version of a state that is there: without it RocksDB takes the directory for empty, and makes it so.</summary>
    /// <exception cref="DamageException">It is gone.</exception>
    public static void MustNameItsVersion(IFileSystem files, string path)
    {
        if (!files.FileExists(Path.Combine(path, "CURRENT")))
            throw new DamageException(path, 0, "the state", "a file CURRENT that names its newest version", "files of a state, and no CURRENT", RocksState.Advice);
    }

    /// <summary>Opens a state.</summary>
    /// <exception cref="DamageException">It cannot be used.</exception>
    /// <exception cref="StorageException">It cannot be opened: the message says why.</exception>
    public static RocksLook Open(string path)
    {
        MustNameItsVersion(PhysicalFiles.Instance, path);
        RocksDb? db = null;
        try
        {
            db = RocksDb.OpenReadOnly(RocksState.Configure(new RocksStateOptions()).SetCreateIfMissing(false), path, false);
            return new RocksLook(path, db);
        }
        catch (RocksDbException error)
        {
            db?.Dispose();
            throw Failed(path, "opened", error);
        }
        catch
        {
            db?.Dispose();
            throw;
        }
    }

    /// <summary>Reads every block of every file and compares it with its checksum.</summary>
    /// <exception cref="DamageException">One does not fit: RocksDB names the first.</exception>
    public void VerifyChecksums()
    {
        var read = new ReadOptions();
        try
        {
            Native.Instance.rocksdb_verify_checksum_with_options(_db.Handle, read.Handle);
        }
        catch (RocksDbException error)
        {
            throw Failed(_path, "proved", error);
        }
        finally
        {
            GC.KeepAlive(read);
        }
    }

    /// <inheritdoc/>
    public byte[]? Get(ReadOnlySpan<byte> key) => _all.Get(key);

    /// <inheritdoc/>
    public IStateCursor Cursor(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to) => _all.Cursor(from, to);

    /// <inheritdoc/>
    public void Dispose()
    {
        _all.Dispose();
        _uses.Close();
    }

    /// <summary>RocksDB says the place of damage in words.</summary>
    private static StorageException Failed(string path, string what, RocksDbException error)
    {
        var place = Place().Match(error.Message);
        if (!place.Success || !RocksState.IsDamage(error.Message)) return RocksState.Failed(path, what, error);
        return new DamageException(
            place.Groups["file"].Value, long.Parse(place.Groups["at"].Value, CultureInfo.InvariantCulture), $"the state cannot be {what}", "blocks with their checksums", error.Message,
            RocksState.Advice);
    }

    [GeneratedRegex(@" in (?<file>\S.*?\.\w+) offset (?<at>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Place();
}
