using System.Buffers.Binary;
using Matchpoint.Copies;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Repairs;
using Matchpoint.Storage;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>A node put together: its log, its state, its election, whom it follows and whom it feeds. What happens in one part goes from here to the others.</summary>
internal sealed partial class NodeCore : IElectionHost, IFollowerHost, IAsyncDisposable
{
    /// <summary>So often waits are looked through for deadlines; and where nobody asks for flushes, the log is flushed: so much a power cut may take.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMilliseconds(25);
    private static readonly Vlsn Unreachable = Vlsn.Of(long.MaxValue);

    private readonly DataDirectory _directory;
    private readonly BallotFile _ballot;
    private readonly StateKeeper _keeper;
    private readonly CopyDonor _donor;
    private readonly CopyFetch _copying;
    private readonly RangeDonor _ranges;
    private readonly ElectionSettings _settings;
    private readonly SyncupPeer _self;
    private readonly ITimer _sweeper;
    private readonly CancellationTokenSource _stopping = new();
    private readonly INetwork _network;
    private INetworkListener? _listener;
    private Task _electing = Task.CompletedTask;
    private Task _keeping = Task.CompletedTask;
    private volatile string? _strangerSaid;
    private int _isFailed;
    private int _isDisposed;

    private NodeCore(MatchpointOptions options, NodeParts parts, OpenedNode opened, CopyPacing pacing)
    {
        var (directory, log, ballot, keeper) = (opened.Directory, opened.Log, opened.Ballot, opened.Keeper);
        Options = options;
        _network = parts.Network;
        PieceBytes = parts.PieceBytes;
        Pacing = pacing;
        _directory = directory;
        Log = log;
        _ballot = ballot;
        _keeper = keeper;
        Clock = new NodeClock(options.Time);
        Members = new Members(options);
        Board = new StatusBoard(options.Time);
        _self = new SyncupPeer { Name = options.Name, Rules = new HelloRules(options.MaxClockSkew), Time = options.Time };
        Progress = new Progress(Clock) { ToSyncPoint = log.SyncPointAtOrBelow, CountsUnflushed = CountsUnflushed(Members.Roster) };
        var retention = parts.Retention(options, parts.Log);
        Appender = new Appender(log, keeper.State, options.MaxTailBytes) { Rosters = new RosterLog(Members), OpenBytes = retention.OpenBytes };
        Group = new GroupKeeper(this);
        var heartbeat = options.ElectionTimeout / 5;
        var seed = BinaryPrimitives.ReadUInt64LittleEndian(directory.Identity.Node.Value.ToByteArray()) ^ (ulong)options.Time.GetUtcNow().Ticks;
        _settings = new ElectionSettings(options.Name, Members.Roster, options.ElectionTimeout, heartbeat, seed);
        Feeders = new Feeders(log, Progress, Members, _self, Clock, heartbeat) { WhyNot = WhyNotPrimary };
        Follower = new Follower(log, Appender, Progress, Members, _self, Clock, options, parts.Network, this, () => keeper.State.Applied.Vlsn);
        Feeders.UpstreamStamp = () => Follower.Heard;
        Feeders.Relay = Follower.Relay;
        Elections = new ElectionDriver(_settings, ballot, log, Members, Feeders, Progress, Clock, parts.Network, this);
        var stock = new CopyStock(directory, parts.States(options), log, keeper.State, retention.OpenBytes, () => Progress.Durable, () => Feeders.Role);
        Retention = new LogRetention(log, keeper.State, Members, Feeders, Clock, retention, Board, Fail);
        _donor = new CopyDonor(stock, Members, Clock, parts.NewId, new Outflow(options.CopyBytesPerSecond, Pacing), Retention);
        _ranges = new RangeDonor(log, Members, () => Progress.Durable);
        _copying = new CopyFetch(log, stock.States, Members, Clock, options, parts.Network) { Progressed = OnCopyProgress };
        Scrub = new Scrub(log, keeper.State, Clock, options.ScrubBytesPerSecond, parts)
        {
            IsBusy = () => _donor.IsBusy || Board.State is not (NodeState.Primary or NodeState.Following),
            Found = damage => OnDamage(damage),
        };
        Progress.DurableMoved = OnDurableMoved;
        log.Moved = OnLogMoved;
        foreach (var sentence in opened.Notes.Concat(opened.Repairs)) Board.Note(sentence);
        if (opened.Repairs.Count > 0) Board.Warn("repair", string.Join(" ", opened.Repairs));
        if (keeper.Note is { } note) Board.Warn("state", note);
        if (opened.HasForgotten) Follower.BeginDoubt();
        _sweeper = options.Time.CreateTimer(static state => ((NodeCore)state!).Sweep(), this, SweepInterval, SweepInterval);
    }

