using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// What replica and feeder say to each other until the stream starts. One frame each: the opcode, then a body of fixed layout, little-endian. The encoding is
/// canonical: what decodes, encodes to the same bytes.
/// </summary>
internal abstract record SyncupMessage
{
    private protected SyncupMessage(Opcode opcode, int bodySize)
    {
        Opcode = opcode;
        Size = 1 + bodySize;
    }

    /// <summary>Which message it is.</summary>
    public Opcode Opcode { get; }

    /// <summary>Bytes of the encoded message.</summary>
    public int Size { get; }

    /// <summary>Reads a frame's payload.</summary>
    /// <exception cref="ProtocolException">It is not one of these messages, or not canonical.</exception>
    public static SyncupMessage Read(ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty) throw new ProtocolException("syncup", "opcode", "1 byte", "none");
        var opcode = (Opcode)payload[0];
        var reader = new FieldReader(opcode.ToString(), payload[1..]);
        SyncupMessage message = opcode switch
        {
            Opcode.EntryRequest => new EntryRequest(reader.VlsnOrNull("vlsn")),
            Opcode.Entry => new Entry(LogEntry.Read(ref reader)),
            Opcode.EntryNotFound => new EntryNotFound(),
            Opcode.AlternateMatchpoint => new AlternateMatchpoint(LogEntry.Read(ref reader)),
            Opcode.StartStream => new StartStream(reader.Vlsn("startVlsn")),
            Opcode.RestoreRequest => new RestoreRequest(reader.VlsnOrNull("failedVlsn")),
            Opcode.RestoreResponse => new RestoreResponse(),
            Opcode.Probe => Probe.ReadBody(ref reader),
            Opcode.ProbeAnswer => ProbeAnswer.ReadBody(ref reader),
            _ => throw new ProtocolException("syncup", "opcode", "1 to 7, 19 or 20", $"{payload[0]}"),
        };
        reader.End();
        return message;
    }

    /// <summary>Writes the message into a span of its <see cref="Size"/>.</summary>
    public void Write(Span<byte> to)
    {
        Invariant.Holds(to.Length == Size, $"a message of {Size} bytes is written into {to.Length}.");
        var writer = new FieldWriter(to);
        writer.U8((byte)Opcode);
        WriteBody(ref writer);
        Invariant.Holds(writer.Left == 0, $"{Opcode} left {writer.Left} bytes unwritten.");
    }

    private protected virtual void WriteBody(ref FieldWriter writer)
    {
    }
}

/// <summary>Version 1, replica: which record do you hold under this VLSN?</summary>
internal sealed record EntryRequest(Vlsn Vlsn) : SyncupMessage(Opcode.EntryRequest, 8)
{
    private protected override void WriteBody(ref FieldWriter writer) => writer.Vlsn(Vlsn);
}

/// <summary>Version 1, feeder: this one.</summary>
internal sealed record Entry(LogEntry Record) : SyncupMessage(Opcode.Entry, LogEntry.Size)
{
    private protected override void WriteBody(ref FieldWriter writer) => Record.Write(ref writer);
}

/// <summary>Version 1, feeder: none.</summary>
internal sealed record EntryNotFound() : SyncupMessage(Opcode.EntryNotFound, 0);

/// <summary>Version 1, feeder: my log ends before what you asked for; this is my last sync point.</summary>
internal sealed record AlternateMatchpoint(LogEntry Record) : SyncupMessage(Opcode.AlternateMatchpoint, LogEntry.Size)
{
    private protected override void WriteBody(ref FieldWriter writer) => Record.Write(ref writer);
}

/// <summary>Replica: send your records from this VLSN on. Sent only when what lies above is undone durably.</summary>
internal sealed record StartStream(Vlsn Vlsn) : SyncupMessage(Opcode.StartStream, 8)
{
    private protected override void WriteBody(ref FieldWriter writer) => writer.Vlsn(Vlsn);
}

/// <summary>Replica: our logs share nothing that is still kept; I need a full copy. The VLSN is the last one that was compared.</summary>
internal sealed record RestoreRequest(Vlsn Vlsn) : SyncupMessage(Opcode.RestoreRequest, 8)
{
    private protected override void WriteBody(ref FieldWriter writer) => writer.Vlsn(Vlsn);
}

/// <summary>Feeder: I heard that.</summary>
internal sealed record RestoreResponse() : SyncupMessage(Opcode.RestoreResponse, 0);

/// <summary>Version 2, replica: which records do you hold under these VLSNs? 1 to 255 of them, ascending: u8 count, then i64 each.</summary>
internal sealed record Probe(Vlsn[] Vlsns) : SyncupMessage(Opcode.Probe, 1 + (Vlsns.Length * 8))
{
    /// <inheritdoc/>
    public bool Equals(Probe? other) => other is not null && Vlsns.AsSpan().SequenceEqual(other.Vlsns);

    /// <inheritdoc/>
    public override int GetHashCode() => Vlsns.Length == 0 ? 0 : HashCode.Combine(Vlsns.Length, Vlsns[0]);

    internal static Probe ReadBody(ref FieldReader reader)
    {
        var vlsns = new Vlsn[reader.U8("count")];
        if (vlsns.Length == 0) throw reader.Fault("count", "1 to 255", "0");
        for (var i = 0; i < vlsns.Length; i++)
        {
            vlsns[i] = reader.Vlsn($"vlsn {i}");
            if (i > 0 && vlsns[i] <= vlsns[i - 1]) throw reader.Fault($"vlsn {i}", $"above {vlsns[i - 1]}", $"{vlsns[i]}");
        }

        return new Probe(vlsns);
    }

    private protected override void WriteBody(ref FieldWriter writer)
    {
        writer.U8(checked((byte)Vlsns.Length));
        foreach (var vlsn in Vlsns) writer.Vlsn(vlsn);
    }
}

/// <summary>Version 2, feeder: these, in the order of the question: u8 count, then an entry each.</summary>
internal sealed record ProbeAnswer(LogEntry[] Records) : SyncupMessage(Opcode.ProbeAnswer, 1 + (Records.Length * LogEntry.Size))
{
    /// <inheritdoc/>
    public bool Equals(ProbeAnswer? other) => other is not null && Records.AsSpan().SequenceEqual(other.Records);

    /// <inheritdoc/>
    public override int GetHashCode() => Records.Length == 0 ? 0 : HashCode.Combine(Records.Length, Records[0]);

    internal static ProbeAnswer ReadBody(ref FieldReader reader)
    {
        var records = new LogEntry[reader.U8("count")];
        if (records.Length == 0) throw reader.Fault("count", "1 to 255", "0");
        for (var i = 0; i < records.Length; i++)
        {
            records[i] = LogEntry.Read(ref reader);
            if (i > 0 && records[i].Vlsn <= records[i - 1].Vlsn)
                throw reader.Fault($"vlsn {i}", $"above {records[i - 1].Vlsn}", $"{records[i].Vlsn}");
        }

        return new ProbeAnswer(records);
    }

    private protected override void WriteBody(ref FieldWriter writer)
    {
        writer.U8(checked((byte)Records.Length));
        foreach (var record in Records) record.Write(ref writer);
    }
}
