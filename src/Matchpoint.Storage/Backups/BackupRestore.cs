using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Storage.Backups;

/// <summary>
/// Makes a node's directory from a backup. Each chunk counts only with its digest; log and state are proved to belong together; the identity, a new one, comes last, in one durable step: until then
/// there is no node in the directory, and a restore that was interrupted is begun again. There is no ballot in it: what the node of the backup promised afterwards is not known, so that a
/// member takes part in its group only when it has caught up with a primary that the others chose.
/// </summary>
internal sealed class BackupRestore
{
    private static readonly string[] Leftovers = ["positions", "ballot", "ballot" + DurableFile.TemporarySuffix, DataDirectory.IdentityName + DurableFile.TemporarySuffix];

    private readonly byte[] _buffer = new byte[Limits.ChunkBytes];

    /// <summary>Where the backup lies.</summary>
    public required BackupStore Store { get; init; }

    /// <summary>The backup.</summary>
    public required BackupManifest Manifest { get; init; }

    /// <summary>The way to the disk of the new directory.</summary>
    public required IFileSystem Files { get; init; }

    /// <summary>The kind of its state.</summary>
    public required IStateStore States { get; init; }

    /// <summary>Who the new node is.</summary>
    public required NodeId Node { get; init; }

    /// <summary>What the directory's lock says meanwhile.</summary>
    public required string Holder { get; init; }

    /// <summary>Whether every member of the group is restored, and they begin again together.</summary>
    public bool BeginsAgain { get; init; }

    /// <summary>Hears how many bytes are restored.</summary>
    public Action<long> Progressed { get; init; } = static _ => { };

    /// <summary>Refuses a directory that has anything in it but what an interrupted restore has left.</summary>
    /// <exception cref="RestoreRefusedException">It has.</exception>
    public static void MustBeEmpty(IFileSystem files, string path)
    {
        if (!files.DirectoryExists(path)) return;
        var names = files.ListFiles(path);
        const string advice = "Name an empty or a missing directory; or give --replace, which sets what is there aside under another name.";
        if (names.Contains(DataDirectory.IdentityName)) throw new RestoreRefusedException($"{path}: there is a node's data directory already. Nothing was touched. {advice}");
        if (names.Contains(DataDirectory.UnfinishedName)) return;
        var strange = names.FirstOrDefault(static name => name is not "LOCK" and not DataDirectory.UnfinishedName + DurableFile.TemporarySuffix)
            ?? Array.Find(["log", "state", "rollbacks", "copy-1", "copy-2", "snapshots", "chunks", "backups"], name => files.DirectoryExists(Path.Combine(path, name)));
        if (strange is not null) throw new RestoreRefusedException($"{path}: the directory is not empty: it holds {strange}. Nothing was touched. {advice}");
    }

    /// <summary>Restores the backup into a directory.</summary>
    /// <exception cref="StorageException">The directory is not empty, or the backup is damaged. There is no node in the directory then.</exception>
    /// <exception cref="IOException">A disk failed, or is full. There is no node in the directory then.</exception>
    public void Run(string path, CancellationToken cancellation)
    {
        path = Path.GetFullPath(path);
        MustBeEmpty(Files, path);
        Files.CreateDirectory(path);
        using var held = Files.Lock(Path.Combine(path, "LOCK"), Holder);
        MustBeEmpty(Files, path);
        DurableFile.Replace(Files, Path.Combine(path, DataDirectory.UnfinishedName), System.Text.Encoding.UTF8.GetBytes($"{Manifest.Id}\n"));
        DataDirectory.FlushAbove(Files, path);
        var identity = new NodeIdentity(Manifest.Facts.Group, Node);
        var directory = DataDirectory.Unfinished(Files, path, identity);
        Clear(directory);
        Fetch(directory, cancellation);
        WritePositions(directory);
        CopyProof.Require(directory, States, Manifest.Last, "the state of a backup", BackupManifest.Advice);
        if (BeginsAgain) BallotFile.Open(directory, hasRecords: true).Save(BallotFile.OfNewBeginning(Manifest.Facts.Term));
        Files.FlushDirectory(path);
        identity.Write(Files, Path.Combine(path, DataDirectory.IdentityName));
        Files.Delete(Path.Combine(path, DataDirectory.UnfinishedName));
    }

    private void Clear(DataDirectory directory)
    {
        foreach (var name in Leftovers) Files.Delete(Path.Combine(directory.Path, name));
        if (Files.DirectoryExists(directory.LogPath))
        {
            foreach (var name in Files.ListFiles(directory.LogPath)) Files.Delete(Path.Combine(directory.LogPath, name));
        }

        States.Remove(directory.StatePath);
        // Made anew: those of an attempt whose flush of their names failed are in the cache only, and no further flush would bring them to the disk.
        foreach (var made in new[] { directory.LogPath, directory.StatePath, directory.RollbacksPath }) DataDirectory.MakeAnew(Files, made);
    }

    private void Fetch(DataDirectory directory, CancellationToken cancellation)
    {
        var done = 0L;
        foreach (var described in Manifest.Offer.Files)
        {
            using var file = Files.Open(Path.Combine(directory.Path, described.Name), FileOpening.CreateNew);
            for (var chunk = 0; chunk < described.Chunks.Length; chunk++)
            {
                cancellation.ThrowIfCancellationRequested();
                var bytes = _buffer.AsSpan(0, described.LengthOf(chunk));
                Store.Shelf.Read(described.Chunks[chunk], bytes, $"chunk {chunk} of {described.Name} of backup {Manifest.Id}");
                file.Write((long)chunk * Limits.ChunkBytes, bytes);
                done += bytes.Length;
                Progressed(done);
            }

            file.Flush();
        }

        foreach (var made in new[] { directory.LogPath, directory.StatePath }) Files.FlushDirectory(made);
    }

    /// <summary>The log as it came is flushed, all of it; its head is where it begins. What was known to be durable is known again.</summary>
    private void WritePositions(DataDirectory directory)
    {
        var facts = Manifest.Facts;
        Lsn head;
        Lsn end;
        using (var view = LogView.Look(directory))
        {
            if (view.OpenReport.Torn is { } torn || (view.Last, view.End.Fingerprint) != (Manifest.Last, facts.Fingerprint))
            {
                throw new DamageException(
                    directory.LogPath, 0, "the log of a backup", $"records up to {Manifest.Last} with fingerprint {facts.Fingerprint}",
                    $"records up to {view.Last} with fingerprint {view.End.Fingerprint}", BackupManifest.Advice);
            }

            (head, end) = (view.Segments.First().Before.End, view.End.End);
        }

        using var positions = PositionsFile.Open(Files, directory.PositionsPath, directory.LogPath, out _);
        positions.Replace(new Positions(end, Manifest.Last, facts.Durable, head, Files.BootId));
    }
}
