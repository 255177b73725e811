using System.Collections.Immutable;
using System.Text;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// A node asks for a full copy: opcode 31, u16 version, 16 bytes group, 16 bytes node, name (u16 length, UTF-8), u64 the highest term it knows of, i64 the first record that its
/// primary still keeps (-1 when it keeps all).
/// </summary>
/// <param name="Version">The version of the service.</param>
/// <param name="Group">The group.</param>
/// <param name="Node">The node.</param>
/// <param name="Name">Its name.</param>
/// <param name="Term">The highest term it knows of.</param>
/// <param name="NeededFrom">The copy must reach up to the record before this one at least, or the stream cannot go on behind it.</param>
internal readonly record struct CopyRequest(ushort Version, GroupId Group, NodeId Node, string Name, Term Term, Vlsn NeededFrom) : IMessage<CopyRequest>
{
    /// <summary>The version that this build speaks.</summary>
    public const ushort CurrentVersion = 2;

    /// <inheritdoc/>
    public Opcode Opcode => Opcode.CopyRequest;

    /// <inheritdoc/>
    public int EncodedLength => 1 + sizeof(ushort) + GroupId.Size + NodeId.Size + sizeof(ushort) + Encoding.UTF8.GetByteCount(Name) + sizeof(ulong) + sizeof(long);

    /// <inheritdoc/>
    public static CopyRequest Decode(ReadOnlySpan<byte> frame) => DecodeAs(frame, Opcode.CopyRequest);

    /// <summary>Reads the frame of a message that has the same body.</summary>
    /// <exception cref="ProtocolException">The bytes are not this message in its one encoding.</exception>
    public static CopyRequest DecodeAs(ReadOnlySpan<byte> frame, Opcode opcode)
    {
        var reader = new MessageReader(frame, opcode);
        var message = new CopyRequest(
            reader.ReadUInt16("version"), new GroupId(reader.ReadGuid("group")), new NodeId(reader.ReadGuid("node")), reader.ReadText("name", Limits.NodeNameBytes),
            new Term(reader.ReadUInt64("term")), reader.ReadVlsnOrNull("needed from"));
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame) => EncodeAs(frame, Opcode);

    /// <summary>Writes the frame of a message that has the same body.</summary>
    public void EncodeAs(Span<byte> frame, Opcode opcode)
    {
        var writer = new MessageWriter(frame, opcode);
        writer.WriteUInt16(Version);
        writer.WriteGuid(Group.Value);
        writer.WriteGuid(Node.Value);
        writer.WriteText(Name, Limits.NodeNameBytes);
        writer.WriteUInt64(Term.Value);
        writer.WriteVlsn(NeededFrom);
        writer.End();
    }
}

/// <summary>One file of a copy.</summary>
/// <param name="Name">Where it goes: <c>log/</c> or <c>state/</c> and a plain file name.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Chunks">The digest of each chunk: all are <see cref="Limits.ChunkBytes"/> long but the last, which may be shorter.</param>
internal sealed record CopyFile(string Name, long Length, ImmutableArray<ChunkDigest> Chunks)
{
    /// <summary>The longest name, in bytes.</summary>
    public const int NameBytes = 128;

    /// <summary>How many chunks a file of a length has.</summary>
    public static long ChunksOf(long length) => (length + Limits.ChunkBytes - 1) / Limits.ChunkBytes;

    /// <summary>How long a chunk is.</summary>
    public int LengthOf(int chunk) => (int)Math.Min(Limits.ChunkBytes, Length - ((long)chunk * Limits.ChunkBytes));

    /// <summary>Whether a name is one that a copy may bring: nothing that leads elsewhere.</summary>
    public static bool IsPlain(string name)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || name[..slash] is not ("log" or "state")) return false;
        var file = name.AsSpan(slash + 1);
        if (file.IsEmpty || file[0] == '.' || name.Length > NameBytes) return false;
        foreach (var character in file)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('.' or '-' or '_')) return false;
        }

        return true;
    }
}

