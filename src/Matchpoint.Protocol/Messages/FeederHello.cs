using System.Text;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// The feeder's reply to a <see cref="ReplicaHello"/>: who it is, which version is spoken from here on, what it holds,
/// and in version 2 its proof of where the logs part.
/// <code>
///  0 u8  opcode 17
///  1 u16 version
///  3 16  group, 16 node     most significant byte first
/// 35 u16 length, name       UTF-8
///    u64 current term
///    u64 primary term       0 when the feeder is not confirmed
///    i64 first, i64 last    the records held; both -1 when there are none
///    i64 clock              microseconds since 1970-01-01 UTC
///    i64 durable VLSN       -1 when there is none
///    u8  answer             0 none, 1 the entry at c, 2 the entries at c and c + 1; always 0 in version 1
///        entries            i64 VLSN, u64 LSN, u64 fingerprint, u8 isSync each
/// </code>
/// </summary>
/// <param name="Version">The version spoken from here on.</param>
/// <param name="Group">The group of the log.</param>
/// <param name="Node">Who speaks.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Term">The highest term it knows of.</param>
/// <param name="PrimaryTerm">The term as whose primary the feeder is confirmed, by a majority itself or through the
/// primary that feeds it; none when it is not confirmed.</param>
/// <param name="First">The oldest record held; null when there is none.</param>
/// <param name="Last">The newest record held; null when there is none.</param>
/// <param name="Clock">The time there, in microseconds since 1970-01-01 UTC.</param>
/// <param name="Durable">The highest record it knows to be on a majority.</param>
/// <param name="Answer">Where it thinks the logs part, with the proof.</param>
internal readonly record struct FeederHello(
    ushort Version,
    GroupId Group,
    NodeId Node,
    string Name,
    Term Term,
    Term PrimaryTerm,
    Vlsn First,
    Vlsn Last,
    long Clock,
    Vlsn Durable,
    SyncupAnswer Answer) : IMessage<FeederHello>
{
    private const int FixedSize = 1 + sizeof(ushort) + GroupId.Size + NodeId.Size + sizeof(ushort) + (6 * sizeof(long));

    /// <inheritdoc/>
    public Opcode Opcode => Opcode.FeederHello;

    /// <inheritdoc/>
    public int EncodedLength => FixedSize + Encoding.UTF8.GetByteCount(Name) + Answer.EncodedLength;

    /// <inheritdoc/>
    public static FeederHello Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.FeederHello);
        var version = reader.ReadUInt16("version");
        if (version == 0) throw reader.Fault("version", "1 or more", "0");
        var group = new GroupId(reader.ReadGuid("group"));
        var node = new NodeId(reader.ReadGuid("node"));
        var name = reader.ReadText("name", Limits.NodeNameBytes);
        var term = new Term(reader.ReadUInt64("term"));
        var primaryTerm = new Term(reader.ReadUInt64("primaryTerm"));
        if (primaryTerm > term) throw reader.Fault("primaryTerm", $"0 to {term}", $"{primaryTerm}");
        var (first, last) = HeldRange.Read(ref reader);
        var clock = reader.ReadInt64("clock");
        var durable = reader.ReadVlsnOrNull("durable");
        var answer = SyncupAnswer.Read(ref reader, version, first, last);
        reader.End();
        return new FeederHello(version, group, node, name, term, primaryTerm, first, last, clock, durable, answer);
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteUInt16(Version);
        writer.WriteGuid(Group.Value);
        writer.WriteGuid(Node.Value);
        writer.WriteText(Name, Limits.NodeNameBytes);
        writer.WriteUInt64(Term.Value);
        writer.WriteUInt64(PrimaryTerm.Value);
        writer.WriteVlsn(First);
        writer.WriteVlsn(Last);
        writer.WriteInt64(Clock);
        writer.WriteVlsn(Durable);
        Answer.Write(ref writer);
        writer.End();
    }
}
