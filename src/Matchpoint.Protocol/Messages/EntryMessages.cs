using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>The replica asks for the entry of one record.</summary>
/// <param name="Vlsn">The record asked for. Null is valid on the wire, and no feeder holds it.</param>
internal readonly record struct EntryRequest(Vlsn Vlsn) : IMessage<EntryRequest>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.EntryRequest;

    /// <inheritdoc/>
    public int EncodedLength => 1 + sizeof(long);

    /// <inheritdoc/>
    public static EntryRequest Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.EntryRequest);
        var message = new EntryRequest(reader.ReadVlsnOrNull("vlsn"));
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteVlsn(Vlsn);
        writer.End();
    }
}

/// <summary>The feeder holds the record that was asked for.</summary>
internal readonly record struct Entry(LogEntry Record) : IMessage<Entry>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.Entry;

    /// <inheritdoc/>
    public int EncodedLength => 1 + LogEntry.Size;

    /// <inheritdoc/>
    public static Entry Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.Entry);
        var message = new Entry(LogEntry.Read(ref reader));
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        Record.Write(ref writer);
        writer.End();
    }
}

/// <summary>The feeder does not hold the record that was asked for: it was cleaned away, or never came to be.</summary>
internal readonly record struct EntryNotFound : IMessage<EntryNotFound>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.EntryNotFound;

    /// <inheritdoc/>
    public int EncodedLength => 1;

    /// <inheritdoc/>
    public static EntryNotFound Decode(ReadOnlySpan<byte> frame)
    {
        new MessageReader(frame, Opcode.EntryNotFound).End();
        return default;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame) => new MessageWriter(frame, Opcode).End();
}

/// <summary>The record that was asked for lies above the feeder's last one; this is the feeder's last sync point.</summary>
internal readonly record struct AlternateMatchpoint(LogEntry Record) : IMessage<AlternateMatchpoint>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.AlternateMatchpoint;

    /// <inheritdoc/>
    public int EncodedLength => 1 + LogEntry.Size;

    /// <inheritdoc/>
    public static AlternateMatchpoint Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.AlternateMatchpoint);
        var message = new AlternateMatchpoint(LogEntry.Read(ref reader));
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        Record.Write(ref writer);
        writer.End();
    }
}
