using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>
/// Writes again what the operating system shows of a log and the device may not have. When a flush has failed, the pages that it lost count as clean: the next process
/// reads them, its own flush succeeds, and a power cut takes them all the same. Only what is written once more is flushed in truth.
/// (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.)
/// </summary>
internal static class LogRewrite
{
    private const int ChunkBytes = 1024 * 1024;

    /// <summary>Writes all records behind a flushed position again. A flush makes them durable.</summary>
    public static void From(IFileSystem files, Segment[] segments, Lsn flushed)
    {
        foreach (var segment in segments.Where(segment => segment.Totals.Position.End > flushed || segment.Before.End >= flushed))
        {
            if (segment.Before.End < flushed) Overwrite(segment, flushed);
            else Replace(files, segment);
        }
    }

    /// <summary>A part of its records was flushed, and so its name was.</summary>
    private static void Overwrite(Segment segment, Lsn flushed)
    {
        var from = segment.FilePosition(flushed);
        Copy(segment.File, segment.File, from, segment.FilePosition(segment.Totals.Position.End));
        segment.ZeroedTo = 0;
    }

    /// <summary>Not even its name may be on the device: it gets the name anew, in one step.</summary>
    private static void Replace(IFileSystem files, Segment segment)
    {
        var temporary = segment.Path + DurableFile.TemporarySuffix;
        files.Delete(temporary);
        using (var copy = files.Open(temporary, FileOpening.CreateNew))
        {
            Copy(segment.File, copy, 0, segment.FilePosition(segment.Totals.Position.End));
            copy.Flush();
        }

        files.Rename(temporary, segment.Path);
        segment.Reopen();
        segment.ZeroedTo = 0;
    }

    private static void Copy(IFile from, IFile to, long start, long end)
    {
        var buffer = new byte[Math.Min(ChunkBytes, Math.Max(0, end - start))];
        while (start < end)
        {
            var chunk = buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - start));
            var read = from.Read(start, chunk);
            Protocol.Invariant.Holds(read == chunk.Length, $"{from.Path} ends at {start + read}, and its records end at {end}.");
            to.Write(start, chunk);
            start += chunk.Length;
        }
    }
}
