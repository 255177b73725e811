using System.Text;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>What a poll asks.</summary>
internal enum PollKind : byte
{
    /// <summary>Who is there, who is the primary: asks for nothing.</summary>
    Look = 1,

    /// <summary>Whether a vote would be given.</summary>
    PreVote = 2,

    /// <summary>For the vote of a term.</summary>
    Vote = 3,

    /// <summary>Tells that the sender is the primary of the term.</summary>
    Announce = 4,
}

/// <summary>
/// One node asks another in an election.
/// <code>
///  0 u8  opcode 24
///  1 16  group, 16 node      most significant byte first
/// 33 u16 length, name        UTF-8
///    u8  kind                1 look, 2 pre-vote, 3 vote, 4 announce
///    u8  bootstrap           1 when the sender has found every voter new
///    u64 term
///    u64 last term, i64 last the end of its log; last is -1 when it is empty
/// </code>
/// </summary>
internal readonly record struct Poll(
    GroupId Group, NodeId Node, string Name, PollKind Kind, bool IsBootstrap, Term Term, Term LastTerm, Vlsn Last) : IMessage<Poll>
{
    private const int FixedSize = 1 + GroupId.Size + NodeId.Size + sizeof(ushort) + 2 + (3 * sizeof(long));

    /// <inheritdoc/>
    public Opcode Opcode => Opcode.Poll;

    /// <inheritdoc/>
    public int EncodedLength => FixedSize + Encoding.UTF8.GetByteCount(Name);

    /// <inheritdoc/>
    public static Poll Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.Poll);
        var group = new GroupId(reader.ReadGuid("group"));
        var node = new NodeId(reader.ReadGuid("node"));
        var name = reader.ReadText("name", Limits.NodeNameBytes);
        var kind = reader.ReadByte("kind");
        if (kind is < (byte)PollKind.Look or > (byte)PollKind.Announce) throw reader.Fault("kind", "1 to 4", $"{kind}");
        var bootstrap = reader.ReadFlag("bootstrap");
        var term = new Term(reader.ReadUInt64("term"));
        var lastTerm = new Term(reader.ReadUInt64("lastTerm"));
        var last = reader.ReadVlsnOrNull("last");
        if (last.IsNull && lastTerm != Term.None) throw reader.Fault("lastTerm", "0 where the log is empty", $"{lastTerm}");
        reader.End();
        return new Poll(group, node, name, (PollKind)kind, bootstrap, term, lastTerm, last);
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteGuid(Group.Value);
        writer.WriteGuid(Node.Value);
        writer.WriteText(Name, Limits.NodeNameBytes);
        writer.WriteByte((byte)Kind);
        writer.WriteFlag(IsBootstrap);
        writer.WriteUInt64(Term.Value);
        writer.WriteUInt64(LastTerm.Value);
        writer.WriteVlsn(Last);
        writer.End();
    }
}

/// <summary>
/// The answer to a <see cref="Poll"/>.
/// <code>
///  0 u8  opcode 25
///  1 u16 length, name        UTF-8
///    u64 term
///    u8  granted
///    u8  standing            0 full, 1 new, 2 ballot lost, 3 rebooted
///    u16 length, primary     UTF-8; empty when none is known
///    u64 primary's term      0 when none is known
///    u16 length, reason      UTF-8; why it was not granted
/// </code>
/// </summary>
internal readonly record struct PollAnswer(
    string Name, Term Term, bool Granted, Standing Standing, string Primary, Term PrimaryTerm, string Reason) : IMessage<PollAnswer>
{
    private const int FixedSize = 1 + (3 * sizeof(ushort)) + (2 * sizeof(ulong)) + 2;

    /// <inheritdoc/>
    public Opcode Opcode => Opcode.PollAnswer;

    /// <inheritdoc/>
    public int EncodedLength =>
        FixedSize + Encoding.UTF8.GetByteCount(Name) + Encoding.UTF8.GetByteCount(Primary) + Encoding.UTF8.GetByteCount(Reason);

    /// <inheritdoc/>
    public static PollAnswer Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.PollAnswer);
        var name = reader.ReadText("name", Limits.NodeNameBytes);
        var term = new Term(reader.ReadUInt64("term"));
        var granted = reader.ReadFlag("granted");
        var standing = reader.ReadByte("standing");
        if (standing > (byte)Standing.Rebooted) throw reader.Fault("standing", "0 to 3", $"{standing}");
        var primary = reader.ReadText("primary", Limits.NodeNameBytes);
        var primaryTerm = new Term(reader.ReadUInt64("primaryTerm"));
        if (primaryTerm > term) throw reader.Fault("primaryTerm", $"0 to {term}", $"{primaryTerm}");
        if (primary.Length == 0 != (primaryTerm == Term.None)) throw reader.Fault("primaryTerm", "0 exactly where no primary is named", $"{primaryTerm}");
        var reason = reader.ReadText("reason", Limits.ReasonBytes);
        reader.End();
        return new PollAnswer(name, term, granted, (Standing)standing, primary, primaryTerm, reason);
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteText(Name, Limits.NodeNameBytes);
        writer.WriteUInt64(Term.Value);
        writer.WriteFlag(Granted);
        writer.WriteByte((byte)Standing);
        writer.WriteText(Primary, Limits.NodeNameBytes);
        writer.WriteUInt64(PrimaryTerm.Value);
        writer.WriteText(Reason, Limits.ReasonBytes);
        writer.End();
    }
}
