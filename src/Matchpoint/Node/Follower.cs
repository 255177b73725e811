using Matchpoint.Protocol;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Log;
using Matchpoint.Streaming;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>What a follower tells its node beside what every part does.</summary>
internal interface IFollowerHost : INodeHost
{
    /// <summary>The primary of a term was heard.</summary>
    /// <param name="term">Its term.</param>
    /// <param name="primary">Its name.</param>
    /// <param name="noted">To be called when the election counts it as heard; not at all when it does not.</param>
    void OnPrimaryHeard(Term term, string primary, Action noted);

    /// <summary>A feeder knows of a term.</summary>
    void OnTermSeen(Term term);

    /// <summary>This node has, on its device, all that its feeder had when it joined.</summary>
    void OnCaughtUp(Term term);

    /// <summary>Whether this node takes part in majorities.</summary>
    bool Counts { get; }

    /// <summary>Takes note, durably, that records will be acknowledged before they are flushed.</summary>
    void BeginUnflushedPromises();

    /// <summary>The stream has begun, or ended: whether this node is fed by the primary of a term.</summary>
    void OnFed(Term term, bool isFed);

    /// <summary>The primary holds this node for no member of its group.</summary>
    void OnStranger(string sentence);

    /// <summary>A step of a syncup.</summary>
    void OnSyncupStep(string feeder, string step);

    /// <summary>A syncup has come to its end.</summary>
    void OnSyncup(string feeder, ReplicaResult result, TimeSpan duration);

    /// <summary>Fetches a full copy.</summary>
    /// <param name="primary">The primary.</param>
    /// <param name="term">Its term.</param>
    /// <param name="neededFrom">The first record that it still keeps.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Whether the copy is whole: then the node is about to be opened anew with it.</returns>
    Task<bool> CopyAsync(string primary, Term term, Vlsn neededFrom, CancellationToken cancellation);
}

