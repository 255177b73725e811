using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Streaming;

/// <summary>
/// Takes in the log as it grows: each record is proved before it is appended, and acknowledged when it is written and again when it is flushed, as
/// often as one flush ends. Receiving goes on
/// meanwhile.
/// </summary>
internal sealed class LiveFetch
{
    private readonly Fetch _fetch;
    private readonly IFetchHost _host;
    private readonly Signal _signal = new();
    private readonly Lock _gate = new();
    private Dictionary<string, Acknowledge>? _relayed;
    private long _heard;
    private long _noted;
    private int _isNotedNew;

    /// <summary>A fetch from a feeder that will send.</summary>
    public LiveFetch(Fetch fetch, IFetchHost host)
    {
        _fetch = fetch;
        _host = host;
    }

    /// <summary>What the feeder last said of when it was sent; 0 before it said anything.</summary>
    public long Heard => Volatile.Read(ref _heard);

    /// <summary>
    /// The election has taken note of the primary as heard in what was sent then: from here on this node helps nobody else for a while, and may say so. Said earlier, it would extend a lease that
    /// a vote is about to break.
    /// </summary>
    public void Note(long heard)
    {
        if (heard != Interlocked.Exchange(ref _noted, heard) && Interlocked.Exchange(ref _isNotedNew, 1) == 0) Wake();
    }

    /// <summary>The log has moved.</summary>
    public void Wake() => _signal.Set();

    /// <summary>A replica that this node feeds said how far it is.</summary>
    public void Relay(string replica, in Acknowledge progress)
    {
        lock (_gate)
        {
            _relayed ??= new Dictionary<string, Acknowledge>(StringComparer.Ordinal);
            _relayed[replica] = progress;
        }

        Wake();
    }

    /// <summary>Fetches until the connection ends, the feeder falls silent, or the node stops.</summary>
    /// <exception cref="ChannelException">The connection ended.</exception>
    /// <exception cref="ProtocolException">The feeder sent something that does not continue the log.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        _fetch.Channel.MaxFrameBytes = Limits.FrameBytes;
        await using var stop = cancellation.UnsafeRegister(static state => ((LiveFetch)state!).Wake(), this).ConfigureAwait(false);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _host.Begin(this);
        var acknowledging = AcknowledgeAsync(ended.Token);
        try
        {
            await ReceiveAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _host.End(this);
            await ended.CancelAsync().ConfigureAwait(false);
            Wake();
            await acknowledging.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReceiveAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var frame = await _fetch.Channel.ReceiveAsync(_host.SilenceTimeout, cancellation).ConfigureAwait(false);
            switch ((Opcode)frame.Span[0])
            {
                case Opcode.LogBytes:
                    await _host.AppendAsync(frame, cancellation).ConfigureAwait(false);
                    break;
                case Opcode.Heartbeat:
                    OnHeartbeat(Heartbeat.Decode(frame.Span));
                    break;
                case var other:
                    throw new ProtocolException("stream", "opcode", $"{(byte)Opcode.LogBytes} or {(byte)Opcode.Heartbeat}", $"{(byte)other}");
            }
        }
    }

    private void OnHeartbeat(in Heartbeat heartbeat)
    {
        Volatile.Write(ref _heard, heartbeat.SentAt);
        _host.OnHeartbeat(heartbeat);
    }

    private async Task AcknowledgeAsync(CancellationToken cancellation)
    {
        try
        {
            await AcknowledgeMoreAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            // A fetch that does not acknowledge is none: the receiver ends with the connection.
            if (!cancellation.IsCancellationRequested) _fetch.Channel.Abort();
        }
    }

    private async Task AcknowledgeMoreAsync(CancellationToken cancellation)
    {
        var told = default(Acknowledge);
        while (!cancellation.IsCancellationRequested)
        {
            var isNotedNew = Interlocked.Exchange(ref _isNotedNew, 0) == 1;
            var (written, flushed, applied, counts) = _host.Progress;
            // The applied record is news only for whoever looks at the status: it travels along.
            var hasMore = (_host.AcknowledgesUnflushed && written > told.Appended) || flushed > told.Flushed || counts != told.Counts;
            if (isNotedNew || hasMore)
            {
                told = new Acknowledge(written, flushed, Vlsn.Min(applied, written), Volatile.Read(ref _noted), counts);
                _fetch.Channel.Write(told);
            }

            var hasRelayed = WriteRelayed(written);
            if (isNotedNew || hasMore || hasRelayed) await _fetch.Channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            await _signal.WaitAsync().ConfigureAwait(false);
        }
    }

    private bool WriteRelayed(Vlsn written)
    {
        Dictionary<string, Acknowledge>? relayed;
        lock (_gate) (relayed, _relayed) = (_relayed, null);
        if (relayed is null) return false;
        foreach (var (replica, progress) in relayed)
        {
            // Nobody who is fed from here holds more than this node.
            var most = progress with
            {
                Appended = Vlsn.Min(progress.Appended, written),
                Flushed = Vlsn.Min(progress.Flushed, written),
                Applied = Vlsn.Min(progress.Applied, written),
            };
            _fetch.Channel.Write(new RelayedAcknowledge(replica, most));
        }

        return true;
    }
}
