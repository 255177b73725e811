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
/// A full copy on its way into a data directory. It grows beside what is there, which stays untouched; what an earlier attempt brought, or the node holds anyway, is not fetched again: a
/// chunk is known by its digest. When it is whole and proved it is marked so, durably, and takes the place of the old content the next time the directory is opened.
/// </summary>
internal sealed class CopyTarget : IDisposable
{
    /// <summary>
    /// So much may be written and wait to be flushed. A file system may make every flush on the same disk wait for all that was written before it, whosever it is; the members on this machine, and the
    /// device, are to wait for a little at a time.
    /// </summary>
    public const int FlushStep = 8 * 1024 * 1024;

    private readonly DataDirectory _directory;
    private readonly CopyOffer _offer;
    private readonly string _path;
    private readonly IFile[] _files;
    private readonly HashSet<(int File, int Chunk)> _missing = [];
    private readonly SortedSet<int> _unflushed = [];
    private string? _lost;

    private CopyTarget(DataDirectory directory, in CopyOffer offer)
    {
        _directory = directory;
        _offer = offer;
        _path = directory.ContentOf(directory.Copy + 1);
        _files = new IFile[offer.Files.Length];
    }

    /// <summary>What is still to be fetched, in the order of the files.</summary>
    public IReadOnlyList<(int File, int Chunk)> Missing => [.. _missing.Order()];

    /// <summary>How many bytes are there already.</summary>
    public long Present { get; private set; }

    /// <summary>How many bytes were written since the last step of flushing began.</summary>
    public long Unflushed { get; private set; }