/// <summary>
/// What a copy consists of: opcode 32, 16 bytes id of the copy, i64 the last record in its state, i64 the last record in its log, u16 count of files, and for each: name (u16 length,
/// UTF-8), u64 length, 16 bytes digest of each chunk, the more significant eight bytes first, each little-endian.
/// </summary>
/// <param name="Id">The copy.</param>
/// <param name="Applied">The last record in its state.</param>
/// <param name="Last">The last record in its log: durable, so that no part of the copy is ever undone.</param>
/// <param name="Files">Its files, by name in ordinal order.</param>
internal readonly record struct CopyOffer(Guid Id, Vlsn Applied, Vlsn Last, ImmutableArray<CopyFile> Files) : IMessage<CopyOffer>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.CopyOffer;

    /// <summary>All bytes of all files.</summary>
    public long TotalBytes => Files.Sum(static file => file.Length);

    /// <inheritdoc/>
    public int EncodedLength => 1 + 16 + sizeof(long) + sizeof(long) + sizeof(ushort)
        + Files.Sum(static file => sizeof(ushort) + Encoding.UTF8.GetByteCount(file.Name) + sizeof(ulong) + (file.Chunks.Length * ChunkDigest.Size));

    /// <inheritdoc/>
    public static CopyOffer Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.CopyOffer);
        var id = reader.ReadGuid("id");
        var applied = reader.ReadVlsnOrNull("applied");
        var last = reader.ReadVlsnOrNull("last");
        if (applied > last) throw reader.Fault("applied", $"up to {last}", $"{applied}");
        var count = reader.ReadUInt16("count");
        var files = ImmutableArray.CreateBuilder<CopyFile>();
        for (var i = 0; i < count; i++)
        {
            var file = ReadFile(ref reader, i);
            if (i > 0 && string.CompareOrdinal(file.Name, files[i - 1].Name) <= 0) throw reader.Fault($"file[{i}].name", $"behind {files[i - 1].Name}", file.Name);
            files.Add(file);
        }

        reader.End();
        return new CopyOffer(id, applied, last, files.ToImmutable());
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteGuid(Id);
        writer.WriteVlsn(Applied);
        writer.WriteVlsn(Last);
        writer.WriteUInt16((ushort)Files.Length);
        foreach (var file in Files)
        {
            writer.WriteText(file.Name, CopyFile.NameBytes);
            writer.WriteUInt64((ulong)file.Length);
            foreach (var digest in file.Chunks)
            {
                writer.WriteUInt64((ulong)(digest.Value >> 64));
                writer.WriteUInt64((ulong)digest.Value);
            }
        }

        writer.End();
    }

    /// <inheritdoc/>
    public bool Equals(CopyOffer other) => Id == other.Id && Applied == other.Applied && Last == other.Last && Files.Length == other.Files.Length
        && Files.Zip(other.Files).All(static pair => pair.First.Name == pair.Second.Name && pair.First.Length == pair.Second.Length && pair.First.Chunks.SequenceEqual(pair.Second.Chunks));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Applied, Last, Files.Length);

    private static CopyFile ReadFile(ref MessageReader reader, int index)
    {
        var name = reader.ReadText($"file[{index}].name", CopyFile.NameBytes);
        if (!CopyFile.IsPlain(name)) throw reader.Fault($"file[{index}].name", "log/ or state/ and a plain file name", name);
        var length = reader.ReadUInt64($"file[{index}].length");
        // Each chunk takes sixteen bytes of the message: what it cannot hold it cannot make anybody allocate.
        if (length > (ulong)(reader.Rest.Length / ChunkDigest.Size) * Limits.ChunkBytes)
            throw reader.Fault($"file[{index}].length", $"as many bytes as digests follow for, {reader.Rest.Length / ChunkDigest.Size}", $"{length}");
        var chunks = ImmutableArray.CreateBuilder<ChunkDigest>((int)CopyFile.ChunksOf((long)length));
        for (var i = 0; i < chunks.Capacity; i++)
        {
            var upper = reader.ReadUInt64($"file[{index}].chunk[{i}]");
            chunks.Add(new ChunkDigest(new UInt128(upper, reader.ReadUInt64($"file[{index}].chunk[{i}]"))));
        }

        return new CopyFile(name, (long)length, chunks.MoveToImmutable());
    }
}

/// <summary>A node wants a chunk of the copy that it was offered: opcode 33, u16 file, u64 chunk, both counted from 0.</summary>
internal readonly record struct ChunkRequest(ushort File, ulong Chunk) : IMessage<ChunkRequest>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.ChunkRequest;

    /// <inheritdoc/>
    public int EncodedLength => 1 + sizeof(ushort) + sizeof(ulong);

    /// <inheritdoc/>
    public static ChunkRequest Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.ChunkRequest);
        var message = new ChunkRequest(reader.ReadUInt16("file"), reader.ReadUInt64("chunk"));
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteUInt16(File);
        writer.WriteUInt64(Chunk);
        writer.End();
    }
}

/// <summary>
/// The head of a frame that brings a chunk: opcode 34, u16 file, u64 chunk, then the chunk's bytes to the end of the frame. They are not copied on their way: whoever sends puts them
/// behind the head, whoever receives looks at them where they lie.
/// </summary>
internal readonly ref struct Chunk
{
    /// <summary>Bytes before those of the chunk.</summary>
    public const int HeadSize = 1 + sizeof(ushort) + sizeof(ulong);

    private Chunk(ushort file, ulong index, ReadOnlySpan<byte> bytes)
    {
        File = file;
        Index = index;
        Bytes = bytes;
    }

    /// <summary>The file.</summary>
    public ushort File { get; }

    /// <summary>The chunk in it.</summary>
    public ulong Index { get; }

    /// <summary>What it holds.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>Reads a frame.</summary>
    /// <exception cref="ProtocolException">It is none that brings a chunk.</exception>
    public static Chunk Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.Chunk);
        var file = reader.ReadUInt16("file");
        var index = reader.ReadUInt64("chunk");
        if (reader.Rest.Length is 0 or > Limits.ChunkBytes) throw reader.Fault("bytes", $"1 to {Limits.ChunkBytes}", $"{reader.Rest.Length}");
        return new Chunk(file, index, reader.Rest);
    }

    /// <summary>Writes the head of a frame.</summary>
    public static void EncodeHead(Span<byte> frame, ushort file, ulong chunk)
    {
        var writer = new MessageWriter(frame[..HeadSize], Opcode.Chunk);
        writer.WriteUInt16(file);
        writer.WriteUInt64(chunk);
        writer.End();
    }
}
