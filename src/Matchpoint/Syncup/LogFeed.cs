using System.Buffers;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Log;
using Matchpoint.Transport;

namespace Matchpoint.Syncup;

/// <summary>Sends records as they stand on disk, whole ones, many to a frame.</summary>
internal sealed class LogFeed(Channel channel, RecordLog log, LogView view, ISyncupObserver observer)
{
    private const int FrameBytes = 256 * 1024;

    private byte[] _frame = ArrayPool<byte>.Shared.Rent(FrameBytes);

    /// <summary>Sends from a record to the end of the view, then tells how far that was, and waits until the replica has it on its device.</summary>
    public async Task SendAsync(Vlsn from, CancellationToken cancellation)
    {
        try
        {
            var lsn = view.PositionAt(from.Previous).End;
            while (lsn < view.End.End) lsn = await SendFrameAsync(lsn, cancellation).ConfigureAwait(false);
            await SendHeartbeatAsync(cancellation).ConfigureAwait(false);
            await AwaitFlushedAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(_frame);
        }
    }

    private async ValueTask<Lsn> SendFrameAsync(Lsn lsn, CancellationToken cancellation)
    {
        if (!view.TryCopy(lsn, _frame.AsSpan(LogBytes.HeaderSize), out var length))
        {
            // One record alone is longer than the frame.
            ArrayPool<byte>.Shared.Return(_frame);
            _frame = ArrayPool<byte>.Shared.Rent(LogBytes.HeaderSize + length);
            return lsn;
        }

        LogBytes.WriteHeader(_frame, lsn);
        await channel.SendAsync(_frame.AsMemory(0, LogBytes.HeaderSize + length), Limits.MessageTimeout, cancellation).ConfigureAwait(false);
        observer.OnRecords(sent: true, records: 0, length);
        return lsn.Plus(length);
    }

    private async ValueTask SendHeartbeatAsync(CancellationToken cancellation)
    {
        var heartbeat = new Heartbeat(view.Last, log.Durable, SentAt: 0);
        observer.OnMessage(sent: true, heartbeat);
        channel.Write(heartbeat);
        await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
    }

    private async ValueTask AwaitFlushedAsync(CancellationToken cancellation)
    {
        var flushed = Vlsn.Null;
        for (var isFirst = true; ; isFirst = false)
        {
            var frame = await channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            var acknowledge = Acknowledge.Decode(frame.Span);
            observer.OnMessage(sent: false, acknowledge);
            // One that repeats itself would keep the session, and what it holds of the log, for ever.
            if (!isFirst && acknowledge.Flushed <= flushed)
                throw new ProtocolException(nameof(Acknowledge), "flushed", $"more than {flushed}", $"{acknowledge.Flushed}");
            flushed = acknowledge.Flushed;
            if (acknowledge.Appended > view.Last)
                throw new ProtocolException(nameof(Acknowledge), "appended", $"at most {view.Last}", $"{acknowledge.Appended}");
            if (acknowledge.Flushed == view.Last) return;
        }
    }
}
