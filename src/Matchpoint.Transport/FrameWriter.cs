using System.Buffers.Binary;
using System.IO.Pipelines;
using Matchpoint.Protocol;

namespace Matchpoint.Transport;

/// <summary>Puts frames into the outgoing bytes: room is taken, filled, and complete with its length written before it. Nothing is sent before a flush.</summary>
internal sealed class FrameWriter(PipeWriter output)
{
    private Memory<byte> _open;

    /// <summary>Bytes that are complete and not yet handed to the carrier.</summary>
    public long UnflushedBytes => output.UnflushedBytes;

    /// <summary>Breaks off when no frame can be that long.</summary>
    public static void Check(int bytes) =>
        Invariant.Holds(bytes is > 0 and <= Limits.FrameBytes, $"a frame of {bytes} bytes is to be sent; 1 to {Limits.FrameBytes} can be.");

    /// <summary>Room for a frame of at most so many bytes.</summary>
    public Span<byte> Take(int most)
    {
        Check(most);
        _open = output.GetMemory(FrameReader.PrefixBytes + most)[..(FrameReader.PrefixBytes + most)];
        return _open.Span[FrameReader.PrefixBytes..];
    }

    /// <summary>Completes the frame with as many bytes as were written into its room.</summary>
    public void Commit(int bytes)
    {
        Invariant.Holds(bytes > 0 && bytes <= _open.Length - FrameReader.PrefixBytes,
            $"a frame is completed with {bytes} bytes; room was taken for {_open.Length - FrameReader.PrefixBytes}.");
        BinaryPrimitives.WriteUInt32LittleEndian(_open.Span, (uint)bytes);
        _open = default;
        output.Advance(FrameReader.PrefixBytes + bytes);
    }

    /// <summary>Writes the length of a frame whose bytes follow by themselves.</summary>
    public void Announce(int bytes)
    {
        Check(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(output.GetSpan(FrameReader.PrefixBytes), (uint)bytes);
        output.Advance(FrameReader.PrefixBytes);
    }
}
