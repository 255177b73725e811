using System.Buffers.Binary;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>What a node remembers beside its log.</summary>
/// <param name="Flushed">Everything before this byte was flushed: a fault there is damage, never a torn tail.</param>
/// <param name="Durable">The highest VLSN this node ever knew to be durable.</param>
/// <param name="FlushedVlsn">The last record before that byte.</param>
/// <param name="Head">Where the oldest kept segment begins: older ones were removed on purpose.</param>
/// <param name="BootId">The start of the machine during which this was written; empty where it is not known.</param>
internal readonly record struct Positions(Lsn Flushed, Vlsn FlushedVlsn, Vlsn Durable, Lsn Head, Guid BootId)
{
    /// <summary>
    /// What can be told where the file is missing: the log begins with its first segment, and complete segments are taken to be
    /// flushed, so that only the last one can be torn. Otherwise a damaged byte would pass for a torn tail, and all behind it be dropped.
    /// </summary>
    public static Positions FromSegments(IFileSystem files, string logPath)
    {
        Lsn? head = null;
        var last = Lsn.Zero;
        foreach (var name in files.ListFiles(logPath))
        {
            if (!SegmentHeader.TryParseName(name, out last)) continue;
            head ??= last;
        }

        return new Positions(last, Vlsn.Null, Vlsn.Null, head ?? Lsn.Zero, Guid.Empty);
    }
}

/// <summary>
/// The file <c>positions</c>: two slots, of which at most one is ever written and not flushed, so that a torn write leaves the other one. All
/// numbers are lower bounds of what is true, and they are written after it is true: an older slot is safe, only less sharp. It is written
/// after every flush of the log without being flushed itself (a killed process loses nothing by that), and flushed now and then.
/// Slots lie at byte 0 and 4096; little-endian:
/// <code>
///  0 8 bytes "MPPOSITN"
///  8 u32 format version
/// 12 u32 CRC-32C of all the other bytes of the slot
/// 16 u64 sequence number of the write; the higher one counts
/// 24 u64 flushed LSN
/// 32 i64 VLSN of the last record before it, -1 none
/// 40 i64 durable VLSN, -1 none
/// 48 u64 LSN of the oldest kept segment
/// 56 16 bytes boot id, big-endian UUID, all zero when not known
/// </code>
/// </summary>
internal sealed class PositionsFile : IDisposable
{
    private const uint FormatVersion = 1;
    private const int SlotSize = 72;
    private const int SlotDistance = 4096;

    private readonly IFileSystem _files;
    private readonly string _path;
    private readonly byte[] _bytes = new byte[SlotSize];
    private IFile? _file;
    private ulong _sequence;
    private int _slot;

    private PositionsFile(IFileSystem files, string path, IFile? file, Positions current, ulong sequence, int slot)
    {
        _files = files;
        _path = path;
        _file = file;
        Current = current;
        _sequence = sequence;
        _slot = slot;
    }

    private static ReadOnlySpan<byte> Magic => "MPPOSITN"u8;

    /// <summary>Whether the file is there.</summary>
    public bool IsMade => _file is not null;

    /// <summary>What was written last.</summary>
    public Positions Current { get; private set; }