/// <summary>
/// Follows a primary: connects, syncs up, takes in its log as it grows, and begins again, with growing pauses, when the connection ends. The log may
/// be taken from a preferred feeder instead, as long as that one
/// follows the same primary.
/// </summary>
internal sealed class Follower : IFetchHost, IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan OperatorPause = TimeSpan.FromSeconds(10);

    private readonly RecordLog _log;
    private readonly Appender _appender;
    private readonly Progress _progress;
    private readonly Members _members;
    private readonly SyncupPeer _self;
    private readonly NodeClock _clock;
    private readonly MatchpointOptions _options;
    private readonly INetwork _network;
    private readonly IFollowerHost _host;
    private readonly Func<Vlsn> _applied;
    private readonly Lock _doubting = new();
    private CancellationTokenSource? _stopping;
    private Task _running = Task.CompletedTask;
    private volatile LiveFetch? _fetch;
    private volatile Channel? _channel;
    private volatile string? _following;
    private Term _term;
    private string _primary = "";
    private Vlsn _feederDurable;
    private Vlsn _feederFirst;
    private Vlsn _target;
    private TimeSpan _toldHeardAt;
    private (Vlsn Durable, TimeSpan At) _pendingLag;
    private bool _isReignDurable;
    private long _currentAt = -1;
    private Vlsn? _doubtEndsAt;
    private bool _isInDoubt;
    private volatile bool _isCopying;

    /// <summary>A follower that follows nobody yet.</summary>
    public Follower(
        RecordLog log, Appender appender, Progress progress, Members members, SyncupPeer self, NodeClock clock, MatchpointOptions options, INetwork network,
        IFollowerHost host, Func<Vlsn> applied)
    {
        _log = log;
        _appender = appender;
        _progress = progress;
        _members = members;
        _self = self;
        _clock = clock;
        _options = options;
        _network = network;
        _host = host;
        _applied = applied;
    }

    /// <inheritdoc/>
    public TimeProvider Time => _clock.Time;

    /// <inheritdoc/>
    public TimeSpan SilenceTimeout => _options.ElectionTimeout * 2;

    /// <inheritdoc/>
    public bool AcknowledgesUnflushed => _options.Durability.ReplicaFlush != FlushPolicy.Sync;

    /// <inheritdoc/>
    public (Vlsn Written, Vlsn Flushed, Vlsn Applied, bool Counts) Progress
    {
        get
        {
            var flushed = _log.Flushed;
            return (Vlsn.Max(_log.Written, flushed), flushed, _applied(), _host.Counts);
        }
    }

    /// <summary>What was last heard of the primary's clock in this session; 0 when nothing was.</summary>
    public long Heard => _fetch?.Heard ?? 0;

    /// <summary>When this node was last surely as current as its primary; null when it never was.</summary>
    public TimeSpan? CurrentAt => Volatile.Read(ref _currentAt) is >= 0 and var ticks ? TimeSpan.FromTicks(ticks) : null;

    /// <summary>What it follows, in words, while records may come; null otherwise.</summary>
    public string? Following => _following;

    /// <summary>Whether this node was the primary and has not yet caught up with what the next one had when it was found.</summary>
    public bool IsInDoubt => Volatile.Read(ref _isInDoubt);

    /// <summary>This node is about to be the primary no more, or has forgotten something. Only a stream that begins from here on ends the doubt.</summary>
    public void BeginDoubt()
    {
        lock (_doubting)
        {
            _doubtEndsAt = null;
            Volatile.Write(ref _isInDoubt, true);
        }
    }

    /// <summary>Follows a primary from now on.</summary>
    public async Task FollowAsync(string primary, Term term)
    {
        if (_isCopying && (primary, term) == (_primary, _term)) return; // It was not heard for a while. A full copy from the others goes on.
        await StopAsync().ConfigureAwait(false);
        (_primary, _term) = (primary, term);
        _stopping = new CancellationTokenSource();
        _running = RunAsync(primary, term, _stopping.Token);
    }

    /// <summary>Follows nobody any more; nothing is appended when this returns.</summary>
    public async Task StopAsync()
    {
        if (_stopping is null) return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        // No goodbye: a feeder that hangs would not hear it, and there is no time to wait for it.
        _channel?.Abort();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
        _stopping = null;
    }

    /// <summary>The own log has moved.</summary>
    public void OnLogMoved()
    {
        if (_fetch is not { } fetch) return;
        NoteDurable();
        fetch.Wake();
        if (!_target.IsNull && _log.Flushed >= _target)
        {
            _target = Vlsn.Null;
            _host.OnCaughtUp(_term);
        }
    }

    /// <summary>Passes on how far a replica is that this node feeds.</summary>
    public void Relay(string replica, Acknowledge progress) => _fetch?.Relay(replica, progress);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(StopAsync());

    /// <inheritdoc/>
    public void Begin(LiveFetch fetch)
    {
        _fetch = fetch;
        OnLogMoved();
    }

    /// <inheritdoc/>
    public void End(LiveFetch fetch) => _fetch = null;

    /// <inheritdoc/>
    public async ValueTask AppendAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellation)
    {
        while (true)
        {
            switch (TryAppend(frame))
            {
                case AppendResult.Appended:
                    return;
                case AppendResult.NoRoom:
                    await _log.WaitForRoomAsync(cancellation).ConfigureAwait(false);
                    break;
                case AppendResult.TailFull:
                    // Far behind the group: what is in the tail is durable, and the state will have it soon.
                    await Task.Delay(TimeSpan.FromMilliseconds(1), _clock.Time, cancellation).ConfigureAwait(false);
                    break;
            }
        }
    }

    /// <inheritdoc/>
    public void OnHeartbeat(in Heartbeat heartbeat)
    {
        var now = _clock.Now;
        _feederDurable = heartbeat.Durable;
        NoteDurable();
        NoteLag(heartbeat.Durable, now);
        if (heartbeat.SentAt == 0 || now - _toldHeardAt < _options.ElectionTimeout / 20) return;
        _toldHeardAt = now;
        var (fetch, sentAt) = (_fetch, heartbeat.SentAt);
        _host.OnPrimaryHeard(_term, _primary, () => fetch?.Note(sentAt));
    }

    private void NoteLag(Vlsn durable, TimeSpan now)
    {
        var visible = _appender.ShownUpTo(_progress.Durable);
        if (visible >= durable) NoteCurrent(durable, now);
        else if (_pendingLag.Durable.IsNull || visible >= _pendingLag.Durable)
        {
            if (!_pendingLag.Durable.IsNull) NoteCurrent(_pendingLag.Durable, _pendingLag.At);
            _pendingLag = (durable, now);
        }
    }

    /// <summary>What was durable then is visible here. Before a record of its own reign is durable, a primary itself may not know of all that was acknowledged: that counts for nothing.</summary>
    private void NoteCurrent(Vlsn durable, TimeSpan at)
    {
        if (!_isReignDurable)
        {
            using var view = _log.View();
            _isReignDurable = view.TryGet(durable, out var header, out _) ? header.Term == _term : _log.Appended is var end && end.Vlsn == durable && end.Term == _term;
        }

        if (_isReignDurable) Volatile.Write(ref _currentAt, at.Ticks);
    }

    private AppendResult TryAppend(ReadOnlyMemory<byte> frame)
    {
        var sent = LogBytes.Decode(frame.Span);
        var before = _log.Appended;
        if (sent.Start != before.End) throw new ProtocolException(nameof(LogBytes), "lsn", $"{before.End}", $"{sent.Start}");
        LogFetch.CheckPayloads(sent.Records, before);
        var flush = AcknowledgesUnflushed ? FlushPolicy.Write : FlushPolicy.Sync;
        var result = _appender.TryAppendCopies(sent.Records, flush, _feederDurable, out var fault);
        return fault is null
            ? result
            : throw new ProtocolException(nameof(LogBytes), $"{fault.FieldName} of a record behind {before.Vlsn}", fault.Expected, fault.Found);
    }

    private void NoteDurable()
    {
        _progress.OnDurable(Vlsn.Min(_feederDurable, _log.Written));
        if (!Volatile.Read(ref _isInDoubt)) return;
        lock (_doubting)
        {
            if (_doubtEndsAt is not { } end || _appender.ShownUpTo(_progress.Durable) < end) return;
            _doubtEndsAt = null;
            Volatile.Write(ref _isInDoubt, false);
        }
    }

    private async Task RunAsync(string primary, Term term, CancellationToken cancellation)
    {
        var pause = FirstPause;
        // What a node has forgotten only the primary surely has: another feeder may itself be behind.
        var feeder = _options.PreferredFeeder is { } preferred && preferred != _members.Self && _host.Counts ? preferred : primary;
        while (!cancellation.IsCancellationRequested)
        {
            var began = _clock.Now;
            var needsOperator = false;
            var isStranger = false;
            try
            {
                var outcome = await JoinAsync(feeder, term, cancellation).ConfigureAwait(false);
                needsOperator = outcome is ReplicaOutcome.Refused;
                // Only the primary surely keeps what others still need: what it shares nothing with is lost to the stream.
                _isCopying = outcome is ReplicaOutcome.Restore && feeder == primary;
                if (_isCopying && await _host.CopyAsync(primary, term, _feederFirst, cancellation).ConfigureAwait(false)) return;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (error is ChannelException or ConnectException or ProtocolException or SyncupRefusedException)
            {
                if (cancellation.IsCancellationRequested) return;
                isStranger = feeder == primary && error is SyncupRefusedException { IsStranger: true };
                if (isStranger) _host.OnStranger(error.Message);
                else _host.Report(NodeState.Electing, $"no stream from {feeder}: {error.Message}");
                _host.Warn("stream", error is SyncupRefusedException { PassesByItself: false } or ProtocolException ? $"{feeder}: {error.Message}" : null);
            }
            catch (Exception error)
            {
                _host.Fail(error);
                return;
            }
            finally
            {
                _isCopying = false;
            }

            if (feeder != primary)
            {
                feeder = primary; // The preferred one is asked again when the next primary comes.
                continue;
            }

            if (_clock.Now - began > LongestPause) pause = FirstPause;
            try
            {
                await Task.Delay(needsOperator || isStranger ? OperatorPause : pause, _clock.Time, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>One session, from connecting to its end.</summary>
    /// <returns>How the syncup ended; null when it led to a stream, which has ended.</returns>
    private async Task<ReplicaOutcome?> JoinAsync(string feeder, Term term, CancellationToken cancellation)
    {
        var began = _clock.Now;
        var channel = await _network.ConnectAsync(_members.AddressOf(feeder), _options.ElectionTimeout * 2, _clock.Time, cancellation, feeder).ConfigureAwait(false);
        await using (channel.ConfigureAwait(false))
        {
            _channel = channel;
            cancellation.ThrowIfCancellationRequested();
            var observer = new StepObserver(feeder, _host);
            var isLive = false;
            var session = new ReplicaSession(
                channel, SyncupVersion.Two, _log, _self, _options.RollbackLimit is { } most ? RollbackLimit.AtMost(most) : RollbackLimit.Disabled,
                decideOnly: false, observer)
            {
                KnownTerm = term,
                Admit = hello => Admit(hello, feeder, term),
                OnCut = _appender.OnCut,
                Stream = async (fetch, token) =>
                {
                    isLive = true;
                    _host.OnSyncup(feeder, fetch.Result, _clock.Now - began);
                    await StreamAsync(fetch, feeder, term, token).ConfigureAwait(false);
                },
            };
            var result = await session.RunAsync(cancellation).ConfigureAwait(false);
            if (isLive) return null;
            _host.OnSyncup(feeder, result, _clock.Now - began);
            return result.Outcome;
        }
    }

    private async Task StreamAsync(Fetch fetch, string feeder, Term term, CancellationToken cancellation)
    {
        _feederDurable = Vlsn.Max(_feederDurable, fetch.Feeder.Durable);
        _target = fetch.Feeder.Last;
        (_pendingLag, _isReignDurable) = (default, false);
        lock (_doubting)
        {
            if (_isInDoubt) _doubtEndsAt = fetch.Feeder.Durable;
        }

        if (AcknowledgesUnflushed) _host.BeginUnflushedPromises();
        _host.OnFed(term, isFed: true);
        _host.Warn("stream", null);
        _following = $"following {_primary} (term {term})" + (feeder == _primary ? "" : $", fed by {feeder}");
        _host.Report(NodeState.Following, _following);
        try
        {
            await new LiveFetch(fetch, this).RunAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _following = null;
            _host.OnFed(term, isFed: false);
        }
    }

    private HelloVerdict.Refused? Admit(in FeederHello hello, string feeder, Term term)
    {
        _feederFirst = hello.First;
        if (hello.Term > term) _host.OnTermSeen(hello.Term);
        if (hello.PrimaryTerm != hello.Term || hello.PrimaryTerm != term)
        {
            return new HelloVerdict.Refused(
                RefusalReason.NotPrimary, $"'{hello.Name}' feeds as of term {hello.PrimaryTerm} and knows of term {hello.Term}; this node follows term {term}.");
        }

        // A feeder that is merely behind lacks what the primary has, and what this node may have acknowledged to it: only the primary's own log tells what is to be undone.
        var last = _log.Appended.Vlsn;
        return feeder == _primary || hello.Last >= last
            ? null
            : new HelloVerdict.Refused(RefusalReason.NotPrimary, $"'{hello.Name}' is not the primary and holds records up to {hello.Last}, this node up to {last}.");
    }

    /// <summary>Tells the steps of a syncup in words.</summary>
    private sealed class StepObserver(string feeder, IFollowerHost host) : ISyncupObserver
    {
        public void OnStep(SyncupStep step, SyncupReport report)
        {
            host.Report(NodeState.SyncingUp, $"syncing up with {feeder}: {step.Phase}");
            host.OnSyncupStep(feeder, $"{step.Phase} at {step.Vlsn}");
        }

        public void OnMessage(bool sent, IMessage message)
        {
        }

        public void OnRecords(bool sent, long records, long bytes)
        {
        }
    }
}