    /// <summary>The way to other nodes.</summary>
    public INetwork Network => _network;

    /// <summary>The node's options.</summary>
    public MatchpointOptions Options { get; }

    /// <summary>Sees to it that commits do not pay for what this node gives away.</summary>
    public CopyPacing Pacing { get; }

    /// <summary>How much a transaction may say in one record, in bytes.</summary>
    public int PieceBytes { get; }

    /// <summary>The log.</summary>
    public RecordLog Log { get; }

    /// <summary>The state.</summary>
    public IState State => _keeper.State;

    /// <summary>Where records enter.</summary>
    public Appender Appender { get; }

    /// <summary>How far records are.</summary>
    public Progress Progress { get; }

    /// <summary>The node's clock.</summary>
    public NodeClock Clock { get; }

    /// <summary>The group's members.</summary>
    public Members Members { get; }

    /// <summary>What a primary does for its group.</summary>
    public GroupKeeper Group { get; }

    /// <summary>Whether this node holds the data; an arbiter does not.</summary>
    public bool HasData => !_directory.IsArbiter;

    /// <summary>Whether it takes writes when it leads: an arbiter leads only until another can.</summary>
    public bool TakesWrites => Members.Roster.Find(Members.Self)?.Kind != MemberKind.Arbiter;

    /// <summary>How long this node has led.</summary>
    public TimeSpan ReignAge => Feeders.RoleAge;

    /// <summary>How long a primary may serve reads after a majority last heard it.</summary>
    public TimeSpan Lease => _settings.Lease;

    /// <summary>What the node shows of itself.</summary>
    public StatusBoard Board { get; }

    /// <summary>Whom it feeds.</summary>
    public Feeders Feeders { get; }

    /// <summary>What of the log's head it keeps.</summary>
    public LogRetention Retention { get; }

    /// <summary>Whom it follows.</summary>
    public Follower Follower { get; }

    /// <summary>The election.</summary>
    public ElectionDriver Elections { get; }

    /// <summary>What reads the log and the state again.</summary>
    public Scrub Scrub { get; }

    /// <summary>Where it listens; null for a node that is alone and does not.</summary>
    public Endpoint? Endpoint => _listener?.LocalEndpoint;

    /// <summary>Whether this node takes part in majorities.</summary>
    public bool Counts => _ballot.Ballot.Standing == Standing.Full;

    /// <summary>Cancelled when the node is closed.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Opens a node. It looks for its group in the background.</summary>
    /// <param name="options">Checked options.</param>
    /// <param name="parts">What it stands on.</param>
    /// <param name="services">Further services for its listener, by name.</param>
    /// <param name="found">What was found damaged while it was open before; null for nothing.</param>
    /// <param name="cancellation">Gives up opening.</param>
    public static async Task<NodeCore> OpenAsync(
        MatchpointOptions options, NodeParts parts, Func<NodeCore, IReadOnlyDictionary<string, ServiceHandler>> services, DamageException? found, CancellationToken cancellation)
    {
        var pacing = new CopyPacing(new NodeClock(options.Time));
        parts = pacing.Hear(parts);
        var core = new NodeCore(options, parts, await NodeOpening.OpenAsync(options, parts, found, cancellation).ConfigureAwait(false), pacing);
        try
        {
            await core.StartAsync(services(core)).ConfigureAwait(false);
            return core;
        }
        catch
        {
            await core.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Why this node takes no writes, in words.</summary>
    public string WhyNotPrimary()
    {
        var primary = Elections.Primary;
        var state = Board.State;
        return state is NodeState.Failed or NodeState.Closed ? $"node '{Members.Self}' takes no part: {Board.Step}"
            : primary == Members.Self && !TakesWrites ? $"node '{Members.Self}' is an arbiter and takes no writes: it leads only until a member with the data has caught up"
            : primary is null || primary == Members.Self ? $"node '{Members.Self}' knows of no primary now ({Board.Step})"
            : $"node '{Members.Self}' is a replica; the primary is '{primary}' at {Members.TryAddressOf(primary)?.ToString() ?? "an address that is not known yet"}";
    }

    /// <summary>Whether this node is certainly the primary now: a majority followed it so lately that nobody else can have been elected.</summary>
    public bool HoldsLease()
    {
        if (Members.IsAlone) return Appender.Reign != Term.None;
        return Appender.Reign != Term.None && Progress.HoldsLease(Clock.Now, _settings.Lease);
    }

    /// <summary>Whether everything that was ever acknowledged is known to be durable here: the reign's first record is.</summary>
    public bool IsReady => Appender.Reign != Term.None && Progress.Durable >= ReignStart;

    /// <summary>The first record of this node's own reign.</summary>
    public Vlsn ReignStart { get; private set; }

    /// <summary>Waits until this node is the primary, with all that was acknowledged before known to be durable; false when it becomes a replica of another instead, or time is up.</summary>
    public async ValueTask<bool> IsPrimaryAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        if (Appender.Reign == Term.None) return false;
        return await Progress.WaitAsync(Goal.Durable, ReignStart, timeout, cancellation).ConfigureAwait(false) == WaitResult.Reached && Appender.Reign != Term.None;
    }

    /// <inheritdoc/>
    public void BeginUnflushedPromises() => _ballot.BeginUnflushedPromises();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        if (!WillBeReopened) Board.Report(NodeState.Closed, "closed");
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _sweeper.DisposeAsync().ConfigureAwait(false);
        await _electing.ConfigureAwait(false);
        await _keeping.ConfigureAwait(false);
        EndReign();
        Feeders.Dispose();
        if (_listener is not null) await _listener.DisposeAsync().ConfigureAwait(false);
        _donor.Dispose();
        Retention.Dispose();
        _ranges.Dispose();
        await Follower.DisposeAsync().ConfigureAwait(false);
        Progress.EndAll();
        await Scrub.DisposeAsync().ConfigureAwait(false);
        await _keeper.DisposeAsync().ConfigureAwait(false);
        Log.Moved = null;
        Log.Dispose();
        if (Log.Failure is ObjectDisposedException && Counts) EndUnflushedPromises();
        _directory.Dispose();
        _stopping.Dispose();
    }

