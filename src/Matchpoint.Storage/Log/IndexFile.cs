using System.Buffers.Binary;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>
/// A segment's index on disk, beside the segment: same name, ending <c>.idx</c>. Written without a flush when the segment is
/// complete or the log is closed. It saves a scan and proves nothing: whatever does not fit the segment is ignored and made anew. Little-endian:
/// <code>
///   0 8 bytes "MPLOGIDX"
///   8 u32 format version
///  12 u32 CRC-32C of all the other bytes of the file
///  16 u64 first LSN      24 u64 end LSN
///  32 i64 last VLSN      40 u64 fingerprint there     48 u64 term there
///  56 i64 last sync point, -1 none                    64 i64 last transaction end, -1 none
///  72 i64 timestamp of the last record
///  80 u32 commits        84 u32 commits with policy None
///  88 u32 count of terms 92 u32 count of entries
///  96 terms: u64 term, i64 its first VLSN in this segment
///     entries: u32 ordinal, u32 offset, u32 commits before, u32 commits with policy None before
/// </code>
/// </summary>
internal static class IndexFile
{
    /// <summary>How the name of an index file ends.</summary>
    public const string Extension = ".idx";

    private const uint FormatVersion = 1;
    private const int HeaderSize = 96;
    private const int TermSize = 16;
    private const int EntrySize = 16;

    /// <summary>No index is larger: one entry per interval of the largest segment, and as many terms as it may hold records.</summary>
    private const int MostBytes = 1 << 30;

    private static ReadOnlySpan<byte> Magic => "MPLOGIDX"u8;

    /// <summary>The index file of a segment.</summary>
    public static string PathOf(string segmentPath) => Path.ChangeExtension(segmentPath, Extension);

    /// <summary>Writes the index if the disk takes it. It saves the next open a scan, no more; a disk that fails says so again at the next
    /// record.</summary>
    public static void TryWrite(IFileSystem files, string segmentPath, SegmentIndex index)
    {
        try
        {
            Write(files, segmentPath, index);
        }
        catch (IOException)
        {
            // What there is of it is not taken for an index: its CRC does not fit.
        }
    }

    /// <summary>Writes the index beside its segment. What was there before is gone first, so that a crash leaves no mixture.</summary>
    public static void Write(IFileSystem files, string segmentPath, SegmentIndex index)
    {
        var totals = index.Totals;
        var terms = index.Terms;
        var entries = index.Entries;
        var bytes = new byte[HeaderSize + (terms.Length * TermSize) + (entries.Length * EntrySize)];
        var to = bytes.AsSpan();
        Magic.CopyTo(to);
        BinaryPrimitives.WriteUInt32LittleEndian(to[8..], FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], index.Before.End.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[24..], totals.Position.End.Value);
        BinaryPrimitives.WriteInt64LittleEndian(to[32..], totals.Position.Vlsn.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[40..], totals.Position.Fingerprint.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[48..], totals.Position.Term.Value);
        BinaryPrimitives.WriteInt64LittleEndian(to[56..], totals.LastSync.Value);
        BinaryPrimitives.WriteInt64LittleEndian(to[64..], totals.LastTransactionEnd.Value);
        BinaryPrimitives.WriteInt64LittleEndian(to[72..], totals.LastTimestamp);
        BinaryPrimitives.WriteUInt32LittleEndian(to[80..], totals.Commits);
        BinaryPrimitives.WriteUInt32LittleEndian(to[84..], totals.UnconditionalCommits);
        BinaryPrimitives.WriteUInt32LittleEndian(to[88..], (uint)terms.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(to[92..], (uint)entries.Length);
        var at = HeaderSize;
        foreach (var term in terms)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(to[at..], term.Term.Value);
            BinaryPrimitives.WriteInt64LittleEndian(to[(at + 8)..], term.First.Value);
            at += TermSize;
        }

        foreach (var entry in entries)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(to[at..], entry.Ordinal);
            BinaryPrimitives.WriteUInt32LittleEndian(to[(at + 4)..], entry.Offset);
            BinaryPrimitives.WriteUInt32LittleEndian(to[(at + 8)..], entry.Commits);
            BinaryPrimitives.WriteUInt32LittleEndian(to[(at + 12)..], entry.UnconditionalCommits);
            at += EntrySize;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(to[12..], Crc32C.AroundItself(to));

        var path = PathOf(segmentPath);
        files.Delete(path);
        using var file = files.Open(path, FileOpening.CreateNew);
        file.Write(0, bytes);
    }

    /// <summary>Reads the index of a segment that begins at a position; null when there is none that can be used.</summary>
    public static SegmentIndex? TryRead(IFileSystem files, string segmentPath, in LogPosition before)
    {
        var path = PathOf(segmentPath);
        if (!files.FileExists(path)) return null;
        byte[] bytes;
        try
        {
            bytes = DurableFile.Read(files, path, MostBytes);
        }
        catch (Exception error) when (error is IOException or StorageException)
        {
            return null; // Unreadable is as good as absent: the segment itself is scanned, and tells if the device is bad.
        }

        var from = bytes.AsSpan();
        if (from.Length < HeaderSize || !from.StartsWith(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(from[8..]) != FormatVersion
            || BinaryPrimitives.ReadUInt32LittleEndian(from[12..]) != Crc32C.AroundItself(from)
            || BinaryPrimitives.ReadUInt64LittleEndian(from[16..]) != before.End.Value)
        {
            return null;
        }

        var termCount = BinaryPrimitives.ReadUInt32LittleEndian(from[88..]);
        var entryCount = BinaryPrimitives.ReadUInt32LittleEndian(from[92..]);
        if (HeaderSize + (termCount * (long)TermSize) + (entryCount * (long)EntrySize) != from.Length) return null;
        if (!Vlsn.TryCreate(BinaryPrimitives.ReadInt64LittleEndian(from[32..]), out var last)
            || !Vlsn.TryCreate(BinaryPrimitives.ReadInt64LittleEndian(from[56..]), out var sync)
            || !Vlsn.TryCreate(BinaryPrimitives.ReadInt64LittleEndian(from[64..]), out var transactionEnd))
        {
            return null;
        }

        var totals = new SegmentTotals(
            new LogPosition(
                last,
                new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(from[24..])),
                new Fingerprint(BinaryPrimitives.ReadUInt64LittleEndian(from[40..])),
                new Term(BinaryPrimitives.ReadUInt64LittleEndian(from[48..]))),
            sync,
            transactionEnd,
            BinaryPrimitives.ReadUInt32LittleEndian(from[80..]),
            BinaryPrimitives.ReadUInt32LittleEndian(from[84..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[72..]));

        var terms = new SegmentIndex.TermStart[termCount];
        var rest = from[HeaderSize..];
        for (var i = 0; i < terms.Length; i++, rest = rest[TermSize..])
        {
            if (!Vlsn.TryCreate(BinaryPrimitives.ReadInt64LittleEndian(rest[8..]), out var first)) return null;
            terms[i] = new SegmentIndex.TermStart(new Term(BinaryPrimitives.ReadUInt64LittleEndian(rest)), first);
        }

        var entries = new SegmentIndex.Entry[entryCount];
        for (var i = 0; i < entries.Length; i++, rest = rest[EntrySize..])
        {
            entries[i] = new SegmentIndex.Entry(
                BinaryPrimitives.ReadUInt32LittleEndian(rest),
                BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]),
                BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]),
                BinaryPrimitives.ReadUInt32LittleEndian(rest[12..]));
        }

        return new SegmentIndex(before, totals, terms, entries);
    }
}
