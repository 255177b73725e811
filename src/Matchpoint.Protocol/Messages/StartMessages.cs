using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>The replica's log is a prefix of the feeder's again, durably: the stream may begin.</summary>
/// <param name="Start">The first record wanted: matchpoint + 1.</param>
internal readonly record struct StartStream(Vlsn Start) : IMessage<StartStream>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.StartStream;

    /// <inheritdoc/>
    public int EncodedLength => 1 + sizeof(long);

    /// <inheritdoc/>
    public static StartStream Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.StartStream);
        var message = new StartStream(reader.ReadVlsn("startVlsn"));
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        Invariant.Holds(!Start.IsNull, "a stream cannot start at null.");
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteVlsn(Start);
        writer.End();
    }
}

/// <summary>The two logs share nothing that is still kept: the replica needs a full copy.</summary>
/// <param name="Failed">The last record at which a match was looked for.</param>
internal readonly record struct RestoreRequest(Vlsn Failed) : IMessage<RestoreRequest>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.RestoreRequest;

    /// <inheritdoc/>
    public int EncodedLength => 1 + sizeof(long);

    /// <inheritdoc/>
    public static RestoreRequest Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.RestoreRequest);
        var message = new RestoreRequest(reader.ReadVlsnOrNull("failedVlsn"));
        reader.End();
        return message;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteVlsn(Failed);
        writer.End();
    }
}

/// <summary>The feeder agrees: this connection ends, and a restore may be asked for.</summary>
internal readonly record struct RestoreResponse : IMessage<RestoreResponse>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.RestoreResponse;

    /// <inheritdoc/>
    public int EncodedLength => 1;

    /// <inheritdoc/>
    public static RestoreResponse Decode(ReadOnlySpan<byte> frame)
    {
        new MessageReader(frame, Opcode.RestoreResponse).End();
        return default;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame) => new MessageWriter(frame, Opcode).End();
}
