using System.Buffers.Binary;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// Whole records as they stand in the log: u64 LSN of the first byte, then the bytes. Read in place; whoever appends the
/// records checks them. There is no other form to reject: any bytes may follow, but some must.
/// </summary>
internal readonly ref struct LogBytes
{
    /// <summary>Bytes before the records. A feeder writes them with <see cref="WriteHeader"/> in front of bytes it does not copy.</summary>
    public const int HeaderSize = 1 + sizeof(ulong);

    /// <summary>Records at a position of the log.</summary>
    public LogBytes(Lsn start, ReadOnlySpan<byte> records)
    {
        Start = start;
        Records = records;
    }

    /// <summary>Where the first byte belongs.</summary>
    public Lsn Start { get; }

    /// <summary>The records.</summary>
    public ReadOnlySpan<byte> Records { get; }

    /// <summary>Reads a frame's payload; the records stay where they are.</summary>
    /// <exception cref="ProtocolException">The frame is another message, or ends before the first record.</exception>
    public static LogBytes Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.LogBytes);
        var start = new Lsn(reader.ReadUInt64("lsn"));
        return !reader.Rest.IsEmpty
            ? new LogBytes(start, reader.Rest)
            : throw reader.Fault("records", "1 byte or more", "0");
    }

    /// <summary>Writes what stands before the records.</summary>
    public static void WriteHeader(Span<byte> header, Lsn start)
    {
        header[0] = (byte)Opcode.LogBytes;
        BinaryPrimitives.WriteUInt64LittleEndian(header[1..HeaderSize], start.Value);
    }
}

/// <summary>The feeder is alive, and how far things are there.</summary>
/// <param name="Last">The newest record the feeder holds.</param>
/// <param name="Durable">The highest record it knows to be on a majority.</param>
internal readonly record struct Heartbeat(Vlsn Last, Vlsn Durable) : IMessage<Heartbeat>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.Heartbeat;

    /// <inheritdoc/>
    public int EncodedLength => 1 + (2 * sizeof(long));

    /// <inheritdoc/>
    public static Heartbeat Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.Heartbeat);
        var message = new Heartbeat(reader.ReadVlsnOrNull("last"), reader.ReadVlsnOrNull("durable"));
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteVlsn(Last);
        writer.WriteVlsn(Durable);
        writer.End();
    }
}

/// <summary>How far the replica is.</summary>
/// <param name="Appended">The newest record it has appended.</param>
/// <param name="Flushed">The newest record that is on its disk; not above the appended one.</param>
internal readonly record struct Acknowledge(Vlsn Appended, Vlsn Flushed) : IMessage<Acknowledge>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.Acknowledge;

    /// <inheritdoc/>
    public int EncodedLength => 1 + (2 * sizeof(long));

    /// <inheritdoc/>
    public static Acknowledge Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.Acknowledge);
        var message = new Acknowledge(reader.ReadVlsnOrNull("appended"), reader.ReadVlsnOrNull("flushed"));
        if (message.Flushed > message.Appended)
            throw reader.Fault("flushed", $"{message.Appended} or below", $"{message.Flushed}");
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteVlsn(Appended);
        writer.WriteVlsn(Flushed);
        writer.End();
    }
}
