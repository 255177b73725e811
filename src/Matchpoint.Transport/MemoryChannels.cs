using System.IO.Pipelines;

namespace Matchpoint.Transport;

/// <summary>
/// Two channels in one process, each the other's peer. What is sent and not yet received is bounded. There is no timer and no thread behind them: under a virtual
/// <see cref="TimeProvider"/> only that decides when a deadline has come.
/// </summary>
internal static class MemoryChannels
{
    /// <summary>How many bytes one side may be ahead of the other.</summary>
    public const int DefaultBytesAhead = 64 * 1024;

    /// <summary>Makes a pair.</summary>
    /// <param name="time">Where deadlines come from.</param>
    /// <param name="bytesAhead">How many bytes one side may be ahead of the other before it waits.</param>
    /// <param name="scheduler">Where waits continue; the thread pool when not given.</param>
    public static (Channel Left, Channel Right) CreatePair(TimeProvider time, int bytesAhead = DefaultBytesAhead, PipeScheduler? scheduler = null)
    {
        var (left, right) = CreateCarriers(bytesAhead, scheduler);
        return (new Channel(left, time), new Channel(right, time));
    }

    /// <summary>Makes what carries the bytes of a pair.</summary>
    public static (ByteCarrier Left, ByteCarrier Right) CreateCarriers(int bytesAhead = DefaultBytesAhead, PipeScheduler? scheduler = null)
    {
        var options = new PipeOptions(
            readerScheduler: scheduler, writerScheduler: scheduler, pauseWriterThreshold: bytesAhead, resumeWriterThreshold: bytesAhead / 2,
            useSynchronizationContext: false);
        var toRight = new Pipe(options);
        var toLeft = new Pipe(options);
        var link = new Link(toLeft, toRight);
        // Less than what lets a waiting writer go on.
        var mostHeld = (bytesAhead / 2) - 1 - FrameReader.PrefixBytes;
        return (new MemoryCarrier("right", link, toLeft, toRight, mostHeld), new MemoryCarrier("left", link, toRight, toLeft, mostHeld));
    }

    /// <summary>What the two ends share: whether one of them dropped the connection.</summary>
    private sealed class Link(Pipe toLeft, Pipe toRight)
    {
        private int _isReset;

        public bool IsReset => Volatile.Read(ref _isReset) != 0;

        public void Reset()
        {
            if (Interlocked.Exchange(ref _isReset, 1) != 0) return;
            toLeft.Reader.CancelPendingRead();
            toRight.Reader.CancelPendingRead();
            toLeft.Writer.CancelPendingFlush();
            toRight.Writer.CancelPendingFlush();
        }
    }

    private sealed class MemoryCarrier(string peer, Link link, Pipe incoming, Pipe outgoing, int mostHeldBytes) : ByteCarrier
    {
        private int _isClosed;

        public override PipeReader Input => incoming.Reader;

        public override PipeWriter Output => outgoing.Writer;

        public override string Peer => peer;

        public override int MostHeldBytes => mostHeldBytes;

        public override bool IsReset => link.IsReset;

        public override void CloseOutput() => outgoing.Writer.Complete();

        public override void Close()
        {
            Volatile.Write(ref _isClosed, 1);
            outgoing.Writer.Complete();
        }

        public override void Abort()
        {
            if (Volatile.Read(ref _isClosed) == 0) link.Reset();
        }
    }
}
