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

    /// <summary>The primary of the term has stepped down for whom it asks: that one is to stand at once.</summary>
    TakeOver = 5,

    /// <summary>For the vote of a term that the primary of the term before hands over: no voter need miss that one first.</summary>
    HandedVote = 6,
}

/// <summary>
/// One node asks another in an election.
/// <code>
///  0 u8  opcode 24
///  1 16  group, 16 node      most significant byte first
/// 33 u16 length, name        UTF-8
///    u8  kind                1 look, 2 pre-vote, 3 vote, 4 announce, 5 take over, 6 handed vote
///    u8  bootstrap           1 when the sender has found every voter new
///    u64 term
///    u64 last term, i64 last the end of its log; last is -1 when it is empty
///    u16 length, address     where the sender listens, UTF-8
///    u64 roster              a hash of the members that it knows of
/// </code>
/// </summary>
internal readonly record struct Poll(
    GroupId Group, NodeId Node, string Name, PollKind Kind, bool IsBootstrap, Term Term, Term LastTerm, Vlsn Last, string Address = "", ulong Roster = 0)
    : IMessage<Poll>
{
    private const int FixedSize = 1 + GroupId.Size + NodeId.Size + (2 * sizeof(ushort)) + 2 + (4 * sizeof(long));

    /// <inheritdoc/>
    public Opcode Opcode => Opcode.Poll;

    /// <inheritdoc/>
    public int EncodedLength => FixedSize + Encoding.UTF8.GetByteCount(Name) + Encoding.UTF8.GetByteCount(Address);

    /// <inheritdoc/>
    public static Poll Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.Poll);
        var group = new GroupId(reader.ReadGuid("group"));
        var node = new NodeId(reader.ReadGuid("node"));
        var name = reader.ReadText("name", Limits.NodeNameBytes);
        var kind = reader.ReadByte("kind");
        if (kind is < (byte)PollKind.Look or > (byte)PollKind.HandedVote) throw reader.Fault("kind", "1 to 6", $"{kind}");
        var bootstrap = reader.ReadFlag("bootstrap");
        var term = new Term(reader.ReadUInt64("term"));
        var lastTerm = new Term(reader.ReadUInt64("lastTerm"));
        var last = reader.ReadVlsnOrNull("last");
        if (last.IsNull && lastTerm != Term.None) throw reader.Fault("lastTerm", "0 where the log is empty", $"{lastTerm}");
        var address = reader.ReadText("address", Limits.AddressBytes);
        var roster = reader.ReadUInt64("roster");
        reader.End();
        return new Poll(group, node, name, (PollKind)kind, bootstrap, term, lastTerm, last, address, roster);
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
        writer.WriteText(Address, Limits.AddressBytes);
        writer.WriteUInt64(Roster);
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
///    u16 length, address     where the primary listens, UTF-8; empty when none is known
///    u16 length, reason      UTF-8; why it was not granted
///    u8  stranger            1 when the asker is no member, and who answers knows better than it: it hears a primary, or has a longer log
/// </code>
/// </summary>
internal readonly record struct PollAnswer(
    string Name, Term Term, bool Granted, Standing Standing, string Primary, Term PrimaryTerm, string Reason, string PrimaryAddress = "", bool IsStranger = false)
    : IMessage<PollAnswer>
{
    private const int FixedSize = 1 + (4 * sizeof(ushort)) + (2 * sizeof(ulong)) + 3;

    /// <inheritdoc/>
    public Opcode Opcode => Opcode.PollAnswer;

    /// <inheritdoc/>
    public int EncodedLength =>
        FixedSize + Encoding.UTF8.GetByteCount(Name) + Encoding.UTF8.GetByteCount(Primary) + Encoding.UTF8.GetByteCount(Reason) + Encoding.UTF8.GetByteCount(PrimaryAddress);

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
        var address = reader.ReadText("address", Limits.AddressBytes);
        if (primary.Length == 0 && address.Length > 0) throw reader.Fault("address", "none where no primary is named", address);
        var reason = reader.ReadText("reason", Limits.ReasonBytes);
        var stranger = reader.ReadFlag("stranger");
        reader.End();
        return new PollAnswer(name, term, granted, (Standing)standing, primary, primaryTerm, reason, address, stranger);
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
        writer.WriteText(PrimaryAddress, Limits.AddressBytes);
        writer.WriteText(Reason, Limits.ReasonBytes);
        writer.WriteFlag(IsStranger);
        writer.End();
    }
}
