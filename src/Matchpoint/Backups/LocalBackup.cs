using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Backups;

/// <summary>A backup of what this process has open.</summary>
internal static class LocalBackup
{
    private const string Advice = "Open the node once: it builds its state anew from the log where that reaches back far enough.";

    /// <summary>Takes a backup of a stopped node's directory: of all of its log, also of what is not known to be durable.</summary>
    /// <param name="data">The directory.</param>
    /// <param name="to">Where backups of its group lie.</param>
    /// <param name="holder">What the locks of both say meanwhile.</param>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="DirectoryInUseException">A node has it open.</exception>
    public static BackupSummary OfStopped(string data, string to, string holder, IProgress<BackupProgress>? progress, CancellationToken cancellation)
    {
        var files = PhysicalFiles.Instance;
        var states = new RocksStateStore(new RocksStateOptions());
        using var directory = DataDirectory.Open(files, data, holder);
        if (CopyTarget.InstallWhole(directory)) CopyTarget.RemoveReplaced(directory, states);
        using var log = RecordLog.Open(directory, new LogOptions());
        MustHoldRecords(log);
        using (var view = log.View())
        using (var look = states.Look(directory.StatePath))
        {
            if (CopyProof.Against(directory, look?.Position ?? default, view, view.Last, "the state", Advice) is { } damage) throw damage;
        }

        using var state = states.Open(directory.StatePath);
        using var source = CopySource.Create(directory, states, log, state, log.Appended.Vlsn, Guid.NewGuid(), cancellation);
        var facts = FactsOf(source, directory, name: "", Vlsn.Max(log.Durable, source.Offer.Applied));
        return Write(source, facts, files, to, holder, TimeProvider.System, progress, cancellation);
    }

    /// <summary>Whose data a picture holds.</summary>
    public static BackupFacts FactsOf(CopySource source, DataDirectory directory, string name, Vlsn durable) =>
        new(directory.Identity.Group, directory.Identity.Node, name, source.First, durable, source.End.Fingerprint, source.End.Term);

    /// <summary>Requires that there is anything to back up.</summary>
    public static void MustHoldRecords(RecordLog log)
    {
        if (log.Directory.IsArbiter) throw new StorageException($"{log.Directory.Path}: this is the directory of an arbiter: it has no data to back up. Take the backup of another member.");
        if (log.Appended.Vlsn.IsNull) throw new StorageException($"{log.Directory.Path}: there is nothing to back up: its log holds no record yet.");
    }

    /// <summary>Writes a picture into a directory of backups.</summary>
    public static BackupSummary Write(
        CopySource source, BackupFacts facts, IFileSystem files, string to, string holder, TimeProvider time, IProgress<BackupProgress>? progress, CancellationToken cancellation)
    {
        using var store = BackupStore.Open(files, to, facts.Group, holder);
        var target = new BackupTarget(store, facts, source.Offer);
        var meter = new BackupMeter(target, time, progress);
        var buffer = new byte[Limits.ChunkBytes];
        foreach (var (file, chunk) in target.Chunks())
        {
            cancellation.ThrowIfCancellationRequested();
            if (!target.Has(file, chunk)) target.Write(file, chunk, buffer.AsSpan(0, source.Read(file, chunk, buffer)));
            meter.Moved();
        }

        return SummaryOf(target.Finish(time.GetUtcNow()), target.Written);
    }

    /// <summary>A backup that was taken, for users.</summary>
    public static BackupSummary SummaryOf(BackupManifest manifest, long written) => new(
        manifest.Id, manifest.TakenAt, manifest.Facts.First.DistanceFrom(Vlsn.Null), manifest.Last.DistanceFrom(Vlsn.Null), manifest.Offer.TotalBytes, written);
}
