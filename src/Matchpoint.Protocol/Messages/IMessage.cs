using System.Buffers;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// What one frame carries: an opcode byte and a body, little-endian. Every message has exactly one encoding: what
/// decodes, encodes to the same bytes.
/// </summary>
internal interface IMessage
{
    /// <summary>Which message this is.</summary>
    Opcode Opcode { get; }

    /// <summary>Bytes of the frame's payload, the opcode included.</summary>
    int EncodedLength { get; }

    /// <summary>Writes the frame's payload: exactly <see cref="EncodedLength"/> bytes.</summary>
    void Encode(Span<byte> frame);
}

/// <summary>A message that can be read without knowing more than its type.</summary>
internal interface IMessage<TSelf> : IMessage
    where TSelf : struct, IMessage<TSelf>
{
    /// <summary>Reads a frame's payload, all of it.</summary>
    /// <exception cref="ProtocolException">The bytes are not this message in its one encoding.</exception>
    static abstract TSelf Decode(ReadOnlySpan<byte> frame);
}

/// <summary>Ways to have a message's bytes.</summary>
internal static class MessageEncoding
{
    /// <summary>Writes a message behind what the writer already holds.</summary>
    public static void EncodeTo<TMessage>(this TMessage message, IBufferWriter<byte> writer)
        where TMessage : IMessage
    {
        var length = message.EncodedLength;
        message.Encode(writer.GetSpan(length)[..length]);
        writer.Advance(length);
    }

    /// <summary>A message's bytes in an array of their own.</summary>
    public static byte[] ToBytes<TMessage>(this TMessage message)
        where TMessage : IMessage
    {
        var frame = new byte[message.EncodedLength];
        message.Encode(frame);
        return frame;
    }
}
