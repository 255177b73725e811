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

    /// <summary>The peer is no member of the group, as far as this side's log says.</summary>
    NotAMember = 9,

    /// <summary>The peer is not served as things are, and that passes by itself: nothing is here yet, or another node leads.</summary>
    NotNow = 10,
}

/// <summary>The last frame of a side that closes: opcode, u16 code, reason (u16 length, UTF-8 of at most 4096 bytes).</summary>
internal readonly record struct Goodbye : IMessage<Goodbye>
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

    /// <inheritdoc/>
    public Opcode Opcode => Opcode.Goodbye;

    /// <inheritdoc/>
    public int EncodedLength => 1 + (2 * sizeof(ushort)) + Encoding.UTF8.GetByteCount(Reason);

    /// <inheritdoc/>
    public static Goodbye Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.Goodbye);
        var code = (GoodbyeCode)reader.ReadUInt16("code");
        var reason = reader.ReadText("reason", Limits.ReasonBytes);
        reader.End();
        return new Goodbye(code, reason);
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteUInt16((ushort)Code);
        writer.WriteText(Reason, Limits.ReasonBytes);
        writer.End();
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
