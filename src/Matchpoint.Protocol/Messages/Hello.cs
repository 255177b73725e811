using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// The replica's first frame: who it is and what it holds. Body: u8 lowest and u8 highest protocol version, 16 bytes group, 16 bytes node, name (u16 length,
/// UTF-8), u64 term, i64 first and i64 last VLSN (-1 none), i64 clock (microseconds since 1970-01-01 UTC), u8 count of terms, the terms newest first.
/// </summary>
internal sealed record ReplicaHello(
    byte LowestVersion, byte HighestVersion, GroupId Group, NodeId Node, string Name, Term Term, Vlsn First, Vlsn Last, long Clock,
    TermEnd[] Terms)
{
    private const string Message = nameof(ReplicaHello);

    /// <summary>Bytes of the encoded message.</summary>
    public int Size => 1 + 2 + 32 + FieldWriter.SizeOf(Name) + 8 + 16 + 8 + 1 + (Terms.Length * TermEnd.Size);

    /// <summary>Reads a frame's payload.</summary>
    /// <exception cref="ProtocolException">It is not this message, or not canonical.</exception>
    public static ReplicaHello Read(ReadOnlySpan<byte> payload)
    {
        var reader = HelloFields.Begin(payload, Opcode.ReplicaHello);
        var lowest = reader.U8("lowest version");
        var highest = reader.U8("highest version");
        if (lowest == 0 || lowest > highest) throw reader.Fault("versions", "1 or more, the lowest first", $"{lowest} to {highest}");
        var group = new GroupId(reader.Uuid("group"));
        var node = new NodeId(reader.Uuid("node"));
        var name = reader.Text("name", Limits.NodeNameBytes);
        var term = new Term(reader.U64("term"));
        var (first, last) = HelloFields.Range(ref reader);
        var clock = reader.I64("clock");
        var terms = new TermEnd[reader.U8("count of terms")];
        if (terms.Length > Limits.TermsListed) throw reader.Fault("count of terms", $"at most {Limits.TermsListed}", $"{terms.Length}");
        for (var i = 0; i < terms.Length; i++)
        {
            terms[i] = new TermEnd(new Term(reader.U64($"term {i}")), reader.Vlsn($"end of term {i}"), new Fingerprint(reader.U64($"fingerprint {i}")));
            if (i > 0 && (terms[i].Term >= terms[i - 1].Term || terms[i].Last >= terms[i - 1].Last))
                throw reader.Fault($"term {i}", $"below term {terms[i - 1].Term}, ending before {terms[i - 1].Last}", $"term {terms[i].Term} ending at {terms[i].Last}");
        }

        reader.End();
        return new ReplicaHello(lowest, highest, group, node, name, term, first, last, clock, terms);
    }

    /// <summary>Writes the message into a span of its <see cref="Size"/>.</summary>
    public void Write(Span<byte> to)
    {
        var writer = new FieldWriter(to);
        writer.U8((byte)Opcode.ReplicaHello);
        writer.U8(LowestVersion);
        writer.U8(HighestVersion);
        writer.Uuid(Group.Value);
        writer.Uuid(Node.Value);
        writer.Text(Name);
        writer.U64(Term.Value);
        writer.Vlsn(First);
        writer.Vlsn(Last);
        writer.I64(Clock);
        writer.U8(checked((byte)Terms.Length));
        foreach (var term in Terms)
        {
            writer.U64(term.Term.Value);
            writer.Vlsn(term.Last);
            writer.U64(term.Fingerprint.Value);
        }

        Invariant.Holds(writer.Left == 0, $"{Message} left {writer.Left} bytes unwritten.");
    }

    /// <inheritdoc/>
    public bool Equals(ReplicaHello? other) => other is not null
        && (LowestVersion, HighestVersion, Group, Node, Name, Term, First) == (other.LowestVersion, other.HighestVersion, other.Group, other.Node, other.Name, other.Term, other.First)
        && (Last, Clock) == (other.Last, other.Clock) && Terms.AsSpan().SequenceEqual(other.Terms);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Node, Last, Clock);
}

