using System.Buffers.Binary;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Simulation.State;
using Matchpoint.Storage;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Storage.Tests.Copies;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// A directory of two backups whose files were changed, cut off, lengthened, deleted or put in each other's place: each backup is refused with a
/// <see cref="StorageException"/>, or what is restored is, to the byte, what was backed up; and it is refused exactly where the verifier names it. A manifest may also be forged, with a
/// digest that fits: then it is taken or refused, no more.
/// </summary>
internal sealed class BackupStoreTarget : IFuzzTarget
{
    private const int MostChanges = 6;
    private const string To = "/backups";
    private const string New = "/new";
    private const int DigestAt = 12;

    private static readonly MemoryFiles Sample = Make();
    private static readonly string[] Names = [.. Sample.Copy().Files.Keys.Where(static path => !path.EndsWith("LOCK", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    private static readonly Dictionary<long, SortedDictionary<string, string>> Restored = RestoreAll();

    /// <inheritdoc/>
    public string Name => "backup";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds
    {
        get
        {
            for (byte file = 0; file < Names.Length; file++)
            {
                yield return [file, 0, 20, 0, 1, 0xff];
                yield return [file, 1, 60, 0];
                yield return [file, 2, 3, 7, 7, 7];
                yield return [file, 3];
                yield return [file, 4, (byte)(file + 1)];
                yield return [file, 5, 104, 0, 2, 0xff, 0xff];
            }
        }
    }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var reader = new InputReader(input);
        var files = SampleLog.Copy(Sample);
        var isForged = false;
        for (var i = 0; i < MostChanges && reader.HasMore; i++) isForged |= Change(files, Names[reader.Below(Names.Length)], ref reader);
        try
        {
            Use(files, isForged);
        }
        catch (StorageException)
        {
            // The directory is refused as a whole.
        }
    }

    private static void Use(MemoryFiles files, bool isForged)
    {
        using var store = BackupStore.OpenReadOnly(files, To);
        var report = BackupVerifier.Verify(store, CancellationToken.None);
        var sound = report.Backups.Where(static backup => backup.Damaged == 0).Select(static backup => backup.Manifest.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var id in store.Ids())
        {
            var manifest = TryRestore(files, store, id, out var why);
            if (isForged) continue;
            Invariant.Holds(manifest is not null == sound.Contains(id), $"backup {id} is {(sound.Contains(id) ? "sound" : "damaged")}, and was restored or not: {why}");
            if (manifest is null) continue;
            Invariant.Holds(Restored.TryGetValue(manifest.Last.Value, out var expected), $"backup {id} reaches record {manifest.Last}, which no backup does.");
            var found = Content(files);
            Invariant.Holds(expected!.SequenceEqual(found), $"backup {id} was restored with other content: {string.Join(" ", found.Except(expected!).Select(static file => file.Key))}");
        }
    }

    private static BackupManifest? TryRestore(MemoryFiles files, BackupStore store, string id, out string? why)
    {
        why = null;
        Clear(files);
        try
        {
            var manifest = store.Find(id);
            new BackupRestore
            {
                Store = store,
                Manifest = manifest,
                Files = files,
                States = new PictureStates(files),
                Node = new NodeId(new Guid(99, 0, 0, new byte[8])),
                Holder = "fuzz",
            }.Run(New, CancellationToken.None);
            return manifest;
        }
        catch (StorageException error)
        {
            why = error.Message;
            Invariant.Holds(!files.FileExists(Path.Combine(New, DataDirectory.IdentityName)), "a restore was refused and left a node behind.");
            return null;
        }
    }

    private static void Clear(MemoryFiles files)
    {
        var (paths, directories) = files.Copy();
        foreach (var path in paths.Keys.Where(static path => path.StartsWith(New, StringComparison.Ordinal))) files.Delete(path);
        foreach (var path in directories.Where(static path => path.StartsWith(New, StringComparison.Ordinal)).OrderByDescending(static path => path.Length)) files.DeleteDirectory(path);
    }

    /// <summary>Changes a file. Returns whether it was forged: changed, and given a digest that fits.</summary>
    private static bool Change(MemoryFiles files, string path, ref InputReader reader)
    {
        var kind = reader.Below(6);
        if (!files.FileExists(path)) return false;
        if (kind == 3)
        {
            files.Delete(path);
            return false;
        }

        if (kind == 4)
        {
            var other = Names[reader.Below(Names.Length)];
            if (other == path || !files.FileExists(other)) return false;
            var bytes = BytesOf(files, other);
            using var target = files.Open(path, FileOpening.ReadWrite);
            target.SetLength(0);
            target.Write(0, bytes);
            return false;
        }

        using var file = files.Open(path, FileOpening.ReadWrite);
        switch (kind)
        {
            case 1:
                file.SetLength(Math.Min(file.Length, reader.UInt16()));
                return false;
            case 2:
                file.Write(file.Length, reader.Bytes());
                return false;
            default:
                file.Write(file.Length == 0 ? 0 : reader.UInt16() % file.Length, reader.Bytes());
                return kind == 5 && path.EndsWith(BackupManifest.Extension, StringComparison.Ordinal) && Seal(file);
        }
    }

    private static bool Seal(IFile file)
    {
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        if (bytes.Length < DigestAt + ChunkDigest.Size) return false;
        var sum = bytes.AsSpan(DigestAt, ChunkDigest.Size);
        sum.Clear();
        var digest = ChunkDigest.Of(bytes).Value;
        BinaryPrimitives.WriteUInt64LittleEndian(sum, (ulong)(digest >> 64));
        BinaryPrimitives.WriteUInt64LittleEndian(sum[8..], (ulong)digest);
        file.Write(0, bytes);
        return true;
    }

    private static byte[] BytesOf(MemoryFiles files, string path)
    {
        using var file = files.Open(path, FileOpening.Read);
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        return bytes;
    }

    /// <summary>What a restored directory holds.</summary>
    private static SortedDictionary<string, string> Content(MemoryFiles files) =>
        new(files.Copy().Files.Keys.Where(static path => path.StartsWith(New, StringComparison.Ordinal) && !path.EndsWith("LOCK", StringComparison.Ordinal))
            .ToDictionary(static path => path, path => Convert.ToBase64String(BytesOf(files, path))), StringComparer.Ordinal);

    private static Dictionary<long, SortedDictionary<string, string>> RestoreAll()
    {
        var files = SampleLog.Copy(Sample);
        using var store = BackupStore.OpenReadOnly(files, To);
        var all = new Dictionary<long, SortedDictionary<string, string>>();
        foreach (var id in store.Ids())
        {
            var manifest = TryRestore(files, store, id, out var why) ?? throw new InvalidOperationException($"the sample cannot be restored: {why}");
            all.Add(manifest.Last.Value, Content(files));
        }

        return all;
    }

    private static MemoryFiles Make()
    {
        var files = SampleLog.Make(isKilled: false);
        var backups = new MemoryFiles();
        using var directory = DataDirectory.Open(files, SampleLog.Root, "fuzz");
        using var log = RecordLog.Open(directory, SampleLog.Options);
        using IState state = new OrderedState { Files = files };
        for (var second = 1; second <= 2; second++)
        {
            log.TryAppend(new Term(3 + (ulong)second), RecordKind.TermStart, AckPolicy.None, new byte[NodeId.Size], FlushPolicy.Sync, out _);
            log.FlushAll();
            using var view = log.View();
            using var batch = state.NewBatch();
            batch.Put(Encoding.UTF8.GetBytes($"k{second}"), Encoding.UTF8.GetBytes($"v{second}"));
            state.Apply(batch, new StatePosition(view.Last, view.End.Fingerprint));
            BackUp(directory, files, log, state, backups, second);
        }

        return backups;
    }

    private static void BackUp(DataDirectory directory, MemoryFiles files, RecordLog log, IState state, MemoryFiles backups, int second)
    {
        var last = log.Appended.Vlsn;
        using var source = CopySource.Create(directory, new PictureStates(files), log, state, last, new Guid(second, 0, 0, new byte[8]), CancellationToken.None);
        var facts = new BackupFacts(directory.Identity.Group, directory.Identity.Node, "a", source.First, last, source.End.Fingerprint, source.End.Term);
        using var store = BackupStore.Open(backups, To, facts.Group, "fuzz");
        var target = new BackupTarget(store, facts, source.Offer);
        var buffer = new byte[Limits.ChunkBytes];
        foreach (var (file, chunk) in target.Chunks())
        {
            if (!target.Has(file, chunk)) target.Write(file, chunk, buffer.AsSpan(0, source.Read(file, chunk, buffer)));
        }

        target.Finish(DateTimeOffset.UnixEpoch.AddSeconds(second));
    }
}
