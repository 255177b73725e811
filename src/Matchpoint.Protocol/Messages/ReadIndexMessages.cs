using System.Text;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// A replica asks the primary how far it must be to serve a linearizable read: opcode 26, 16 bytes group, 16 bytes node (most significant byte first).
/// </summary>
internal readonly record struct ReadIndexRequest(GroupId Group, NodeId Node) : IMessage<ReadIndexRequest>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.ReadIndexRequest;

    /// <inheritdoc/>
    public int EncodedLength => 1 + GroupId.Size + NodeId.Size;

    /// <inheritdoc/>
    public static ReadIndexRequest Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.ReadIndexRequest);
        var message = new ReadIndexRequest(new GroupId(reader.ReadGuid("group")), new NodeId(reader.ReadGuid("node")));
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteGuid(Group.Value);
        writer.WriteGuid(Node.Value);
        writer.End();
    }
}

/// <summary>The primary's answer: opcode 27, u8 confirmed, i64 VLSN (-1 when not), reason (u16 length, UTF-8).</summary>
/// <param name="IsConfirmed">Whether the sender was the primary when the question came.</param>
/// <param name="Vlsn">The last record that was durable then.</param>
/// <param name="Reason">Why it does not confirm.</param>
internal readonly record struct ReadIndexAnswer(bool IsConfirmed, Vlsn Vlsn, string Reason) : IMessage<ReadIndexAnswer>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.ReadIndexAnswer;

    /// <inheritdoc/>
    public int EncodedLength => 1 + 1 + sizeof(long) + sizeof(ushort) + Encoding.UTF8.GetByteCount(Reason);

    /// <inheritdoc/>
    public static ReadIndexAnswer Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.ReadIndexAnswer);
        var message = new ReadIndexAnswer(reader.ReadFlag("confirmed"), reader.ReadVlsnOrNull("vlsn"), reader.ReadText("reason", Limits.ReasonBytes));
        if (!message.IsConfirmed && !message.Vlsn.IsNull) throw reader.Fault("vlsn", "-1 where it is not confirmed", $"{message.Vlsn}");
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteFlag(IsConfirmed);
        writer.WriteVlsn(Vlsn);
        writer.WriteText(Reason, Limits.ReasonBytes);
        writer.End();
    }
}
