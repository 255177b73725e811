using System.Buffers.Binary;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>
/// The promise to finish a cut: the file <c>cut</c>, there from before the first byte goes until the last is gone. Whoever opens
/// the directory and finds it finishes the cut first. Little-endian:
/// <code>
///  0 8 bytes "MPLOGCUT"
///  8 u32 format version
/// 12 u32 CRC-32C of all the other bytes of the file
/// 16 i64 VLSN of the last record to stay, -1 none
/// 24 u64 LSN behind it
/// 32 u64 fingerprint there
/// 40 u64 term there
/// 48 the export's file name in UTF-8, empty when nothing is exported
/// </code>
/// Once the cut is finished the eight bytes "MPCUTEND" alone take its place, durably, and only then it is removed: were the flush of the removal to fail, the promise would come back with a
/// power cut, and with it go what was acknowledged since.
/// </summary>
/// <param name="Position">Where the log ends afterwards.</param>
/// <param name="Export">The name of the pending export in the rollbacks directory; empty when there is none.</param>
internal sealed record CutIntent(LogPosition Position, string Export)
{
    private const uint FormatVersion = 1;
    private const int HeaderSize = 48;
    private const int MostBytes = 4096;

    private static ReadOnlySpan<byte> Magic => "MPLOGCUT"u8;

    private static ReadOnlySpan<byte> Finished => "MPCUTEND"u8;

    /// <summary>Reads the intent; null when no cut is under way.</summary>
    /// <exception cref="StorageException">The file is damaged or of a newer format.</exception>
    public static CutIntent? TryRead(IFileSystem files, string path)
    {
        if (!files.FileExists(path)) return null;
        var bytes = DurableFile.Read(files, path, MostBytes).AsSpan();
        if (bytes.SequenceEqual(Finished)) return null;
        if (bytes.Length < HeaderSize || !bytes.StartsWith(Magic))
            throw Damaged(path, 0, "magic and length", $"MPLOGCUT and {HeaderSize} bytes or more", $"{bytes.Length} bytes");
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        var computed = Crc32C.AroundItself(bytes);
        if (stored != computed) throw Damaged(path, 12, "CRC-32C", $"{computed:x8}", $"{stored:x8}");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version != FormatVersion)
            throw new ForeignException($"{path}: the cut intent has format {version}; this build knows format {FormatVersion}. Use the version of Matchpoint that wrote it, or a newer one.");
        var rawVlsn = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]);
        if (!Vlsn.TryCreate(rawVlsn, out var vlsn)) throw Damaged(path, 16, "VLSN", "1 or more, or -1", $"{rawVlsn}");
        var position = new LogPosition(
            vlsn,
            new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..])),
            new Fingerprint(BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..])),
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..])));
        return new CutIntent(position, Encoding.UTF8.GetString(bytes[HeaderSize..]));
    }

    /// <summary>Writes the intent, durably.</summary>
    public void Write(IFileSystem files, string path)
    {
        var bytes = new byte[HeaderSize + Encoding.UTF8.GetByteCount(Export)];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), FormatVersion);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), Position.Vlsn.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), Position.End.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), Position.Fingerprint.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(40), Position.Term.Value);
        Encoding.UTF8.GetBytes(Export, bytes.AsSpan(HeaderSize));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), Crc32C.AroundItself(bytes));
        DurableFile.Replace(files, path, bytes);
    }

    /// <summary>Takes the promise back, durably, and removes the file: the cut is finished. May be repeated.</summary>
    public static void Clear(IFileSystem files, string path)
    {
        DurableFile.Replace(files, path, Finished);
        files.Delete(path);
        files.FlushDirectory(Path.GetDirectoryName(path)!);
    }

    private static DamageException Damaged(string path, long position, string field, string expected, string found) => new(
        path, position, $"cut intent: {field}", expected, found,
        "A cut of the log's tail was under way and cannot be finished without it. Restore this directory from a peer or a backup.");
}
