using System.Buffers.Binary;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>Records as they stand on disk, in one frame: opcode, u64 LSN of the first byte, then whole records.</summary>
internal static class LogBytes
{
    /// <summary>Bytes before the records.</summary>
    public const int HeaderSize = 9;

    /// <summary>Writes what stands before the records.</summary>
    public static void WriteHeader(Span<byte> to, Lsn first)
    {
        to[0] = (byte)Opcode.LogBytes;
        BinaryPrimitives.WriteUInt64LittleEndian(to[1..], first.Value);
    }

    /// <summary>Reads what stands before the records, and gives the records; they are not looked into.</summary>
    /// <exception cref="ProtocolException">There is no record in it.</exception>
    public static ReadOnlySpan<byte> Read(ReadOnlySpan<byte> payload, out Lsn first)
    {
        if (payload.Length <= HeaderSize) throw new ProtocolException(nameof(LogBytes), "length", $"more than {HeaderSize} bytes", $"{payload.Length} bytes");
        first = new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(payload[1..]));
        return payload[HeaderSize..];
    }
}

/// <summary>How far the feeder's log reaches and what is durable: opcode, i64 last VLSN, i64 durable VLSN.</summary>
internal readonly record struct Heartbeat(Vlsn Last, Vlsn Durable)
{
    /// <summary>Bytes of the encoded message.</summary>
    public const int Size = 17;

    /// <summary>Reads a frame's payload.</summary>
    /// <exception cref="ProtocolException">It is not this message, or not canonical.</exception>
    public static Heartbeat Read(ReadOnlySpan<byte> payload)
    {
        var reader = HelloFields.Begin(payload, Opcode.Heartbeat);
        var heartbeat = new Heartbeat(reader.VlsnOrNull("last"), reader.VlsnOrNull("durable"));
        reader.End();
        return heartbeat;
    }

    /// <summary>Writes the message.</summary>
    public void Write(Span<byte> to)
    {
        var writer = new FieldWriter(to[..Size]);
        writer.U8((byte)Opcode.Heartbeat);
        writer.Vlsn(Last);
        writer.Vlsn(Durable);
    }
}

/// <summary>How far the replica has come: opcode, i64 last appended VLSN, i64 last flushed VLSN.</summary>
internal readonly record struct Acknowledge(Vlsn Appended, Vlsn Flushed)
{
    /// <summary>Bytes of the encoded message.</summary>
    public const int Size = 17;

    /// <summary>Reads a frame's payload.</summary>
    /// <exception cref="ProtocolException">It is not this message, or not canonical.</exception>
    public static Acknowledge Read(ReadOnlySpan<byte> payload)
    {
        var reader = HelloFields.Begin(payload, Opcode.Acknowledge);
        var acknowledge = new Acknowledge(reader.VlsnOrNull("appended"), reader.VlsnOrNull("flushed"));
        if (acknowledge.Flushed > acknowledge.Appended) throw reader.Fault("flushed", $"at most {acknowledge.Appended}", $"{acknowledge.Flushed}");
        reader.End();
        return acknowledge;
    }

    /// <summary>Writes the message.</summary>
    public void Write(Span<byte> to)
    {
        var writer = new FieldWriter(to[..Size]);
        writer.U8((byte)Opcode.Acknowledge);
        writer.Vlsn(Appended);
        writer.Vlsn(Flushed);
    }
}
