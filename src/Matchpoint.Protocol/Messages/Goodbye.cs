using System.Text;

namespace Matchpoint.Protocol.Messages;

/// <summary>Why a side closes a connection.</summary>
internal enum GoodbyeCode : ushort
{
    /// <summary>All that was to be said is said.</summary>
    Done = 0,

    /// <summary>The peer is not let in, or not served as it is.</summary>
    Refused = 1,

    /// <summary>The peer broke the protocol.</summary>
    ProtocolFault = 2,

    /// <summary>The peer was silent for too long.</summary>
    Timeout = 3,

    /// <summary>Something is wrong on the side that closes.</summary>
    InternalError = 4,

    /// <summary>No service has the name that was asked for.</summary>
    UnknownService = 5,

    /// <summary>Too many connections.</summary>
    Busy = 6,

    /// <summary>The node stops.</summary>
    ShuttingDown = 7,

    /// <summary>The node is no longer what it was when the session began.</summary>
    Demoted = 8,
}

/// <summary>The last frame of a side that closes: opcode, u16 code, reason (u16 length, UTF-8 of at most 4096 bytes).</summary>
internal sealed record Goodbye
{
    /// <summary>A goodbye; a reason over the limit is cut between characters.</summary>
    public Goodbye(GoodbyeCode code, string reason)
    {
        Code = code;
        Reason = Cut(reason);
    }

    /// <summary>The kind of reason. Numbers that this version does not know are kept as they are.</summary>
    public GoodbyeCode Code { get; }

    /// <summary>The reason in words.</summary>
    public string Reason { get; }

    /// <summary>Bytes of the encoded message.</summary>
    public int Size => 1 + 2 + FieldWriter.SizeOf(Reason);

    /// <summary>Reads a frame's payload.</summary>
    /// <exception cref="ProtocolException">It is not this message, or not canonical.</exception>
    public static Goodbye Read(ReadOnlySpan<byte> payload)
    {
        var reader = HelloFields.Begin(payload, Opcode.Goodbye);
        var code = (GoodbyeCode)reader.U16("code");
        var reason = reader.Text("reason", Limits.ReasonBytes);
        reader.End();
        return new Goodbye(code, reason);
    }

    /// <summary>Writes the message into a span of its <see cref="Size"/>.</summary>
    public void Write(Span<byte> to)
    {
        var writer = new FieldWriter(to);
        writer.U8((byte)Opcode.Goodbye);
        writer.U16((ushort)Code);
        writer.Text(Reason);
    }

    private static string Cut(string reason)
    {
        if (Encoding.UTF8.GetByteCount(reason) <= Limits.ReasonBytes) return reason;
        var cut = new StringBuilder();
        var bytes = 0;
        foreach (var rune in reason.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > Limits.ReasonBytes) break;
            cut.Append(rune);
        }

        return cut.ToString();
    }
}
