using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Data;

/// <summary>
/// A node's directory: one process at a time, one identity for ever. Everything the node keeps lies in it:
/// <code>
/// LOCK          who holds the directory
/// identity      the group and the node
/// positions     how far the log was flushed, how far it was known durable
/// ballot        what the node promised in elections
/// cut           only while the log's tail is being cut
/// log/          the segments and their indexes
/// state/        what the durable log amounts to
/// rollbacks/    what was undone here, one readable file each
/// restoring     only while a backup is being restored into it: then there is no identity yet
/// content       only when a full copy took the place of log, state and positions: then they lie in one of the next two
/// copy-1/, copy-2/  a full copy: in use, being fetched, or what is left of one
/// snapshots/    what is being copied from here
/// arbiter       only where the state holds no data: the directory of an arbiter
/// damaged/      files that were found damaged and have been replaced
/// state.unusable-1/, ...  states that were found damaged, or belonged to another history
/// </code>
/// </summary>
internal sealed class DataDirectory : IDisposable
{
    /// <summary>The file that is there while a backup is being restored into the directory.</summary>
    public const string UnfinishedName = "restoring";

    /// <summary>Whose directory it is: the last file that is made.</summary>
    public const string IdentityName = "identity";

    private const string ArbiterName = "arbiter";

    /// <summary>The directories that are there before the identity.</summary>
    private static readonly string[] MadeFirst = ["log", "rollbacks"];

    private readonly IDisposable? _lock;

    private DataDirectory(IFileSystem files, string path, NodeIdentity identity, int copy, IDisposable? heldLock)
    {
        Files = files;
        Path = path;
        Identity = identity;
        Copy = copy;
        _lock = heldLock;
    }

    /// <summary>The way to the disk.</summary>
    public IFileSystem Files { get; }

    /// <summary>The directory.</summary>
    public string Path { get; }

    /// <summary>Whose it is.</summary>
    public NodeIdentity Identity { get; }

    /// <summary>Whether it was opened only to be looked at.</summary>
    public bool IsReadOnly => _lock is null;

    /// <summary>How many full copies took the place of the log and the state so far.</summary>
    public int Copy { get; private set; }

    /// <summary>Where log, state and positions lie.</summary>
    public string ContentPath => ContentOf(Copy);

    /// <summary>Where the segments lie.</summary>
    public string LogPath => System.IO.Path.Combine(ContentPath, "log");

    /// <summary>Where the state lies.</summary>
    public string StatePath => System.IO.Path.Combine(ContentPath, "state");

    /// <summary>Where the snapshots lie that are being copied from here.</summary>
    public string SnapshotsPath => System.IO.Path.Combine(Path, "snapshots");

    /// <summary>Where files lie that were found damaged.</summary>
    public string DamagedPath => System.IO.Path.Combine(Path, "damaged");

    /// <summary>The file of what the node promised in elections.</summary>
    public string BallotPath => System.IO.Path.Combine(Path, "ballot");

    /// <summary>Whether the copy that is being put together was begun, or gone through, since the directory was opened: of what was left before nobody knows whether a flush of it failed.</summary>
    public bool KnowsCopy { get; set; }

    /// <summary>Whether the state here holds no data, only what the store keeps for itself: it is an arbiter's.</summary>
    public bool IsArbiter => Files.FileExists(System.IO.Path.Combine(Path, ArbiterName));

    /// <summary>Where the exports of undone transactions lie.</summary>
    public string RollbacksPath => System.IO.Path.Combine(Path, "rollbacks");

    /// <summary>The file of the node's own positions.</summary>
    public string PositionsPath => System.IO.Path.Combine(ContentPath, "positions");

    /// <summary>The file that says that a cut is under way.</summary>
    public string CutPath => System.IO.Path.Combine(ContentPath, "cut");

    /// <summary>Whether a path is a directory of ours.</summary>
    public static bool Exists(IFileSystem files, string path) => files.FileExists(System.IO.Path.Combine(path, IdentityName));