    private void EndUnflushedPromises()
    {
        try
        {
            _ballot.EndUnflushedPromises();
        }
        catch (IOException error)
        {
            // The mark that stays makes the node only more careful when it finds that the machine was started anew.
            Board.Note($"the ballot could not be brought up to date on closing: {error.Message}");
        }
    }

    /// <inheritdoc/>
    public void Fail(Exception error)
    {
        if (Volatile.Read(ref _isDisposed) != 0 || Interlocked.Exchange(ref _isFailed, 1) != 0) return;
        var damage = Members.Others.Any() ? error as DamageException : null;
        Failure = error;
        Board.Report(damage is null ? NodeState.Failed : NodeState.Repairing, error.Message);
        Board.Warn("failure", damage is null ? $"{error.Message} Close the node, mend the cause, and open it again." : $"{error.Message} The node mends it with what another member has.");
        Elections.Retire(error.Message);
        EndReign();
        Feeders.ChangeRole(default);
        if (damage is not null) Damaged(damage);
    }

    /// <summary>A reader met damage. A node with peers mends it; one by itself goes on with what it can read. Returns what the reader is told.</summary>
    public MatchpointException OnDamage(DamageException damage)
    {
        if (Members.Others.Any())
        {
            Fail(damage);
            return new StaleReadException($"{damage.Message} Node '{Members.Self}' mends it with what another member has. Read again in a moment.");
        }

        Board.Warn("damage", damage.Message);
        return new NodeFailedException(damage.Message, damage);
    }

    /// <summary>Called when something was found damaged that other members have: the node is to be closed, and opened again when it is mended.</summary>
    public Action<DamageException> Damaged { get; set; } = static _ => { };

    /// <summary>Whether it is closed only to be opened again, with a full copy or mended.</summary>
    public bool WillBeReopened { get; set; }

    /// <summary>Called when a full copy is whole: the node is to be closed and opened again, and has it then.</summary>
    public Action Copied { get; set; } = static () => { };

    /// <inheritdoc/>
    public async Task<bool> CopyAsync(string primary, Term term, Vlsn neededFrom, CancellationToken cancellation)
    {
        var why = await _copying.RunAsync(primary, term, neededFrom, cancellation).ConfigureAwait(false);
        Board.Warn("copy", why is null ? null : $"no member gave a full copy yet, and it is tried again: {why}");
        if (why is not null) return false;
        Board.Report(NodeState.NeedsCopy, "the full copy is whole: it takes the place of what was here");
        Copied();
        return true;
    }

    /// <summary>Why the node has failed; null while it has not.</summary>
    public Exception? Failure { get; private set; }

    /// <inheritdoc/>
    public void Report(NodeState state, string step)
    {
        // Who was told that it is no member looks for others in vain again and again: that is no change.
        if (state == NodeState.Electing) ReportLooking(state, step);
        else Board.Report(state, step);
    }