/// <summary>
/// The feeder's answer. Body: u8 version, 16 bytes group, 16 bytes node, name, u64 term, u64 primary term, i64 first and i64 last VLSN (-1 none), i64 durable VLSN
/// (-1 none), i64 clock, u8 count of entries (0 to 2), the entries: the candidate matchpoint by terms, and the record behind it.
/// </summary>
/// <param name="Version">The version both will speak.</param>
/// <param name="Group">The feeder's group.</param>
/// <param name="Node">The feeder.</param>
/// <param name="Name">Its name.</param>
/// <param name="Term">The term it is in.</param>
/// <param name="PrimaryTerm">The term as whose primary it is confirmed, or is fed by a confirmed one; 0 when it is not.</param>
/// <param name="First">Its oldest record.</param>
/// <param name="Last">Its newest record.</param>
/// <param name="Durable">The highest VLSN it knows to be durable.</param>
/// <param name="Clock">Its clock, in microseconds since 1970-01-01 UTC.</param>
/// <param name="Candidate">Version 2: where the logs part if the terms tell the truth; null when they share none.</param>
/// <param name="Next">Version 2: the record behind the candidate, which proves that no higher one is shared; null when there is none.</param>
internal sealed record FeederHello(
    byte Version, GroupId Group, NodeId Node, string Name, Term Term, Term PrimaryTerm, Vlsn First, Vlsn Last, Vlsn Durable, long Clock,
    LogEntry? Candidate, LogEntry? Next)
{
    private const string Message = nameof(FeederHello);

    /// <summary>Bytes of the encoded message.</summary>
    public int Size => 1 + 1 + 32 + FieldWriter.SizeOf(Name) + 16 + 24 + 8 + 1 + (Entries * LogEntry.Size);

    private int Entries => Candidate is null ? 0 : Next is null ? 1 : 2;

    /// <summary>Reads a frame's payload.</summary>
    /// <exception cref="ProtocolException">It is not this message, or not canonical.</exception>
    public static FeederHello Read(ReadOnlySpan<byte> payload)
    {
        var reader = HelloFields.Begin(payload, Opcode.FeederHello);
        var version = reader.U8("version");
        if (version == 0) throw reader.Fault("version", "1 or more", "0");
        var group = new GroupId(reader.Uuid("group"));
        var node = new NodeId(reader.Uuid("node"));
        var name = reader.Text("name", Limits.NodeNameBytes);
        var term = new Term(reader.U64("term"));
        var primaryTerm = new Term(reader.U64("primary term"));
        var (first, last) = HelloFields.Range(ref reader);
        var durable = reader.VlsnOrNull("durable");
        var clock = reader.I64("clock");
        var count = reader.U8("count of entries");
        if (count > 2) throw reader.Fault("count of entries", "0 to 2", $"{count}");
        LogEntry? candidate = count > 0 ? LogEntry.Read(ref reader) : null;
        LogEntry? next = count > 1 ? LogEntry.Read(ref reader) : null;
        if (next is { } behind && behind.Vlsn.Previous != candidate!.Value.Vlsn)
            throw reader.Fault("entry behind the candidate", $"the one after {candidate.Value.Vlsn}", $"{behind.Vlsn}");
        if (candidate is { } entry && (entry.Vlsn < first || entry.Vlsn > last || next?.Vlsn > last))
            throw reader.Fault("candidate", $"in the range {first} to {last}", $"{entry.Vlsn}");
        reader.End();
        return new FeederHello(version, group, node, name, term, primaryTerm, first, last, durable, clock, candidate, next);
    }

    /// <summary>Writes the message into a span of its <see cref="Size"/>.</summary>
    public void Write(Span<byte> to)
    {
        var writer = new FieldWriter(to);
        writer.U8((byte)Opcode.FeederHello);
        writer.U8(Version);
        writer.Uuid(Group.Value);
        writer.Uuid(Node.Value);
        writer.Text(Name);
        writer.U64(Term.Value);
        writer.U64(PrimaryTerm.Value);
        writer.Vlsn(First);
        writer.Vlsn(Last);
        writer.Vlsn(Durable);
        writer.I64(Clock);
        writer.U8((byte)Entries);
        Candidate?.Write(ref writer);
        if (Candidate is not null) Next?.Write(ref writer);
        Invariant.Holds(writer.Left == 0, $"{Message} left {writer.Left} bytes unwritten.");
    }
}

/// <summary>What both hellos share.</summary>
internal static class HelloFields
{
    /// <summary>Checks the opcode and begins to read the body.</summary>
    public static FieldReader Begin(ReadOnlySpan<byte> payload, Opcode expected)
    {
        if (payload.IsEmpty || payload[0] != (byte)expected)
            throw new ProtocolException(expected.ToString(), "opcode", $"{(byte)expected}", payload.IsEmpty ? "none" : $"{payload[0]}");
        return new FieldReader(expected.ToString(), payload[1..]);
    }

    /// <summary>First and last VLSN: both or neither.</summary>
    public static (Vlsn First, Vlsn Last) Range(ref FieldReader reader)
    {
        var first = reader.VlsnOrNull("first");
        var last = reader.VlsnOrNull("last");
        if (first.IsNull != last.IsNull || first > last) throw reader.Fault("range", "the lower end first, or none", $"{first} to {last}");
        return (first, last);
    }
}
