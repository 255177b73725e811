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
internal readonly record struct Positions(Lsn Flushed, Vlsn FlushedVlsn, Vlsn Durable, Lsn Head, Guid BootId);

/// <summary>
/// The file <c>positions</c>: two slots written in turn, so that a torn write leaves the other one. All numbers are lower
/// bounds of what is true, and they are written after it is true: an older slot is safe, only less sharp. It is written after every
/// flush of the log without being flushed itself (a killed process loses nothing by that), and flushed now and then.
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

    private readonly IFile _file;
    private readonly byte[] _slot = new byte[SlotSize];
    private ulong _sequence;

    private PositionsFile(IFile file, Positions current, ulong sequence)
    {
        _file = file;
        Current = current;
        _sequence = sequence;
    }

    private static ReadOnlySpan<byte> Magic => "MPPOSITN"u8;

    /// <summary>What was written last.</summary>
    public Positions Current { get; private set; }

    /// <summary>
    /// Opens the file for a node that writes, making it where it is missing, and says whether it was.
    /// </summary>
    /// <exception cref="DamageException">Neither slot is sound.</exception>
    public static PositionsFile Open(IFileSystem files, string path, out bool wasMissing)
    {
        wasMissing = !files.FileExists(path);
        if (wasMissing)
        {
            var content = new byte[SlotDistance + SlotSize];
            WriteSlot(content, default, sequence: 1);
            WriteSlot(content.AsSpan(SlotDistance), default, sequence: 0);
            DurableFile.Replace(files, path, content);
        }

        var file = files.Open(path, FileOpening.ReadWrite);
        try
        {
            var (positions, sequence) = ReadSlots(file);
            return new PositionsFile(file, positions, sequence);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads the file for a look; null when it is missing.</summary>
    /// <exception cref="DamageException">Neither slot is sound.</exception>
    public static Positions? Read(IFileSystem files, string path)
    {
        if (!files.FileExists(path)) return null;
        using var file = files.Open(path, FileOpening.Read);
        return ReadSlots(file).Positions;
    }

    /// <summary>Writes new positions into the older slot, without flushing.</summary>
    public void Write(Positions positions)
    {
        _sequence++;
        WriteSlot(_slot, positions, _sequence);
        _file.Write((long)(_sequence & 1) * SlotDistance, _slot);
        Current = positions;
    }

    /// <summary>Makes what was written durable.</summary>
    public void Flush() => _file.Flush();

    /// <summary>
    /// Writes positions that lie lower than before (the log was cut) into both slots and flushes: no older, higher slot may
    /// come back.
    /// </summary>
    public void Replace(Positions positions)
    {
        Write(positions);
        Write(positions);
        Flush();
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

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

    private static (Positions Positions, ulong Sequence) ReadSlots(IFile file)
    {
        Span<byte> bytes = stackalloc byte[SlotSize];
        (Positions Positions, ulong Sequence)? best = null;
        for (var slot = 0; slot < 2; slot++)
        {
            bytes.Clear();
            if (file.Read(slot * SlotDistance, bytes) < SlotSize || !bytes.StartsWith(Magic)) continue;
            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]) != Crc32C.AroundItself(bytes)) continue;
            var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
            if (version != FormatVersion) continue;
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
                sequence);
        }

        return best ?? throw new DamageException(
            file.Path, 0, "positions", "a sound slot at byte 0 or 4096", "none",
            "Without it nobody knows which records were flushed or durable. Restore the directory from a peer; or, to go on with what the log itself shows, remove the file.");
    }
}
