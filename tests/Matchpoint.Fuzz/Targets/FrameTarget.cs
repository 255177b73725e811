using System.Buffers.Binary;
using System.IO.Pipelines;
using Matchpoint.Protocol;
using Matchpoint.Transport;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// A connection's bytes, however they are cut: they become the frames that a look at all of them at once gives, the same length is refused that it refuses, and no more memory is taken than came.
/// The first byte says how large a frame may be and how many bytes of one may stay where they lie, each next one how many bytes come at once.
/// </summary>
internal sealed class FrameTarget : IFuzzTarget
{
    private const int FirstBufferBytes = 4096;

    /// <inheritdoc/>
    public string Name => "frames";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds =>
    [
        [0x42, 3, 20, 1, 3, 0, 0, 0, 7, 8, 9, 1, 0, 0, 0, 5],
        [0xFF, 40, 2, 0, 0, 0, 1, 2, 0, 0, 0, 0],
        [0x11, 1, 1, 1, 1, 1, 1, 1, 4, 0, 0, 0, 1, 2, 3, 4, 255, 255, 255, 255],
    ];

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        var (most, held) = (1 + ((input[0] >> 4) * 16), (input[0] & 15) * 8);
        var cuts = input[1..Math.Min(input.Length, 9)];
        var bytes = input[(1 + cuts.Length)..];
        var expected = Frames(bytes, most, out var isRefused);
        var found = new List<byte[]>();
        var pipe = new Pipe(new PipeOptions(minimumSegmentSize: 16, pauseWriterThreshold: 0, useSynchronizationContext: false));
        var frames = new FrameReader(pipe.Reader, held);
        var isOver = false;
        for (var i = 0; !bytes.IsEmpty && !isOver; i++)
        {
            var piece = bytes[..Math.Min(bytes.Length, cuts.IsEmpty ? bytes.Length : 1 + cuts[i % cuts.Length])];
            bytes = bytes[piece.Length..];
            // In segments of their own: a frame that lies in several is put together.
            piece.CopyTo(pipe.Writer.GetSpan(piece.Length));
            pipe.Writer.Advance(piece.Length);
            var flushed = pipe.Writer.FlushAsync();
            Invariant.Holds(flushed.IsCompletedSuccessfully, "nothing waits where no bound is set.");
            isOver = Take(frames, pipe.Reader, most, found);
            Invariant.Holds(frames.BufferBytes <= Math.Max(FirstBufferBytes, 2 * input.Length), $"a buffer of {frames.BufferBytes} bytes for {input.Length} that came.");
        }

        Invariant.Holds(isOver == isRefused, $"a length was {(isRefused ? "" : "not ")}to be refused.");
        Invariant.Holds(expected.Count == found.Count && expected.Zip(found).All(static pair => pair.First.AsSpan().SequenceEqual(pair.Second)),
            $"{found.Count} frames were taken, and there are {expected.Count}, or others.");
        Invariant.Holds(frames.EndOfBytes("peer", "frame").Message.Length > 0, "an end says why.");
    }

    /// <summary>Takes what is there.</summary>
    /// <returns>Whether a length was refused.</returns>
    private static bool Take(FrameReader frames, PipeReader reader, int most, List<byte[]> found)
    {
        while (true)
        {
            frames.Release();
            if (!reader.TryRead(out var read)) return false;
            try
            {
                if (frames.TryTake(read.Buffer, "frame", most, out var frame)) found.Add(frame.ToArray());
            }
            catch (ProtocolException)
            {
                return true;
            }
        }
    }

    private static List<byte[]> Frames(ReadOnlySpan<byte> bytes, int most, out bool isRefused)
    {
        var frames = new List<byte[]>();
        isRefused = false;
        while (bytes.Length >= FrameReader.PrefixBytes)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            isRefused = length == 0 || length > most;
            if (isRefused || bytes.Length - FrameReader.PrefixBytes < length) break;
            frames.Add(bytes.Slice(FrameReader.PrefixBytes, (int)length).ToArray());
            bytes = bytes[(FrameReader.PrefixBytes + (int)length)..];
        }

        return frames;
    }
}