    /// <summary>Begins, or goes on with what an earlier attempt has left.</summary>
    /// <param name="directory">The node's directory.</param>
    /// <param name="offer">What the copy consists of.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">The disk failed, or is full.</exception>
    public static CopyTarget Begin(DataDirectory directory, in CopyOffer offer, CancellationToken cancellation)
    {
        var target = new CopyTarget(directory, offer);
        try
        {
            target.Prepare(cancellation);
            return target;
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Makes a whole copy the content, if one waits for that. Nothing of the old content may be open. After a crash anywhere in it, it is done again.
    /// </summary>
    /// <returns>Whether there was one.</returns>
    public static bool InstallWhole(DataDirectory directory)
    {
        if (WholeMark.TryRead(directory.Files, directory.ContentOf(directory.Copy + 1), directory.Copy + 1) is not { } export) return false;
        if (!HoldsAllOf(directory)) BallotFile.Open(directory, hasRecords: true).ForgetLog();
        LogCut.FinishExport(directory, export);
        directory.SwitchToNextCopy();
        WholeMark.Remove(directory.Files, directory.ContentPath);
        return true;
    }

    /// <summary>
    /// Whether the copy reaches as far as the log whose place it takes. All of it is durable: then what this node acknowledged and is durable is in it, for at each number only one record can be.
    /// So the node has broken no promise. Were it fenced all the same, a group that needs it to elect would wait for ever.
    /// </summary>
    private static bool HoldsAllOf(DataDirectory directory)
    {
        try
        {
            using var old = LogView.Look(directory);
            using var copy = LogView.Look(directory.Of(directory.Copy + 1));
            // Where the old log is shorter than it was flushed, or nobody knows how far it was, more may have been acknowledged than it tells.
            return PositionsFile.Read(directory.Files, directory.PositionsPath) is { } known && known.FlushedVlsn <= old.Last && copy.Last >= old.Last;
        }
        catch (Exception error) when (error is StorageException or IOException)
        {
            return false; // How far it reached is not known.
        }
    }

    /// <summary>Removes what the content that is in use has replaced, once it was opened. The next copy may lie in its place already, and stays.</summary>
    public static void RemoveReplaced(DataDirectory directory, IStateStore states)
    {
        if (directory.Copy == 0) return;
        var old = directory.ContentOf(directory.Copy - 1);
        var files = directory.Files;
        WholeMark.Remove(files, directory.ContentPath); // A crash may have kept it there.
        if (WholeMark.IsThere(files, old)) return;
        states.Remove(Path.Combine(old, "state"));
        if (files.DirectoryExists(Path.Combine(old, "log")))
        {
            foreach (var name in files.ListFiles(Path.Combine(old, "log"))) files.Delete(Path.Combine(old, "log", name));
        }

        files.Delete(Path.Combine(old, "positions"));
        files.Delete(Path.Combine(old, "cut"));
    }

    /// <summary>Takes in a chunk.</summary>
    /// <exception cref="ProtocolException">It is not the one that was offered.</exception>
    public void Write(int file, int chunk, ReadOnlySpan<byte> bytes)
    {
        var digest = ChunkDigest.Of(bytes);
        var described = _offer.Files[file];
        if (bytes.Length != described.LengthOf(chunk) || digest != described.Chunks[chunk])
        {
            throw new ProtocolException(
                nameof(Chunk), $"chunk {chunk} of {described.Name}", $"{described.LengthOf(chunk)} bytes with digest {described.Chunks[chunk]}", $"{bytes.Length} with {digest}");
        }

        _files[file].Write((long)chunk * Limits.ChunkBytes, bytes);
        _unflushed.Add(file);
        Unflushed += bytes.Length;
        if (_missing.Remove((file, chunk))) Present += bytes.Length;
    }

    /// <summary>Begins a step of flushing: what was written up to now. The step itself may be taken beside further writes; steps one after another.</summary>
    /// <returns>Takes the step.</returns>
    public Action BeginFlush()
    {
        IFile[] files = [.. _unflushed.Select(file => _files[file])];
        _unflushed.Clear();
        Unflushed = 0;
        return () =>
        {
            foreach (var file in files) Flush(file);
        };
    }

    /// <summary>
    /// All chunks are there: proves that log and state fit each other, makes everything durable, and marks the copy as whole.
    /// </summary>
    /// <param name="states">The kind of the node's state.</param>
    /// <param name="export">The name of the export of what goes with the old content and nobody else may have; empty for none.</param>
    /// <exception cref="StorageException">They do not fit, or are damaged.</exception>
    public void Finish(IStateStore states, string export)
    {
        Invariant.Holds(_missing.Count == 0, $"{_missing.Count} chunks of the copy are missing.");
        foreach (var file in _files)
        {
            Flush(file);
            file.Dispose();
        }

        var files = _directory.Files;
        files.FlushDirectory(Path.Combine(_path, "log"));
        files.FlushDirectory(Path.Combine(_path, "state"));
        var end = WritePositions();
        CopyProof.Require(_directory.Of(_directory.Copy + 1), states, end.Vlsn, "the state of a copy", "Fetch the copy again, from another member if this goes on.");
        files.FlushDirectory(_path);
        files.FlushDirectory(_directory.Path);
        WholeMark.Write(files, _path, _directory.Copy + 1, export);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _files) file?.Dispose();
        if (_lost is not null) _directory.Files.Delete(_lost);
    }

    /// <summary>
    /// A flush that failed is not tried again: what it lost counts as clean, can still be read for a time, and the next flush would succeed. So the file goes, and is fetched again.
    /// </summary>
    private void Flush(IFile file)
    {
        try
        {
            file.Flush();
        }
        catch
        {
            _lost = file.Path;
            throw;
        }
    }

    private void Prepare(CancellationToken cancellation)
    {
        MakeDirectories();
        WholeMark.Revoke(_directory.Files, _path);
        foreach (var name in new[] { "positions", "cut" }) _directory.Files.Delete(Path.Combine(_path, name));
        var held = Held(cancellation);
        MakeFiles();
        var buffer = new byte[Limits.ChunkBytes];
        for (var i = 0; i < _files.Length; i++)
        {
            var (described, file) = (_offer.Files[i], _files[i]);
            for (var chunk = 0; chunk < described.Chunks.Length; chunk++)
            {
                cancellation.ThrowIfCancellationRequested();
                var bytes = buffer.AsSpan(0, described.LengthOf(chunk));
                var position = (long)chunk * Limits.ChunkBytes;
                if (!(IsThere(file, position, bytes, described.Chunks[chunk]) || Take(held, file, position, bytes, described.Chunks[chunk]))) _missing.Add((i, chunk));
                else Present += bytes.Length;
            }
        }

        RemoveStrange(); // Not before: chunks of another donor's picture may lie there under other names.
        _directory.KnowsCopy = true;
    }

    /// <summary>Makes the directories; their names are durable before anything is in them. Where nothing is in them they are made anew: a flush of their names may have failed.</summary>
    private void MakeDirectories()
    {
        var files = _directory.Files;
        var parts = Parts();
        if (parts.TrueForAll(files.DirectoryExists) && parts.Exists(part => files.ListFiles(part).Count > 0)) return;
        foreach (var part in parts.Where(files.DirectoryExists))
        {
            foreach (var name in files.ListFiles(part)) files.Delete(Path.Combine(part, name));
            files.DeleteDirectory(part);
        }

        if (files.DirectoryExists(_path))
        {
            foreach (var name in files.ListFiles(_path)) files.Delete(Path.Combine(_path, name));
        }

        DataDirectory.MakeAnew(files, _path);
        foreach (var part in parts) files.CreateDirectory(part);
        files.FlushDirectory(_path);
        files.FlushDirectory(_directory.Path);
    }

    /// <summary>Makes the files; their names are durable before anything is in them. Those in which nothing is are made anew.</summary>
    private void MakeFiles()
    {
        var files = _directory.Files;
        for (var i = 0; i < _files.Length; i++)
        {
            var described = _offer.Files[i];
            var path = Path.Combine(_path, described.Name);
            var file = _files[i] = files.Open(path, FileOpening.OpenOrCreate);
            if (file.Length == 0)
            {
                file.Dispose();
                files.Delete(path);
                file = _files[i] = files.Open(path, FileOpening.CreateNew);
            }

            // It grows with what comes: made as long as it will be, it would be read to its end for chunks that came before, all of it holes.
            if (file.Length > described.Length) file.SetLength(described.Length);
        }

        foreach (var part in Parts()) files.FlushDirectory(part);
    }

    private List<string> Parts() => [Path.Combine(_path, "log"), Path.Combine(_path, "state")];

    /// <summary>
    /// Whether a chunk is there. What an earlier process has left is written again: a flush of it may have failed, and then the page cache shows it, the disk does not have it, and a further flush
    /// finds nothing to do.
    /// </summary>
    private bool IsThere(IFile file, long position, Span<byte> bytes, ChunkDigest digest)
    {
        if (!Has(file, position, bytes, digest)) return false;
        if (!_directory.KnowsCopy) file.Write(position, bytes);
        return true;
    }

    private static bool Has(IFile file, long position, Span<byte> bytes, ChunkDigest digest) => file.Read(position, bytes) == bytes.Length && ChunkDigest.Of(bytes) == digest;

    /// <summary>Copies a chunk from where it lies elsewhere. What lay there may have been overwritten since: then it is fetched.</summary>
    private bool Take(Dictionary<ChunkDigest, (string Path, long Position)> held, IFile file, long position, Span<byte> bytes, ChunkDigest digest)
    {
        if (!held.TryGetValue(digest, out var place) || !_directory.Files.FileExists(place.Path)) return false;
        using (var other = _directory.Files.Open(place.Path, FileOpening.Read))
        {
            if (!Has(other, place.Position, bytes, digest)) return false;
        }

        file.Write(position, bytes);
        return true;
    }

    /// <summary>Where chunks lie already: in what an earlier attempt has brought, and in the node's own log and state.</summary>
    private Dictionary<ChunkDigest, (string Path, long Position)> Held(CancellationToken cancellation)
    {
        var held = new Dictionary<ChunkDigest, (string Path, long Position)>();
        var wanted = _offer.Files.SelectMany(static file => file.Chunks).ToHashSet();
        var buffer = new byte[Limits.ChunkBytes];
        foreach (var content in new[] { _path, _directory.ContentPath })
        {
            foreach (var part in new[] { "log", "state" })
            {
                var directory = Path.Combine(content, part);
                if (!_directory.Files.DirectoryExists(directory)) continue;
                foreach (var name in _directory.Files.ListFiles(directory).Where(name => CopyFile.IsPlain($"{part}/{name}"))) Index(Path.Combine(directory, name));
            }
        }

        return held;

        void Index(string path)
        {
            using var file = _directory.Files.Open(path, FileOpening.Read);
            for (var position = 0L; position < file.Length; position += Limits.ChunkBytes)
            {
                cancellation.ThrowIfCancellationRequested();
                var digest = ChunkDigest.Of(buffer.AsSpan(0, file.Read(position, buffer)));
                if (wanted.Contains(digest)) held.TryAdd(digest, (path, position));
            }
        }
    }

    /// <summary>What an earlier attempt has brought of another picture is no part of this one.</summary>
    private void RemoveStrange()
    {
        var known = _offer.Files.Select(static file => file.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var part in new[] { "log", "state" })
        {
            var directory = Path.Combine(_path, part);
            foreach (var name in _directory.Files.ListFiles(directory).Where(name => !known.Contains($"{part}/{name}"))) _directory.Files.Delete(Path.Combine(directory, name));
        }
    }

    /// <summary>The log as it came is flushed and durable, all of it; its head is where it begins.</summary>
    private LogPosition WritePositions()
    {
        var files = _directory.Files;
        var copy = _directory.Of(_directory.Copy + 1);
        LogPosition end;
        Lsn head;
        bool isThere;
        using (var view = LogView.Look(copy))
        {
            end = view.End;
            head = view.Segments.FirstOrDefault().Before.End;
            isThere = view.Segments.Any();
        }

        if (!isThere || end.Vlsn != _offer.Last)
        {
            throw new DamageException(
                copy.LogPath, 0, "the log of a copy", $"records up to {_offer.Last}", isThere ? $"records up to {end.Vlsn}" : "no segment",
                "Fetch the copy again, from another member if this goes on.");
        }

        using var positions = PositionsFile.Open(files, copy.PositionsPath, copy.LogPath, out _);
        positions.Replace(new Positions(end.End, end.Vlsn, end.Vlsn, head, files.BootId));
        return end;
    }
}