    /// <summary>Opens a directory for a node that will write.</summary>
    /// <param name="files">The way to the disk.</param>
    /// <param name="path">The directory.</param>
    /// <param name="holder">What the lock says to whoever is turned away.</param>
    /// <param name="create">The identity of a directory to be made where there is none yet; null where it must be there.</param>
    /// <exception cref="DirectoryInUseException">Another process or node holds it.</exception>
    /// <exception cref="StorageException">It is not there, not ours, of a newer format, or damaged.</exception>
    public static DataDirectory Open(IFileSystem files, string path, string holder, NodeIdentity? create = null)
    {
        path = System.IO.Path.GetFullPath(path);
        var isNew = !Exists(files, path);
        if (isNew)
        {
            MustBeUsable(files, path, create);
            files.CreateDirectory(path);
        }

        var held = files.Lock(LockPath(path), holder);
        try
        {
            var isMade = isNew && !Exists(files, path);
            if (isMade) Make(files, path, create!.Value);
            var identity = NodeIdentity.Read(files, IdentityPath(path));
            var copy = ContentSwitch.Read(files, SwitchPath(path));
            if (!isMade)
            {
                // Written again: what is read may be what a kill or a failed flush left in the cache, and what is replaced by it is not to come back with a power cut.
                identity.Write(files, IdentityPath(path));
                if (copy > 0) ContentSwitch.Write(files, SwitchPath(path), copy);
            }

            var directory = new DataDirectory(files, path, identity, copy, held);
            if (directory.IsArbiter) directory.MakeArbiter();
            return directory;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Opens a directory to look at it: nothing in it is changed, and a running node is not disturbed.</summary>
    /// <exception cref="StorageException">It is not there, not ours, of a newer format, or damaged.</exception>
    public static DataDirectory OpenReadOnly(IFileSystem files, string path)
    {
        path = System.IO.Path.GetFullPath(path);
        if (!Exists(files, path)) MustBeUsable(files, path, create: null);
        return new DataDirectory(files, path, NodeIdentity.Read(files, IdentityPath(path)), ContentSwitch.Read(files, SwitchPath(path)), heldLock: null);
    }

    /// <summary>From here on the state holds no data. That cannot be taken back.</summary>
    public void MakeArbiter() =>
        DurableFile.Replace(Files, System.IO.Path.Combine(Path, ArbiterName), "The state in this directory holds no data: it is that of an arbiter.\n"u8);

    /// <summary>A directory that is being put together and has no identity yet, to be looked at only.</summary>
    public static DataDirectory Unfinished(IFileSystem files, string path, NodeIdentity identity) => new(files, path, identity, copy: 0, heldLock: null);

    /// <summary>Who holds the directory's lock now; null when nobody does.</summary>
    public string? Holder() => Files.LockHolder(LockPath(Path));

    /// <summary>Where the nth copy lies.</summary>
    public string ContentOf(int copy) => System.IO.Path.Combine(Path, ContentSwitch.NameOf(copy));

    /// <summary>The same directory with the nth copy as its content, to be looked at only.</summary>
    public DataDirectory Of(int copy) => new(Files, Path, Identity, copy, heldLock: null);

    /// <summary>Makes the next copy the content, in one durable step. Nothing of the old content may be open.</summary>
    public void SwitchToNextCopy()
    {
        ContentSwitch.Write(Files, SwitchPath(Path), Copy + 1);
        Copy++;
    }

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _lock?.Dispose();

    private static string IdentityPath(string path) => System.IO.Path.Combine(path, IdentityName);

    private static string SwitchPath(string path) => System.IO.Path.Combine(path, "content");

    private static string LockPath(string path) => System.IO.Path.Combine(path, "LOCK");

    private static void MustBeUsable(IFileSystem files, string path, NodeIdentity? create)
    {
        if (!files.DirectoryExists(path))
        {
            if (create is null) throw new StorageException($"{path}: there is no such directory. Name an existing data directory.");
            return;
        }

        // A crash while the directory was made leaves the lock file, an unfinished identity, and empty directories.
        var names = files.ListFiles(path);
        var strange = names.Contains(UnfinishedName) ? UnfinishedName : names.FirstOrDefault(name => name is not "LOCK" and not IdentityName + DurableFile.TemporarySuffix);
        if (strange == UnfinishedName)
            throw new ForeignException($"{path}: a restore into this directory was not finished: {UnfinishedName} is there and {IdentityName} is not. "
                + $"Run `matchpoint restore` again, or remove the directory.");
        if (strange is not null)
            throw new ForeignException($"{path}: this is not a Matchpoint data directory: it holds {strange} but no {IdentityName} file. Name an empty directory, or one that Matchpoint made.");
        foreach (var name in MadeFirst.Where(name => files.DirectoryExists(System.IO.Path.Combine(path, name))))
        {
            if (files.ListFiles(System.IO.Path.Combine(path, name)) is [var first, ..])
                throw new ForeignException($"{path}: this is not a Matchpoint data directory: it holds {name}/{first} but no {IdentityName} file. "
                    + "Name an empty directory, or one that Matchpoint made.");
        }

        if (create is null) throw new StorageException($"{path}: the directory is empty: there is no log in it. Name an existing data directory.");
    }

    private static void Make(IFileSystem files, string path, NodeIdentity identity)
    {
        foreach (var name in MadeFirst) MakeAnew(files, System.IO.Path.Combine(path, name));
        files.FlushDirectory(path);
        FlushAbove(files, path);
        // The identity comes last: a directory that has one is whole, and durable up to the root.
        identity.Write(files, IdentityPath(path));
    }

    /// <summary>
    /// Makes an empty directory whose name the next flush makes durable. One that is there is removed first: a flush of its name may
    /// have failed, and then the page cache shows it, the disk does not know it, and a further flush finds nothing to do.
    /// </summary>
    public static void MakeAnew(IFileSystem files, string path)
    {
        files.DeleteDirectory(path);
        files.CreateDirectory(path);
    }

    /// <summary>Makes the name of a directory that may be new durable, up to the first directory above that is none of ours.</summary>
    public static void FlushAbove(IFileSystem files, string path)
    {
        var isNearest = true;
        for (var above = System.IO.Path.GetDirectoryName(path); above is { Length: > 0 }; above = System.IO.Path.GetDirectoryName(above))
        {
            try
            {
                files.FlushDirectory(above);
            }
            catch (DiskException error) when (!isNearest && error.Fault != DiskFault.Device)
            {
                return; // What we may not even read we have not made: from here up it was there before.
            }

            isNearest = false;
        }
    }
}
