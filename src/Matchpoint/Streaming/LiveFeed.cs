using System.Buffers;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Streaming;

/// <summary>
/// Sends a replica the log as it grows: the bytes of the segments as they are, as many to a frame as there are. Heartbeats in between tell what is
/// durable. What the replica lacks waits
/// on this node's disk; in memory there is one frame.
/// </summary>
internal sealed class LiveFeed
{
    private const int FrameBytes = 512 * 1024;

    private const int Idle = 0;
    private const int Armed = 1;
    private const int Due = 2;

    /// <summary>News of what is durable waits so long for records to travel with.</summary>
    private static readonly TimeSpan DurableDelay = TimeSpan.FromMilliseconds(2);

    private readonly Feed _feed;
    private readonly IFeedHost _host;
    private readonly Signal _signal = new();
    private readonly Lock _gate = new();
    private readonly ITimer _soonTimer;
    private byte[] _frame = [];
    private LogPosition _sent;
    private Acknowledge _progress;
    private Vlsn _toldDurable;
    private long? _toldStamp;
    private long _toldAt;
    private long _heardAt;
    private int _soon;

    /// <summary>A feed of a replica that is ready.</summary>
    /// <param name="feed">What it is fed.</param>
    /// <param name="host">The node.</param>
    /// <param name="reign">The term as of whose primary it was let in.</param>
    public LiveFeed(Feed feed, IFeedHost host, Term reign)
    {
        _feed = feed;
        _host = host;
        Reign = reign;
        _soonTimer = host.Time.CreateTimer(static state => ((LiveFeed)state!).OnSoon(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _sent = feed.View.PositionAt(feed.Start.Previous);
        _heardAt = host.Time.GetTimestamp();
    }

    /// <summary>The replica's name.</summary>
    public string Replica => _feed.Replica.Name;

    /// <summary>The term as of whose primary it was let in: what it says is about the records of that one, however late it says it.</summary>
    public Term Reign { get; }

    /// <summary>The replica's identity.</summary>
    public NodeId Node => _feed.Replica.Node;

    /// <summary>What the replica said last, how long ago, and up to which byte the log was sent.</summary>
    public (Acknowledge Progress, TimeSpan SinceHeard, LogPosition Sent, long BufferedBytes) Status
    {
        get
        {
            lock (_gate) return (_progress, _host.Time.GetElapsedTime(_heardAt), _sent, _frame.Length + _feed.Channel.UnflushedBytes);
        }
    }

    /// <summary>The log has grown, or time has come.</summary>
    public void Wake() => _signal.Set();

    /// <summary>More is durable: that is told soon, with the next records if some come.</summary>
    public void WakeSoon()
    {
        if (Interlocked.CompareExchange(ref _soon, Armed, Idle) == Idle) _soonTimer.Change(DurableDelay, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Ends the feed: its replica finds another.</summary>
    public void Stop() => _feed.Channel.Abort();

    /// <summary>Feeds until the connection ends or the node stops.</summary>
    /// <exception cref="ChannelException">The connection ended.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = _host.Time.CreateTimer(static state => ((LiveFeed)state!).Wake(), this, _host.HeartbeatInterval, _host.HeartbeatInterval);
        await using var stop = cancellation.UnsafeRegister(static state => ((LiveFeed)state!).Wake(), this).ConfigureAwait(false);
        _frame = ArrayPool<byte>.Shared.Rent(FrameBytes);
        var receiving = Task.CompletedTask;
        _host.Begin(this);
        try
        {
            receiving = ReceiveAsync(cancellation);
            await SendAsync(receiving, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _host.End(this);
            await _soonTimer.DisposeAsync().ConfigureAwait(false);
            // The receiver ends with the connection; what it says is the better reason.
            if (!receiving.IsCompleted) _feed.Channel.Abort();
            ArrayPool<byte>.Shared.Return(_frame);
            await receiving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task SendAsync(Task receiving, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (receiving.IsCompleted)
            {
                await receiving.ConfigureAwait(false);
                return;
            }

            if (_feed.Log.Written > _sent.Vlsn) await SendRecordsAsync(cancellation).ConfigureAwait(false);
            if (IsHeartbeatDue()) await SendHeartbeatAsync(cancellation).ConfigureAwait(false);
            await _signal.WaitAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask SendRecordsAsync(CancellationToken cancellation)
    {
        using var view = _feed.Log.View();
        var lsn = _sent.End;
        while (lsn < view.End.End)
        {
            if (!view.TryCopy(lsn, _frame.AsSpan(LogBytes.HeaderSize), out var length))
            {
                // One record alone is longer than the frame.
                ArrayPool<byte>.Shared.Return(_frame);
                _frame = ArrayPool<byte>.Shared.Rent(LogBytes.HeaderSize + length);
                continue;
            }

            if (_host.Durable > _toldDurable || IsHeartbeatDue()) WriteHeartbeat(view.Last);
            LogBytes.WriteHeader(_frame, lsn);
            await _feed.Channel.SendAsync(_frame.AsMemory(0, LogBytes.HeaderSize + length), Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            lsn = lsn.Plus(length);
        }

        lock (_gate) _sent = view.End;
    }

    private bool IsHeartbeatDue()
    {
        if (Interlocked.CompareExchange(ref _soon, Idle, Due) == Due && _host.Durable > _toldDurable) return true;
        return _host.HeartbeatStamp is { } stamp && stamp != _toldStamp && _host.Time.GetElapsedTime(_toldAt) >= _host.HeartbeatInterval / 2;
    }

    private void OnSoon()
    {
        Volatile.Write(ref _soon, Due);
        Wake();
    }

    private async ValueTask SendHeartbeatAsync(CancellationToken cancellation)
    {
        WriteHeartbeat(_sent.Vlsn);
        await _feed.Channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
    }

    private void WriteHeartbeat(Vlsn last)
    {
        _toldDurable = _host.Durable;
        if (_host.HeartbeatStamp is { } stamp) _toldStamp = stamp;
        _toldAt = _host.Time.GetTimestamp();
        _feed.Channel.Write(new Heartbeat(last, _toldDurable, _toldStamp ?? 0));
    }

    private async Task ReceiveAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                var frame = await _feed.Channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
                switch ((Opcode)frame.Span[0])
                {
                    case Opcode.Acknowledge:
                        OnAcknowledge(Acknowledge.Decode(frame.Span));
                        break;
                    case Opcode.RelayedAcknowledge:
                        var relayed = RelayedAcknowledge.Decode(frame.Span);
                        _host.OnAcknowledge(Reign, relayed.Name, Checked(relayed.Progress));
                        break;
                    case var other:
                        throw new ProtocolException("stream", "opcode", $"{(byte)Opcode.Acknowledge} or {(byte)Opcode.RelayedAcknowledge}", $"{(byte)other}");
                }
            }
        }
        finally
        {
            Wake();
        }
    }

    private void OnAcknowledge(in Acknowledge progress)
    {
        Checked(progress);
        lock (_gate)
        {
            _progress = progress;
            _heardAt = _host.Time.GetTimestamp();
        }

        _feed.View.Release(progress.Flushed);
        _host.OnAcknowledge(Reign, Replica, progress);
    }

    /// <summary>Nobody can hold what was not even written here.</summary>
    private Acknowledge Checked(in Acknowledge progress) => progress.Appended <= _feed.Log.Written
        ? progress
        : throw new ProtocolException(nameof(Acknowledge), "appended", $"at most {_feed.Log.Written}", $"{progress.Appended}");
}
