using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>A log's files as opening them left them: recovered, mended, and known to be as safe as they are shown to be.</summary>
internal sealed record OpenedLog(SegmentStore Store, PositionsFile Positions, LogOpenReport Report)
{
    /// <summary>Opens the files of a log, mending what a crash left.</summary>
    /// <exception cref="StorageException">The log is damaged, foreign, or of a newer format.</exception>
    public static OpenedLog Open(DataDirectory directory, LogOptions options)
    {
        Invariant.Holds(!directory.IsReadOnly, "a directory opened for a look cannot be written; take LogView.Look.");
        var positions = PositionsFile.Open(directory.Files, directory.PositionsPath, directory.LogPath, out var wasMissing);
        Segment[] segments = [];
        try
        {
            (segments, var report) = LogRecovery.Recover(directory, positions, wasMissing);
            var store = new SegmentStore(directory, options, segments, positions.Current.Flushed);
            Settle(directory.Files, store, positions, wasMissing || report.Torn is not null);
            return new OpenedLog(store, positions, report);
        }
        catch
        {
            foreach (var segment in segments) segment.Dispose();
            positions.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Brings the flushed position up to what recovery kept, before it is shown to anybody. In the same run of the machine the written records are as safe as they
    /// were: they are written again, in case a flush of theirs had failed, and flushed in their turn. After a new start, whatever could be read came from the device.
    /// </summary>
    private static void Settle(IFileSystem files, SegmentStore store, PositionsFile positions, bool isMended)
    {
        var bootId = files.BootId;
        var isSameRun = bootId != Guid.Empty && positions.Current.BootId == bootId;
        if (isSameRun || bootId == Guid.Empty) LogRewrite.From(files, store.Segments, positions.Current.Flushed);
        if (isSameRun && !isMended) return;
        if (bootId == Guid.Empty || isMended) store.Flush();
        var end = store.Position;
        var head = store.Segments is [var first, ..] ? first.Before.End : Lsn.Zero;
        var settled = positions.Current with { Flushed = end.End, FlushedVlsn = end.Vlsn, Head = head, BootId = bootId };
        // Where no boot id is known, a new log's positions are what is taken for those of a missing file: that is made all the same.
        if (!positions.IsMade || settled != positions.Current) positions.Replace(settled);
    }
}
