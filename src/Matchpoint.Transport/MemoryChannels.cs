using System.IO.Pipelines;

namespace Matchpoint.Transport;

/// <summary>Two channels in one process, each the other's peer. What is sent and not yet received is bounded.</summary>
internal static class MemoryChannels
{
    /// <summary>How many bytes one side may be ahead of the other.</summary>
    public const int DefaultBytesAhead = 64 * 1024;

    /// <summary>Makes a pair.</summary>
    /// <param name="time">Where deadlines come from.</param>
    /// <param name="bytesAhead">How many bytes one side may be ahead of the other before it waits.</param>
    public static (Channel Left, Channel Right) CreatePair(TimeProvider time, int bytesAhead = DefaultBytesAhead)
    {
        var options = new PipeOptions(pauseWriterThreshold: bytesAhead, resumeWriterThreshold: bytesAhead / 2, useSynchronizationContext: false);
        var toRight = new Pipe(options);
        var toLeft = new Pipe(options);
        return (
            new Channel(new MemoryCarrier("right", toLeft.Reader, toRight.Writer), time),
            new Channel(new MemoryCarrier("left", toRight.Reader, toLeft.Writer), time));
    }

    private sealed class MemoryCarrier(string peer, PipeReader input, PipeWriter output) : ByteCarrier
    {
        public override PipeReader Input => input;

        public override PipeWriter Output => output;

        public override string Peer => peer;

        public override void CloseOutput() => output.Complete();

        public override void Abort()
        {
            output.Complete(new IOException("aborted"));
            input.CancelPendingRead();
            input.Complete();
        }
    }
}
