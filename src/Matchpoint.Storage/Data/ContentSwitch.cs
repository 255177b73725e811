using System.Buffers.Binary;
using System.Globalization;
using Matchpoint.Protocol;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Data;

/// <summary>
/// Where in a data directory the log and the state lie: the file <c>content</c>, replaced in one durable step when a full copy takes their place. Where there is none they lie in the
/// directory itself. Little-endian:
/// <code>
///  0 8 bytes "MPCONTNT"
///  8 u32 format version
/// 12 u32 CRC-32C of all the other bytes
/// 16 u32 how many copies were installed so far
/// </code>
/// </summary>
internal static class ContentSwitch
{
    private const uint FormatVersion = 1;
    private const int Size = 20;

    private static ReadOnlySpan<byte> Magic => "MPCONTNT"u8;

    /// <summary>The directory, below the data directory, in which the nth copy lies; empty for the data directory itself. Two names take turns.</summary>
    public static string NameOf(int copy) => copy == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"copy-{2 - (copy % 2)}");

    /// <summary>How many copies were installed so far.</summary>
    /// <exception cref="StorageException">The file is damaged, foreign, or of a newer format.</exception>
    public static int Read(IFileSystem files, string path)
    {
        if (!files.FileExists(path)) return 0;
        var bytes = DurableFile.Read(files, path, 4096);
        if (bytes.Length < Size) throw new DamageException(path, bytes.Length, "length", $"{Size} bytes", $"{bytes.Length} bytes", DamageException.RestoreAdvice);
        if (!bytes.AsSpan().StartsWith(Magic)) throw new DamageException(path, 0, "content: magic", "MPCONTNT", Convert.ToHexStringLower(bytes.AsSpan(0, 8)), DamageException.RestoreAdvice);
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(12));
        var computed = Crc32C.AroundItself(bytes);
        if (stored != computed) throw new DamageException(path, 12, "content: CRC-32C", $"{computed:x8}", $"{stored:x8}", DamageException.RestoreAdvice);
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (version != FormatVersion)
            throw new ForeignException($"{path}: the content file has format {version}; this build knows format {FormatVersion}. Use the version of Matchpoint that wrote it, or a newer one.");
        return (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(16));
    }

    /// <summary>Makes the nth copy the content, in one durable step.</summary>
    public static void Write(IFileSystem files, string path, int copy)
    {
        Span<byte> bytes = stackalloc byte[Size];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], FormatVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[16..], (uint)copy);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], Crc32C.AroundItself(bytes));
        DurableFile.Replace(files, path, bytes);
    }
}