    /// <summary>Opens the file for a node that writes. Where it is missing, it is made with the first <see cref="Replace"/>: a log that
    /// cannot be opened keeps telling that it is missing.</summary>
    /// <param name="files">The way to the disk.</param>
    /// <param name="path">The file.</param>
    /// <param name="logPath">The segments, which tell what they can where the file is missing.</param>
    /// <param name="wasMissing">Whether it was.</param>
    /// <exception cref="DamageException">Neither slot is sound.</exception>
    public static PositionsFile Open(IFileSystem files, string path, string logPath, out bool wasMissing)
    {
        wasMissing = !files.FileExists(path);
        if (wasMissing) return new PositionsFile(files, path, file: null, Positions.FromSegments(files, logPath), sequence: 0, slot: 0);

        var file = files.Open(path, FileOpening.ReadWrite);
        try
        {
            var (positions, sequence, slot) = ReadSlots(file);
            // The newer slot may be only in the page cache: a killed process left it unflushed, or a flush failed, and the next one would find nothing to do. It is
            // written again, and is on the device before the other one is touched: a torn write of that would leave none.
            var opened = new PositionsFile(files, path, file, positions, sequence - 1, slot);
            opened.Write(positions);
            opened.Flush();
            return opened;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The highest VLSN that a node ever knew to be durable, as far as its file tells: null where it is missing or damaged.</summary>
    public static Vlsn DurableAsFarAsKnown(IFileSystem files, string path)
    {
        try
        {
            return Read(files, path)?.Durable ?? Vlsn.Null;
        }
        catch (DamageException)
        {
            return Vlsn.Null;
        }
    }

    /// <summary>Reads the file for a look; null when it is missing.</summary>
    /// <exception cref="StorageException">Neither slot is sound, or one is of a newer format.</exception>
    public static Positions? Read(IFileSystem files, string path)
    {
        if (!files.FileExists(path)) return null;
        using var file = files.Open(path, FileOpening.Read);
        return ReadSlots(file).Positions;
    }

    /// <summary>Writes new positions without flushing: always into the same slot, until a flush.</summary>
    public void Write(Positions positions)
    {
        Invariant.Holds(_file is not null, $"{_path} is written before it was made.");
        _sequence++;
        WriteSlot(_bytes, positions, _sequence);
        _file.Write((long)_slot * SlotDistance, _bytes);
        Current = positions;
    }

    /// <summary>Makes what was written durable. The next write goes to the other slot.</summary>
    public void Flush()
    {
        _file!.Flush();
        _slot = 1 - _slot;
    }

    /// <summary>
    /// Makes positions durable that may lie lower than before (the log was cut), in both slots: no older, higher slot may come
    /// back, not even when the newer one is damaged.
    /// </summary>
    public void Replace(Positions positions)
    {
        if (_file is null)
        {
            Make(positions);
            return;
        }

        Write(positions);
        Flush();
        Write(positions);
        Flush();
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file?.Dispose();

    private void Make(Positions positions)
    {
        var content = new byte[SlotDistance + SlotSize];
        WriteSlot(content, positions, sequence: 1);
        WriteSlot(content.AsSpan(SlotDistance), positions, sequence: 2);
        DurableFile.Replace(_files, _path, content);
        _file = _files.Open(_path, FileOpening.ReadWrite);
        (Current, _sequence, _slot) = (positions, 2, 0);
    }

    private static void WriteSlot(Span<byte> slot, Positions positions, ulong sequence)
    {
        Magic.CopyTo(slot);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[8..], FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[16..], sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[24..], positions.Flushed.Value);
        BinaryPrimitives.WriteInt64LittleEndian(slot[32..], positions.FlushedVlsn.Value);
        BinaryPrimitives.WriteInt64LittleEndian(slot[40..], positions.Durable.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[48..], positions.Head.Value);
        positions.BootId.TryWriteBytes(slot[56..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[12..], Crc32C.AroundItself(slot[..SlotSize]));
    }

    private static (Positions Positions, ulong Sequence, int Slot) ReadSlots(IFile file)
    {
        Span<byte> bytes = stackalloc byte[SlotSize];
        (Positions Positions, ulong Sequence, int Slot)? best = null;
        for (var slot = 0; slot < 2; slot++)
        {
            bytes.Clear();
            if (file.Read(slot * SlotDistance, bytes) < SlotSize || !bytes.StartsWith(Magic)) continue;
            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]) != Crc32C.AroundItself(bytes)) continue;
            var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
            if (version != FormatVersion)
            {
                throw new ForeignException(
                    $"{file.Path}: the positions have format {version}; this build knows format {FormatVersion}. "
                    + "Use the version of Matchpoint that wrote them, or a newer one.");
            }

            if (!Vlsn.TryCreate(BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]), out var flushedVlsn)) continue;
            if (!Vlsn.TryCreate(BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]), out var durable)) continue;
            var sequence = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
            if (best is { } other && other.Sequence > sequence) continue;
            best = (
                new Positions(
                    new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..])),
                    flushedVlsn,
                    durable,
                    new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..])),
                    new Guid(bytes[56..], bigEndian: true)),
                sequence, slot);
        }

        return best ?? throw new DamageException(
            file.Path, 0, "positions", "a sound slot at byte 0 or 4096", "none",
            "Without it nobody knows which records were flushed or durable. Restore the directory from a peer; or, to go on with what the log itself shows, remove the file.");
    }
}
