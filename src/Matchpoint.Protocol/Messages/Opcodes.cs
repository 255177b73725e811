namespace Matchpoint.Protocol.Messages;

/// <summary>Which opcodes there are: what a frame is called before anything else of it is read.</summary>
internal static class Opcodes
{
    /// <summary>The opcode of a frame.</summary>
    /// <exception cref="ProtocolException">The frame is empty, or no message has its first byte.</exception>
    public static Opcode Of(ReadOnlySpan<byte> frame)
    {
        if (frame.IsEmpty) throw new ProtocolException("frame", "opcode", "1 byte", "an empty frame");
        var opcode = (Opcode)frame[0];
        return NameOf(opcode) is not null
            ? opcode
            : throw new ProtocolException("frame", "opcode", "1 to 7, 16 to 37, 48 or 49", $"{frame[0]}");
    }

    /// <summary>The message's name; null for a number that no message has.</summary>
    public static string? NameOf(Opcode opcode) => opcode switch
    {
        Opcode.EntryRequest => nameof(Opcode.EntryRequest),
        Opcode.Entry => nameof(Opcode.Entry),
        Opcode.EntryNotFound => nameof(Opcode.EntryNotFound),
        Opcode.AlternateMatchpoint => nameof(Opcode.AlternateMatchpoint),
        Opcode.StartStream => nameof(Opcode.StartStream),
        Opcode.RestoreRequest => nameof(Opcode.RestoreRequest),
        Opcode.RestoreResponse => nameof(Opcode.RestoreResponse),
        Opcode.ReplicaHello => nameof(Opcode.ReplicaHello),
        Opcode.FeederHello => nameof(Opcode.FeederHello),
        Opcode.Goodbye => nameof(Opcode.Goodbye),
        Opcode.Probe => nameof(Opcode.Probe),
        Opcode.ProbeAnswer => nameof(Opcode.ProbeAnswer),
        Opcode.LogBytes => nameof(Opcode.LogBytes),
        Opcode.Heartbeat => nameof(Opcode.Heartbeat),
        Opcode.Acknowledge => nameof(Opcode.Acknowledge),
        Opcode.Poll => nameof(Opcode.Poll),
        Opcode.PollAnswer => nameof(Opcode.PollAnswer),
        Opcode.ReadIndexRequest => nameof(Opcode.ReadIndexRequest),
        Opcode.ReadIndexAnswer => nameof(Opcode.ReadIndexAnswer),
        Opcode.RelayedAcknowledge => nameof(Opcode.RelayedAcknowledge),
        Opcode.ClientRequest => nameof(Opcode.ClientRequest),
        Opcode.ClientAnswer => nameof(Opcode.ClientAnswer),
        Opcode.CopyRequest => nameof(Opcode.CopyRequest),
        Opcode.CopyOffer => nameof(Opcode.CopyOffer),
        Opcode.ChunkRequest => nameof(Opcode.ChunkRequest),
        Opcode.Chunk => nameof(Opcode.Chunk),
        Opcode.HoldRequest => nameof(Opcode.HoldRequest),
        Opcode.HoldAnswer => nameof(Opcode.HoldAnswer),
        Opcode.CopyBusy => nameof(Opcode.CopyBusy),
        Opcode.RangeRequest => nameof(Opcode.RangeRequest),
        Opcode.RangeOffer => nameof(Opcode.RangeOffer),
        _ => null,
    };
}
