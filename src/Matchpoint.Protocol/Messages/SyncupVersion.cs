namespace Matchpoint.Protocol.Messages;

/// <summary>The syncup protocols, and which messages each of them knows.</summary>
internal static class SyncupVersion
{
    /// <summary>One candidate at a time.</summary>
    public const ushort One = 1;

    /// <summary>A proof in the hello, and probes of many records where it fails.</summary>
    public const ushort Two = 2;

    /// <summary>Reads a message of the dialogue that follows the hellos.</summary>
    /// <exception cref="ProtocolException">The frame is no message of this version's dialogue, or not in its one encoding.</exception>
    public static IMessage Decode(ushort version, ReadOnlySpan<byte> frame)
    {
        var opcode = Opcodes.Of(frame);
        return version switch
        {
            One => opcode switch
            {
                Opcode.EntryRequest => EntryRequest.Decode(frame),
                Opcode.Entry => Entry.Decode(frame),
                Opcode.EntryNotFound => EntryNotFound.Decode(frame),
                Opcode.AlternateMatchpoint => AlternateMatchpoint.Decode(frame),
                _ => DecodeShared(version, opcode, frame),
            },
            Two => opcode switch
            {
                Opcode.Probe => Probe.Decode(frame),
                Opcode.ProbeAnswer => ProbeAnswer.Decode(frame),
                _ => DecodeShared(version, opcode, frame),
            },
            _ => throw Invariant.Unreachable(version),
        };
    }

    private static IMessage DecodeShared(ushort version, Opcode opcode, ReadOnlySpan<byte> frame) => opcode switch
    {
        Opcode.StartStream => StartStream.Decode(frame),
        Opcode.RestoreRequest => RestoreRequest.Decode(frame),
        Opcode.RestoreResponse => RestoreResponse.Decode(frame),
        _ => throw new ProtocolException(
            $"syncup version {version}", "message", "a message of the dialogue", $"{Opcodes.NameOf(opcode)}"),
    };
}
