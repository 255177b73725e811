using System.Collections.Immutable;
using System.Text;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// The first frame of a connection, from the replica: who it is, what it speaks and what it holds.
/// <code>
///  0 u8  opcode 16
///  1 u16 lowest, u16 highest protocol version spoken
///  5 16  group, 16 node     most significant byte first
/// 37 u16 length, name       UTF-8
///    u64 current term
///    i64 first, i64 last    the records held; both -1 when there are none
///    i64 clock              microseconds since 1970-01-01 UTC
///    u8  count, terms       u64 term, i64 last VLSN held of it, u64 fingerprint there
/// </code>
/// The terms stand newest first, strictly descending in term and VLSN, all inside the range; at most
/// <see cref="Limits.TermsListed"/>.
/// </summary>
/// <param name="LowestVersion">The lowest protocol version spoken.</param>
/// <param name="HighestVersion">The highest protocol version spoken.</param>
/// <param name="Group">The group of the log.</param>
/// <param name="Node">Who speaks.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Term">The highest term it knows of.</param>
/// <param name="First">The oldest record held; null when there is none.</param>
/// <param name="Last">The newest record held; null when there is none.</param>
/// <param name="Clock">The time there, in microseconds since 1970-01-01 UTC.</param>
/// <param name="Terms">Where the terms of its log end, newest first.</param>
internal readonly record struct ReplicaHello(
    ushort LowestVersion,
    ushort HighestVersion,
    GroupId Group,
    NodeId Node,
    string Name,
    Term Term,
    Vlsn First,
    Vlsn Last,
    long Clock,
    ImmutableArray<TermEnd> Terms) : IMessage<ReplicaHello>
{
    private const int FixedSize = 1 + (2 * sizeof(ushort)) + GroupId.Size + NodeId.Size + sizeof(ushort) + (4 * sizeof(long)) + 1;

    /// <inheritdoc/>
    public Opcode Opcode => Opcode.ReplicaHello;

    /// <inheritdoc/>
    public int EncodedLength => FixedSize + Encoding.UTF8.GetByteCount(Name) + (Terms.Length * TermEnd.Size);

    /// <inheritdoc/>
    public static ReplicaHello Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.ReplicaHello);
        var lowest = reader.ReadUInt16("lowestVersion");
        var highest = reader.ReadUInt16("highestVersion");
        if (lowest == 0) throw reader.Fault("lowestVersion", "1 or more", "0");
        if (highest < lowest) throw reader.Fault("highestVersion", $"{lowest} or more", $"{highest}");
        var group = new GroupId(reader.ReadGuid("group"));
        var node = new NodeId(reader.ReadGuid("node"));
        var name = reader.ReadText("name", Limits.NodeNameBytes);
        var term = new Term(reader.ReadUInt64("term"));
        var (first, last) = HeldRange.Read(ref reader);
        var clock = reader.ReadInt64("clock");
        var terms = ReadTerms(ref reader, first, last);
        reader.End();
        return new ReplicaHello(lowest, highest, group, node, name, term, first, last, clock, terms);
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        Invariant.Holds(Terms.Length <= Limits.TermsListed, $"{Terms.Length} terms are more than {Limits.TermsListed}.");
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteUInt16(LowestVersion);
        writer.WriteUInt16(HighestVersion);
        writer.WriteGuid(Group.Value);
        writer.WriteGuid(Node.Value);
        writer.WriteText(Name, Limits.NodeNameBytes);
        writer.WriteUInt64(Term.Value);
        writer.WriteVlsn(First);
        writer.WriteVlsn(Last);
        writer.WriteInt64(Clock);
        writer.WriteByte((byte)Terms.Length);
        foreach (var end in Terms)
        {
            writer.WriteUInt64(end.Term.Value);
            writer.WriteVlsn(end.Last);
            writer.WriteUInt64(end.Fingerprint.Value);
        }

        writer.End();
    }

    private static ImmutableArray<TermEnd> ReadTerms(ref MessageReader reader, Vlsn first, Vlsn last)
    {
        var count = reader.ReadByte("terms");
        if (count > Limits.TermsListed) throw reader.Fault("terms", $"0 to {Limits.TermsListed}", $"{count}");
        var terms = ImmutableArray.CreateBuilder<TermEnd>(count);
        for (var i = 0; i < count; i++)
        {
            var term = new Term(reader.ReadUInt64($"terms[{i}].term"));
            var vlsn = reader.ReadVlsn($"terms[{i}].vlsn");
            var fingerprint = new Fingerprint(reader.ReadUInt64($"terms[{i}].fingerprint"));
            if (term == Term.None) throw reader.Fault($"terms[{i}].term", "1 or more", "0");
            if (i > 0 && term >= terms[i - 1].Term)
                throw reader.Fault($"terms[{i}].term", $"below {terms[i - 1].Term}", $"{term}");
            if (i > 0 && vlsn >= terms[i - 1].Last)
                throw reader.Fault($"terms[{i}].vlsn", $"below {terms[i - 1].Last}", $"{vlsn}");
            if (vlsn < first || vlsn > last) throw reader.Fault($"terms[{i}].vlsn", $"{first} to {last}", $"{vlsn}");
            terms.Add(new TermEnd(term, vlsn, fingerprint));
        }

        return terms.MoveToImmutable();
    }
}

/// <summary>The first and last record a hello announces.</summary>
internal static class HeldRange
{
    /// <summary>Reads both ends: both null, or the first not above the last.</summary>
    public static (Vlsn First, Vlsn Last) Read(ref MessageReader reader)
    {
        var first = reader.ReadVlsnOrNull("first");
        var last = reader.ReadVlsnOrNull("last");
        if (first.IsNull != last.IsNull) throw reader.Fault("last", first.IsNull ? "-1" : $"{first} or more", $"{last.Value}");
        if (last < first) throw reader.Fault("last", $"{first} or more", $"{last}");
        return (first, last);
    }
}
