using System.Buffers.Binary;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Backups;

/// <summary>
/// What a backup consists of, in one file of <c>backups/</c>: a backup is there when its manifest is, which comes last, in one durable step. Little-endian:
/// <code>
///   0 8 bytes "MPBACKUP"
///   8 u32 format version
///  12 16 bytes XxHash3-128 of all the other bytes, the more significant eight bytes first
///  28 16 bytes group id, big-endian UUID
///  44 16 bytes id of the node it was taken from, big-endian UUID
///  60 i64 when, in microseconds since 1970-01-01 UTC
///  68 i64 VLSN of the first record in its log, -1 none
///  76 i64 durable VLSN, -1 none
///  84 u64 fingerprint at the last record
///  92 u64 term of the last record
/// 100 u16 length, name of the node in UTF-8
///     its files with the digests of their chunks: the message CopyOffer
/// </code>
/// </summary>
/// <param name="Id">The backup's name: the file's without its ending.</param>
/// <param name="TakenAt">When its picture was taken.</param>
/// <param name="Facts">Whose data it holds.</param>
/// <param name="Offer">Its files.</param>
internal sealed record BackupManifest(string Id, DateTimeOffset TakenAt, BackupFacts Facts, CopyOffer Offer)
{
    /// <summary>How the file's name ends.</summary>
    public const string Extension = ".manifest";

    /// <summary>What to do about a damaged one.</summary>
    public const string Advice = "This backup cannot be used. The others can; `matchpoint verify` tells whether they are whole.";

    private const uint FormatVersion = 1;
    private const int FixedSize = 102;
    private const int DigestAt = 12;
    private const int MostBytes = Limits.FrameBytes + FixedSize + Limits.NodeNameBytes;

    /// <summary>The last record in it.</summary>
    public Vlsn Last => Offer.Last;

    private static ReadOnlySpan<byte> Magic => "MPBACKUP"u8;

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="StorageException">It is damaged, foreign, or of a newer format.</exception>
    public static BackupManifest Read(IFileSystem files, string path)
    {
        var bytes = DurableFile.Read(files, path, MostBytes).AsSpan();
        if (bytes.Length < FixedSize) throw new DamageException(path, bytes.Length, "length", $"{FixedSize} bytes or more", $"{bytes.Length} bytes", Advice);
        if (!bytes.StartsWith(Magic))
            throw new DamageException(path, 0, "manifest: its first bytes", "MPBACKUP", Convert.ToHexStringLower(bytes[..8]), Advice);
        var stored = ReadDigest(bytes[DigestAt..]);
        bytes.Slice(DigestAt, ChunkDigest.Size).Clear();
        var computed = ChunkDigest.Of(bytes);
        if (stored != computed) throw new DamageException(path, DigestAt, "manifest: digest", $"{computed}", $"{stored}", Advice);
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version != FormatVersion)
            throw new ForeignException($"{path}: the manifest has format {version}; this build knows format {FormatVersion}. Use the version of Matchpoint that wrote it, or a newer one.");
        try
        {
            return Decode(Path.GetFileNameWithoutExtension(path), bytes);
        }
        catch (Exception error) when (error is ProtocolException or ArgumentException)
        {
            throw new DamageException(path, FixedSize, "manifest", "one that can be", error.Message, Advice);
        }
    }

    /// <summary>Writes it, durably: from here on the backup is there.</summary>
    public void Write(IFileSystem files, string path)
    {
        var name = Encoding.UTF8.GetBytes(Facts.Name);
        var bytes = new byte[FixedSize + name.Length + Offer.EncodedLength];
        var to = bytes.AsSpan();
        Magic.CopyTo(to);
        BinaryPrimitives.WriteUInt32LittleEndian(to[8..], FormatVersion);
        Facts.Group.Value.TryWriteBytes(to[28..], bigEndian: true, out _);
        Facts.Node.Value.TryWriteBytes(to[44..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(to[60..], (TakenAt - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        BinaryPrimitives.WriteInt64LittleEndian(to[68..], Facts.First.Value);
        BinaryPrimitives.WriteInt64LittleEndian(to[76..], Facts.Durable.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[84..], Facts.Fingerprint.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[92..], Facts.Term.Value);
        BinaryPrimitives.WriteUInt16LittleEndian(to[100..], (ushort)name.Length);
        name.CopyTo(to[FixedSize..]);
        Offer.Encode(to[(FixedSize + name.Length)..]);
        var digest = ChunkDigest.Of(bytes).Value;
        BinaryPrimitives.WriteUInt64LittleEndian(to[DigestAt..], (ulong)(digest >> 64));
        BinaryPrimitives.WriteUInt64LittleEndian(to[(DigestAt + 8)..], (ulong)digest);
        DurableFile.Replace(files, path, bytes);
    }

    private static BackupManifest Decode(string id, ReadOnlySpan<byte> bytes)
    {
        int length = BinaryPrimitives.ReadUInt16LittleEndian(bytes[100..]);
        var name = Encoding.UTF8.GetString(bytes.Slice(FixedSize, length));
        var facts = new BackupFacts(
            new GroupId(new Guid(bytes.Slice(28, GroupId.Size), bigEndian: true)), new NodeId(new Guid(bytes.Slice(44, NodeId.Size), bigEndian: true)), name,
            ReadVlsn(bytes[68..]), ReadVlsn(bytes[76..]), new Fingerprint(BinaryPrimitives.ReadUInt64LittleEndian(bytes[84..])), new Term(BinaryPrimitives.ReadUInt64LittleEndian(bytes[92..])));
        return new BackupManifest(
            id, DateTimeOffset.UnixEpoch.AddMicroseconds(BinaryPrimitives.ReadInt64LittleEndian(bytes[60..])), facts, CopyOffer.Decode(bytes[(FixedSize + length)..]));
    }

    private static Vlsn ReadVlsn(ReadOnlySpan<byte> bytes)
    {
        var value = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        return Vlsn.TryCreate(value, out var vlsn) ? vlsn : throw new ProtocolException(nameof(BackupManifest), "record", "a record's number, or -1", $"{value}");
    }

    private static ChunkDigest ReadDigest(ReadOnlySpan<byte> bytes) =>
        new(new UInt128(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..])));
}
