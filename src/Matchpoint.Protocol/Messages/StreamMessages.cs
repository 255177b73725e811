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

/// <summary>The feeder is alive, and how far things are there: opcode 22, i64 last, i64 durable, i64 sent at.</summary>
/// <param name="Last">The newest record the feeder holds.</param>
/// <param name="Durable">The highest record it knows to be on a majority.</param>
/// <param name="SentAt">The feeder's own clock, in a unit of its own: the replica sends it back.</param>
internal readonly record struct Heartbeat(Vlsn Last, Vlsn Durable, long SentAt) : IMessage<Heartbeat>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.Heartbeat;

    /// <inheritdoc/>
    public int EncodedLength => 1 + (3 * sizeof(long));

    /// <inheritdoc/>
    public static Heartbeat Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.Heartbeat);
        var message = new Heartbeat(reader.ReadVlsnOrNull("last"), reader.ReadVlsnOrNull("durable"), reader.ReadInt64("sentAt"));
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteVlsn(Last);
        writer.WriteVlsn(Durable);
        writer.WriteInt64(SentAt);
        writer.End();
    }
}

/// <summary>How far the replica is: opcode 23, i64 appended, i64 flushed, i64 applied, i64 heard, u8 counts.</summary>
/// <param name="Appended">The newest record it has appended.</param>
/// <param name="Flushed">The newest record that is on its disk; not above the appended one.</param>
/// <param name="Applied">The newest record that its state holds; not above the appended one.</param>
/// <param name="Heard">The <see cref="Heartbeat.SentAt"/> of the newest heartbeat that it has heard.</param>
/// <param name="Counts">Whether it takes part in majorities: not while what it promised before may be lost.</param>
internal readonly record struct Acknowledge(Vlsn Appended, Vlsn Flushed, Vlsn Applied, long Heard, bool Counts) : IMessage<Acknowledge>
{
    /// <summary>Bytes of the body.</summary>
    internal const int BodySize = (4 * sizeof(long)) + 1;

    /// <inheritdoc/>
    public Opcode Opcode => Opcode.Acknowledge;

    /// <inheritdoc/>
    public int EncodedLength => 1 + BodySize;

    /// <inheritdoc/>
    public static Acknowledge Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.Acknowledge);
        var message = ReadBody(ref reader);
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        WriteBody(ref writer);
        writer.End();
    }

    /// <summary>Reads the body.</summary>
    internal static Acknowledge ReadBody(ref MessageReader reader)
    {
        var message = new Acknowledge(
            reader.ReadVlsnOrNull("appended"), reader.ReadVlsnOrNull("flushed"), reader.ReadVlsnOrNull("applied"), reader.ReadInt64("heard"),
            reader.ReadFlag("counts"));
        if (message.Flushed > message.Appended) throw reader.Fault("flushed", $"{message.Appended} or below", $"{message.Flushed}");
        if (message.Applied > message.Appended) throw reader.Fault("applied", $"{message.Appended} or below", $"{message.Applied}");
        return message;
    }

    /// <summary>Writes the body.</summary>
    internal void WriteBody(ref MessageWriter writer)
    {
        writer.WriteVlsn(Appended);
        writer.WriteVlsn(Flushed);
        writer.WriteVlsn(Applied);
        writer.WriteInt64(Heard);
        writer.WriteFlag(Counts);
    }
}

/// <summary>A replica that feeds another passes on how far that one is: opcode 28, the body of an <see cref="Acknowledge"/>, its name (u16 length, UTF-8).</summary>
/// <param name="Name">The replica that is fed.</param>
/// <param name="Progress">What it said.</param>
internal readonly record struct RelayedAcknowledge(string Name, Acknowledge Progress) : IMessage<RelayedAcknowledge>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.RelayedAcknowledge;

    /// <inheritdoc/>
    public int EncodedLength => 1 + Acknowledge.BodySize + sizeof(ushort) + System.Text.Encoding.UTF8.GetByteCount(Name);

    /// <inheritdoc/>
    public static RelayedAcknowledge Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.RelayedAcknowledge);
        var progress = Acknowledge.ReadBody(ref reader);
        var message = new RelayedAcknowledge(reader.ReadText("name", Limits.NodeNameBytes), progress);
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        Progress.WriteBody(ref writer);
        writer.WriteText(Name, Limits.NodeNameBytes);
        writer.End();
    }
}
