using System.Text;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// A node asks for a range of the log, to mend its own with: opcode 48, u16 version, 16 bytes group, 16 bytes node, name (u16 length, UTF-8), u64 LSN of the first record, u64 LSN up to
/// which records are wanted.
/// </summary>
/// <param name="Version">The version of the service.</param>
/// <param name="Group">The group.</param>
/// <param name="Node">The node.</param>
/// <param name="Name">Its name.</param>
/// <param name="From">Where the first record begins.</param>
/// <param name="To">Up to where records are wanted; the last one may reach beyond.</param>
internal readonly record struct RangeRequest(ushort Version, GroupId Group, NodeId Node, string Name, Lsn From, Lsn To) : IMessage<RangeRequest>
{
    /// <summary>The version that this build speaks.</summary>
    public const ushort CurrentVersion = 1;

    /// <inheritdoc/>
    public Opcode Opcode => Opcode.RangeRequest;

    /// <inheritdoc/>
    public int EncodedLength => 1 + sizeof(ushort) + GroupId.Size + NodeId.Size + sizeof(ushort) + Encoding.UTF8.GetByteCount(Name) + sizeof(ulong) + sizeof(ulong);

    /// <inheritdoc/>
    public static RangeRequest Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.RangeRequest);
        var message = new RangeRequest(
            reader.ReadUInt16("version"), new GroupId(reader.ReadGuid("group")), new NodeId(reader.ReadGuid("node")), reader.ReadText("name", Limits.NodeNameBytes),
            new Lsn(reader.ReadUInt64("from")), new Lsn(reader.ReadUInt64("to")));
        if (message.To <= message.From) throw reader.Fault("to", $"more than {message.From}", $"{message.To}");
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteUInt16(Version);
        writer.WriteGuid(Group.Value);
        writer.WriteGuid(Node.Value);
        writer.WriteText(Name, Limits.NodeNameBytes);
        writer.WriteUInt64(From.Value);
        writer.WriteUInt64(To.Value);
        writer.End();
    }
}

/// <summary>
/// Where the log of the one that is asked stands before a range; its records follow, in frames with opcode 21. Opcode 49, i64 VLSN before the range (-1 none), u64 LSN, u64 fingerprint
/// there, u64 term there, u64 LSN up to which records follow, i64 the highest record that it knows to be durable (-1 none).
/// </summary>
/// <param name="Before">Where the log stands before the range.</param>
/// <param name="End">Up to where records follow: less than was asked for where the log ends before.</param>
/// <param name="Durable">The highest record known to be durable.</param>
internal readonly record struct RangeOffer(LogPosition Before, Lsn End, Vlsn Durable) : IMessage<RangeOffer>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.RangeOffer;

    /// <inheritdoc/>
    public int EncodedLength => 1 + (6 * sizeof(long));

    /// <inheritdoc/>
    public static RangeOffer Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.RangeOffer);
        var before = new LogPosition(
            reader.ReadVlsnOrNull("before"), new Lsn(reader.ReadUInt64("lsn")), new Fingerprint(reader.ReadUInt64("fingerprint")), new Term(reader.ReadUInt64("term")));
        var message = new RangeOffer(before, new Lsn(reader.ReadUInt64("end")), reader.ReadVlsnOrNull("durable"));
        if (message.End <= before.End) throw reader.Fault("end", $"more than {before.End}", $"{message.End}");
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteVlsn(Before.Vlsn);
        writer.WriteUInt64(Before.End.Value);
        writer.WriteUInt64(Before.Fingerprint.Value);
        writer.WriteUInt64(Before.Term.Value);
        writer.WriteUInt64(End.Value);
        writer.WriteVlsn(Durable);
        writer.End();
    }
}
