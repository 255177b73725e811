using System.Buffers.Binary;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Data;

/// <summary>
/// Whose directory it is: the file <c>identity</c>, written once when the directory is made. Little-endian:
/// <code>
///  0 8 bytes "MPNODE\0\0"
///  8 u32 format version of the directory
/// 12 u32 CRC-32C of all the other bytes
/// 16 16 bytes group id, big-endian UUID
/// 32 16 bytes node id, big-endian UUID
/// </code>
/// </summary>
internal readonly record struct NodeIdentity(GroupId Group, NodeId Node)
{
    /// <summary>The format that this build writes and reads.</summary>
    public const uint FormatVersion = 1;

    private const int Size = 48;

    private static ReadOnlySpan<byte> Magic => "MPNODE\0\0"u8;

    /// <summary>Reads the file.</summary>
    /// <exception cref="StorageException">It is damaged, foreign, or of a newer format.</exception>
    public static NodeIdentity Read(IFileSystem files, string path)
    {
        var bytes = DurableFile.Read(files, path, 4096);
        if (bytes.Length < Size)
            throw new DamageException(path, bytes.Length, "length", $"{Size} bytes", $"{bytes.Length} bytes", DamageException.RestoreAdvice);
        if (!bytes.AsSpan().StartsWith(Magic))
            throw new ForeignException($"{path}: this is not a Matchpoint identity file: expected it to begin with MPNODE, found {Convert.ToHexStringLower(bytes.AsSpan(0, 8))}.");
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(12));
        var computed = Crc32C.AroundItself(bytes);
        if (stored != computed)
            throw new DamageException(path, 12, "identity: CRC-32C", $"{computed:x8}", $"{stored:x8}", DamageException.RestoreAdvice);
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (version != FormatVersion)
            throw new ForeignException($"{path}: the directory has format {version}; this build knows format {FormatVersion}. Use the version of Matchpoint that wrote it, or a newer one.");
        return new NodeIdentity(
            new GroupId(new Guid(bytes.AsSpan(16, GroupId.Size), bigEndian: true)),
            new NodeId(new Guid(bytes.AsSpan(32, NodeId.Size), bigEndian: true)));
    }

    /// <summary>Writes the file, durably.</summary>
    public void Write(IFileSystem files, string path)
    {
        Span<byte> bytes = stackalloc byte[Size];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], FormatVersion);
        Group.Value.TryWriteBytes(bytes[16..], bigEndian: true, out _);
        Node.Value.TryWriteBytes(bytes[32..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], Crc32C.AroundItself(bytes));
        DurableFile.Replace(files, path, bytes);
    }
}