    /// <inheritdoc/>
    public void Warn(string source, string? sentence) => Board.Warn(source, sentence);

    private async Task StartAsync(IReadOnlyDictionary<string, ServiceHandler> more)
    {
        Progress.OnLocal(Log.Written, Log.Flushed);
        Progress.OnDurable(Vlsn.Max(Log.Durable, State.Applied.Vlsn));
        Appender.Rebuild();
        Members.Changed = OnRoster;
        OnRoster(Members.Roster);
        _keeper.Start(Progress, Appender, Clock, Retention.Trim, Fail);
        Scrub.Start();
        Board.Report(NodeState.Electing, "looking for the group");
        if ((Options.Listen ?? (Options.Members.Count > 0 ? Members.AddressOf(Members.Self).ToString() : null)) is { } address)
        {
            var services = new Dictionary<string, ServiceHandler>(more)
            {
                [Services.Stream] = (channel, stopping) => Feeders.ServeAsync(channel, Protocol.Messages.SyncupVersion.Two, stopping),
                [ElectionDriver.Service] = new GroupService(this).ServeAsync,
                [CopyDonor.Service] = _donor.ServeAsync,
                [RangeDonor.Service] = _ranges.ServeAsync,
            };
            _listener = await _network.ListenAsync(Transport.Endpoint.Parse(address), Admission.ForNodes(services), OnSessionFailed, Options.Time).ConfigureAwait(false);
        }

        _electing = Task.Run(() => Elections.RunAsync(_stopping.Token));
        _keeping = Task.Run(() => Group.RunAsync(_stopping.Token));
    }

    private Vlsn BeginReign(Term term)
    {
        Span<byte> node = stackalloc byte[NodeId.Size];
        _directory.Identity.Node.Value.TryWriteBytes(node, bigEndian: true, out _);
        return Appender.BeginReign(term, node);
    }

    private void Sweep()
    {
        Progress.Sweep();
        if (Log.Flushed < Log.Written) Log.RequestFlush();
    }

    private void OnLogMoved()
    {
        if (Log.Failure is { } failure)
        {
            // Not here, where the log's writer is held: others wait for it while they hold what a failing node takes.
            ThreadPool.UnsafeQueueUserWorkItem(static failed => failed.Core.Fail(failed.Failure), (Core: this, Failure: failure), preferLocal: false);
            return;
        }

        var flushed = Log.Flushed;
        Progress.OnLocal(Vlsn.Max(Log.Written, flushed), flushed);
        Follower.OnLogMoved();
        Feeders.OnLogMoved();
    }

    private bool CountsUnflushed(Roster roster) => (roster.Voters.Length == 1 ? Options.Durability.LocalFlush : Options.Durability.ReplicaFlush) != FlushPolicy.Sync;

    /// <summary>The log says that the members are others now. The appender is held meanwhile.</summary>
    private void OnRoster(Roster roster)
    {
        var self = roster.Find(Members.Self);
        if (!HasData && self is not null && self.Kind != MemberKind.Arbiter)
            Fail(new MatchpointException($"the directory of '{Members.Self}' is that of an arbiter and has no data, "
                + $"and the group holds it for {self.Kind}: remove the member, and add it with an empty directory."));
        else Elections.OnRoster();
    }

    private void OnDurableMoved()
    {
        Log.NoteDurable(Progress.Durable);
        _keeper.OnDurableMoved();
        Feeders.OnDurableMoved();
        if (!Members.Contains(Members.Self) && Progress.Durable >= Appender.RosterAt)
            Board.Report(NodeState.Removed, StatusWords.Removed(Members.Self, Appender.RosterAt, Members.Roster));
    }

    private void OnCopyProgress(CopyProgress progress)
    {
        Board.Report(NodeState.NeedsCopy, CopyText.Of(progress));
        Board.CopyProgressed(progress);
    }

    private void OnSessionFailed(string peer, Exception error)
    {
        if (error is DamageException damage) OnDamage(damage);
        if (error is SyncupRefusedException { PassesByItself: false } or ChannelClosedException { Goodbye.Code: Protocol.Messages.GoodbyeCode.Refused })
            Board.WarnForAWhile($"refused {peer.Split(':')[0]}", error.Message);
        // One session ended and the node goes on; but whoever runs it has to know, and to tell.
        if (OwnMistakes.Is(error)) Board.Warn("sessions", $"a session with {peer} ended with a mistake of this software, please report it: {error}");
        Board.Note($"{peer}: {error.Message}");
    }
}
