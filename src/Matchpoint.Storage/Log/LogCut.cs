using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>
/// Takes the tail off a log on disk, from a durable intent to its removal. Each step may be repeated: after a crash anywhere in between
/// the whole of it is done again when the directory is opened.
/// </summary>
internal static class LogCut
{
    /// <summary>What an export is called until the cut that it belongs to is finished.</summary>
    public const string PendingSuffix = ".pending";

    /// <summary>What is to be undone must lie in its export, or nobody would ever find it again.</summary>
    public static void MustHaveExport(DataDirectory directory, string export)
    {
        var path = Path.Combine(directory.RollbacksPath, export);
        Invariant.Holds(
            export.Length == 0 || directory.Files.FileExists(path + PendingSuffix) || directory.Files.FileExists(path),
            $"{path}{PendingSuffix} is not there, and the log is to be cut with it.");
    }

    /// <summary>Does what the intent says, and removes it.</summary>
    public static void Finish(DataDirectory directory, CutIntent intent, PositionsFile positions)
    {
        var files = directory.Files;
        // From the last segment back, so that at every moment what is left is one log without a hole.
        foreach (var name in files.ListFiles(directory.LogPath).Reverse())
        {
            if (!SegmentHeader.TryParseName(name, out var first)) continue;
            var path = Path.Combine(directory.LogPath, name);
            if (first >= intent.Position.End) RemoveSegment(files, path);
            else
            {
                Truncate(files, path, first, intent.Position.End);
                break;
            }
        }

        files.FlushDirectory(directory.LogPath);
        var head = intent.Position.Vlsn.IsNull ? Lsn.Zero : positions.Current.Head;
        // What is known durable above the cut was of the history that is gone; the same numbers mean other records from here on.
        positions.Replace(positions.Current with
        {
            Flushed = intent.Position.End,
            FlushedVlsn = intent.Position.Vlsn,
            Durable = Vlsn.Min(positions.Current.Durable, intent.Position.Vlsn),
            Head = head,
        });
        FinishExport(directory, intent.Export);
        CutIntent.Clear(files, directory.CutPath);
    }

    /// <summary>Removes a segment and its index; the index first, so that none is left over.</summary>
    public static void RemoveSegment(IFileSystem files, string path)
    {
        files.Delete(IndexFile.PathOf(path));
        files.Delete(path);
    }

    /// <summary>Cuts the one segment that holds the new end.</summary>
    private static void Truncate(IFileSystem files, string path, Lsn first, Lsn end)
    {
        using var file = files.Open(path, FileOpening.ReadWrite);
        var length = SegmentHeader.Size + end.DistanceFrom(first);
        if (file.Length < length)
            throw new DamageException(path, file.Length, "length", $"{length} bytes or more", $"{file.Length} bytes", DamageException.RestoreAdvice);
        files.Delete(IndexFile.PathOf(path));
        file.SetLength(length);
        file.Flush();
    }

    /// <summary>The export becomes final with the cut, not before: what is only pending was never undone.</summary>
    internal static void FinishExport(DataDirectory directory, string export)
    {
        if (export.Length == 0) return;
        var final = Path.Combine(directory.RollbacksPath, export);
        var pending = final + PendingSuffix;
        // A final name that is there already may be only in the page cache: the flush behind an earlier rename had failed, and a further one would find nothing to do. It is given again.
        if (!directory.Files.FileExists(pending) && directory.Files.FileExists(final)) directory.Files.Rename(final, pending);
        if (directory.Files.FileExists(pending)) directory.Files.Rename(pending, final);
        directory.Files.FlushDirectory(directory.RollbacksPath);
    }
}
