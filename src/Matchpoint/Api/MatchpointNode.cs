using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Matchpoint.Client;
using Matchpoint.Journal;
using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Records;
using Matchpoint.Telemetry;
using Matchpoint.Transactions;
using Matchpoint.Transport;

namespace Matchpoint;

/// <summary>
/// A node: a transactional key-value store on local disk. By itself it needs nothing but a directory; as a member of a group it is one of several
/// copies, of which one, the primary, takes writes. Open it once per directory, keep it as long as the
/// program runs, and close it with <see cref="DisposeAsync"/>. Every member may be used from everywhere at any time.
/// </summary>
public sealed partial class MatchpointNode : IAsyncDisposable
{
    private const int MostWriters = 256;

    private static readonly TimeSpan RepairPause = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, MatchpointDatabase> _databases = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<TransactionWriter> _writers = [];
    private readonly Func<Storage.DamageException?, CancellationToken, Task<NodeCore>> _open;
    private readonly SemaphoreSlim _opening = new(1, 1);
    private readonly NodeParts _parts;
    private readonly CancellationTokenSource _closing = new();
    private volatile Inside _inside;
    private volatile bool _isClosed;

    private MatchpointNode(NodeCore core, NodeParts parts, Func<Storage.DamageException?, CancellationToken, Task<NodeCore>> open, NodeTelemetry telemetry)
    {
        _parts = parts;
        _open = open;
        Telemetry = telemetry;
        _inside = Take(core);
        Journal = new NodeJournal(this, core.Options.Time);
        Default = Database(Catalogue.DefaultName);
    }

    /// <summary>
    /// The node does something else now. Called in order, on the node's own threads, as handlers of all its events are: they must return at once and must not wait for this node, which waits
    /// for them; what takes longer belongs into a queue or a task of the program. What a handler throws becomes a warning, and the node goes on.
    /// </summary>
    public event EventHandler<StateChange>? StateChanged;

    /// <summary>A syncup has taken a step.</summary>
    public event EventHandler<SyncupProgress>? SyncupProgressed;

    /// <summary>A syncup has ended.</summary>
    public event EventHandler<SyncupSummary>? SyncupCompleted;

    /// <summary>Transactions were undone. Each is in the export that the notice names.</summary>
    public event EventHandler<RollbackNotice>? RolledBack;

    /// <summary>More of a full copy is here that this node fetches.</summary>
    public event EventHandler<CopyProgress>? CopyProgressed;

    /// <summary>What it does now.</summary>
    public NodeState State => Core.Board.State;

    /// <summary>Whether it takes writes now.</summary>
    public bool IsPrimary => Core.Appender.Reign != Term.None && Core.TakesWrites;

    /// <summary>The database without a name of its own.</summary>
    public MatchpointDatabase Default { get; }

    /// <summary>The options it was opened with.</summary>
    public MatchpointOptions Options => Core.Options;

    /// <summary>Where it listens; null when it does not.</summary>
    public string? Address => Core.Endpoint?.ToString();

    internal NodeCore Core => _inside.Core;

    internal NodeJournal Journal { get; }

    internal NodeTelemetry Telemetry { get; }

    internal Reader Reader => _inside.Reader;

    internal Catalogue Catalogue => _inside.Catalogue;

    internal Committer Committer => _inside.Committer;

    /// <summary>Opens a node by itself, with nothing but a directory. It takes writes when this returns.</summary>
    /// <inheritdoc cref="OpenAsync(MatchpointOptions, CancellationToken)"/>
    public static Task<MatchpointNode> OpenAsync(string directory, CancellationToken cancellation = default) =>
        OpenAsync(new MatchpointOptions { Directory = directory }, cancellation);

    /// <summary>
    /// Opens a node. A node by itself takes writes when this returns; a member of a group serves what it has, and looks for the others in the
    /// background: <see cref="WaitUntilReadyAsync"/> tells when there is a primary.
    /// </summary>
    /// <exception cref="OptionsException">An option cannot be used.</exception>
    /// <exception cref="MatchpointException">The directory cannot be used: the message says why, and what to do.</exception>
    public static Task<MatchpointNode> OpenAsync(MatchpointOptions options, CancellationToken cancellation = default) => OpenAsync(options, NodeParts.Real, cancellation);

    /// <summary>Opens a node that stands on given parts.</summary>
    internal static async Task<MatchpointNode> OpenAsync(MatchpointOptions options, NodeParts parts, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        OptionsCheck.Require(options);
        parts = ConnectionSecurity.Apply(options, parts);
        MatchpointNode? node = null;
        try
        {
            var ready = new TaskCompletionSource<MatchpointNode>(TaskCreationOptions.RunContinuationsAsynchronously);
            var services = (NodeCore core) => (IReadOnlyDictionary<string, ServiceHandler>)new Dictionary<string, ServiceHandler>
            {
                [ClientService.Name] = async (channel, stopping) => await new ClientService(await ready.Task.ConfigureAwait(false)).ServeAsync(channel, stopping).ConfigureAwait(false),
            };
            var telemetry = new NodeTelemetry(options);
            parts = parts with { Log = parts.Log with { Wrote = telemetry.LogWritten, Flushed = telemetry.LogFlushed } };
            var open = (Storage.DamageException? found, CancellationToken given) => NodeCore.OpenAsync(options, parts, services, found, given);
            node = new MatchpointNode(await open(null, cancellation).ConfigureAwait(false), parts, open, telemetry);
            telemetry.Opened(node);
            ready.SetResult(node);
            if (node.Core.Members.IsAlone) await node.WaitUntilReadyAsync(options.CommitTimeout, cancellation).ConfigureAwait(false);
            return node;
        }
        catch (Exception error) when (error is Storage.StorageException or IOException or UnauthorizedAccessException)
        {
            if (node is not null) await node.DisposeAsync().ConfigureAwait(false);
            throw new MatchpointException(error.Message, error);
        }
        catch
        {
            if (node is not null) await node.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A database by its name. It is made by the first write to it.</summary>
    /// <exception cref="ArgumentException">The name is empty, or longer than 256 bytes.</exception>
    public MatchpointDatabase Database(string name) => _databases.GetOrAdd(name, static (key, node) => new MatchpointDatabase(node, key), this);

    /// <summary>Waits until the group has a primary, as this node knows it, and this node follows it or is it.</summary>
    /// <exception cref="StaleReadException">There is none within the time.</exception>
    public async Task WaitUntilReadyAsync(TimeSpan timeout, CancellationToken cancellation = default)
    {
        var began = Options.Time.GetTimestamp(); // The core's clock begins anew when the node is opened again.
        while (!Core.IsReady && State != NodeState.Following)
        {
            ThrowIfClosed();
            if (State == NodeState.Failed) throw new NodeFailedException($"node '{Options.Name}' has failed: {Core.Board.Step}", Core.Failure);
            if (Options.Time.GetElapsedTime(began) >= timeout) throw new StaleReadException($"no primary within {timeout}: {Core.Board.Step}.");
            await Task.Delay(TimeSpan.FromMilliseconds(2), Options.Time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Runs a transaction: the body reads and writes, then everything takes effect together. When something that it read was changed meanwhile, it is
    /// run again, until it goes through or its time is up; so the body may run several times, and must do nothing
    /// that cannot be done twice.
    /// </summary>
    /// <param name="body">Reads and writes.</param>
    /// <param name="options">How the commit differs from the group's others.</param>
    /// <param name="cancellation">Gives up; while the commit is waited for, the outcome is unknown then.</param>
    /// <returns>The commit's place in the log; where nothing was written, the place at which was read.</returns>
    /// <exception cref="ConflictException">It met a conflict every time until its time was up. Nothing was written.</exception>
    /// <exception cref="NotPrimaryException">This node takes no writes now.</exception>
    /// <exception cref="InsufficientAcksException">It was not acknowledged in time: the outcome is unknown.</exception>
    public async ValueTask<CommitToken> TransactAsync(Func<MatchpointTransaction, ValueTask> body, CommitOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(body);
        var (began, timeout) = (Options.Time.GetTimestamp(), options?.Timeout ?? Options.CommitTimeout); // The core's clock begins anew when the node is opened again.
        using var trace = Telemetry.BeginTransaction();
        while (true)
        {
            trace?.Attempt();
            using var transaction = await BeginAsync(cancellation).ConfigureAwait(false);
            await body(transaction).ConfigureAwait(false);
            try
            {
                var token = await transaction.CommitAsync(options, cancellation).ConfigureAwait(false);
                trace?.Done();
                return token;
            }
            catch (ConflictException conflict) when (Options.Time.GetElapsedTime(began) is var elapsed && elapsed < timeout)
            {
                // It would meet the same record again until that is durable.
                await Core.Progress.WaitAsync(Goal.Durable, Vlsn.Null.Plus(conflict.ConflictingVlsn), timeout - elapsed, cancellation).ConfigureAwait(false);
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    /// <inheritdoc cref="TransactAsync(Func{MatchpointTransaction, ValueTask}, CommitOptions?, CancellationToken)"/>
    public ValueTask<CommitToken> TransactAsync(Action<MatchpointTransaction> body, CommitOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(body);
        return TransactAsync(
            transaction =>
            {
                body(transaction);
                return ValueTask.CompletedTask;
            },
            options,
            cancellation);
    }

    /// <summary>Begins a transaction that the caller commits with <see cref="CommitAsync"/>, or disposes of.</summary>
    /// <exception cref="NotPrimaryException">This node takes no writes now.</exception>
    public async ValueTask<MatchpointTransaction> BeginAsync(CancellationToken cancellation = default)
    {
        ThrowIfClosed();
        if (!Reader.CanServeNow) await Reader.PrepareAsync(ReadLevel.Durable, cancellation).ConfigureAwait(false);
        if (!IsPrimary) throw Committer.NotPrimary();
        return new MatchpointTransaction(this);
    }

    /// <summary>Commits a transaction: everything takes effect together, or nothing.</summary>
    /// <inheritdoc cref="TransactAsync(Func{MatchpointTransaction, ValueTask}, CommitOptions?, CancellationToken)"/>
    public ValueTask<CommitToken> CommitAsync(MatchpointTransaction transaction, CommitOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        ThrowIfClosed();
        return transaction.CommitAsync(options, cancellation);
    }

    /// <summary>
    /// Every durable transaction behind a place of the log, in order, and each new one as it becomes durable, without end. What was delivered is
    /// never undone. Resume with the token of the last one that was dealt with. It may be followed on any
    /// node.
    /// </summary>
    /// <param name="after">Where to begin: behind this commit; <see cref="CommitToken.Beginning"/> for the first of all.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="CommitUndoneException">The commit behind which to begin was undone: another primary's history took its place.</exception>
    /// <exception cref="HistoryTrimmedException">The log no longer reaches back so far.</exception>
    public IAsyncEnumerable<ChangeSet> ChangesAsync(CommitToken after, CancellationToken cancellation = default)
    {
        ThrowIfClosed();
        return _inside.Changes.ReadAsync(after, cancellation);
    }

    /// <summary>
    /// Takes a member into the group: on the primary. One that is to vote counts once it has caught up (<see cref="MemberStatus.IsPending"/> until then). Open its node with options that name
    /// itself and the others.
    /// </summary>
    /// <returns>The record that says so; it is durable.</returns>
    /// <exception cref="MembershipException">It may not be made now; nothing was changed.</exception>
    /// <exception cref="NotPrimaryException">This node is not the primary.</exception>
    /// <exception cref="InsufficientAcksException">It was not acknowledged in time: the outcome is unknown.</exception>
    public Task<CommitToken> AddMemberAsync(GroupMember member, CancellationToken cancellation = default) =>
        ChangeMembersAsync(new RosterChange.Add(MemberOf(member)), cancellation);

    /// <summary>Removes a member from the group: on the primary, which cannot remove itself. What the member has stays where it is, and grows old.</summary>
    /// <inheritdoc cref="AddMemberAsync"/>
    public Task<CommitToken> RemoveMemberAsync(string name, CancellationToken cancellation = default) =>
        ChangeMembersAsync(new RosterChange.Remove(name), cancellation);

    /// <summary>
    /// Gives a member another address, kind, priority or designation: on the primary. A secondary that is made a voter counts once it has caught up. What holds data cannot become an arbiter,
    /// nor an arbiter what holds data.
    /// </summary>
    /// <inheritdoc cref="AddMemberAsync"/>
    public Task<CommitToken> ChangeMemberAsync(GroupMember member, CancellationToken cancellation = default) =>
        ChangeMembersAsync(new RosterChange.Set(MemberOf(member)), cancellation);

    /// <summary>
    /// Hands the primary over to another voter: on the primary. It lets the other catch up, holds writes for a moment, and steps down for it. Writes that come meanwhile wait, and
    /// are then told who the primary is.
    /// </summary>
    /// <param name="to">Whom; null for the voter that is suited best.</param>
    /// <param name="timeout">How long it may take, 10 s by default. After that it is given up, and everything is as before.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The name of the new primary.</returns>
    /// <exception cref="TransferException">It did not come about: the message says why, and who leads.</exception>
    /// <exception cref="NotPrimaryException">This node is not the primary.</exception>
    public Task<string> TransferAsync(string? to = null, TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        ThrowIfClosed();
        return Core.Group.TransferAsync(to, timeout ?? TimeSpan.FromSeconds(10), cancellation);
    }

    /// <summary>How the node is.</summary>
    public NodeStatus GetStatus() => StatusReport.Of(Core, Reader, Journal.WebWarnings?.Invoke() ?? []);

    /// <summary>
    /// A hash over all keys and values as this node has them, with the last record that they reflect. Two nodes at the same record have the same
    /// hash. It reads everything.
    /// </summary>
    public Task<(string Digest, CommitToken At)> DigestAsync(CancellationToken cancellation = default) =>
        Task.Run(() => StatusReport.Digest(Reader, cancellation), cancellation);

    /// <summary>
    /// Closes the node: what it has is written and flushed, and its directory may be opened again. A primary hands over first, if another voter can take over at once.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (!_isClosed) Telemetry.Closing(this);
        if (!_isClosed) await Core.Group.HandOverBeforeClosingAsync().ConfigureAwait(false);
        _isClosed = true;
        await _closing.CancelAsync().ConfigureAwait(false);
        // While it is being opened with a full copy, that comes first.
        await _opening.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            await Core.DisposeAsync().ConfigureAwait(false);
            Core.Board.Report(NodeState.Closed, "closed");
        }
        finally
        {
            _opening.Release();
        }
    }

    private static Member MemberOf(GroupMember member)
    {
        ArgumentNullException.ThrowIfNull(member);
        if (OptionsCheck.WhyNot(member) is { } why) throw new ArgumentException(why, nameof(member));
        return new Member(member.Name, member.Address, member.Kind, (byte)member.Priority, member.IsDesignated);
    }

    private Task<CommitToken> ChangeMembersAsync(RosterChange change, CancellationToken cancellation)
    {
        ThrowIfClosed();
        return Core.Group.ChangeAsync(change, Options.CommitTimeout, cancellation);
    }

    internal void ThrowIfClosed() => ObjectDisposedException.ThrowIf(_isClosed, this);

    /// <summary>The token of a record; of one that is no longer kept, without a term.</summary>
    internal CommitToken TokenOf(Vlsn vlsn)
    {
        using var view = Core.Log.View();
        return new CommitToken(view.TryGet(vlsn, out var header, out _) ? (long)header.Term.Value : 0, vlsn.DistanceFrom(Vlsn.Null));
    }

    private Inside Take(NodeCore core)
    {
        var reader = new Reader(core);
        var catalogue = new Catalogue(reader);
        var board = core.Board;
        board.StateChanged = Telemetry.Changed + (Action<StateChange>)(change => Tell(board, StateChanged, change));
        board.SyncupStep = Telemetry.SyncupStep + (Action<SyncupProgress>)(progress => Tell(board, SyncupProgressed, progress));
        board.SyncupCompleted = Telemetry.SyncupEnded + (Action<SyncupSummary>)(summary => Tell(board, SyncupCompleted, summary));
        board.Undone = Telemetry.RolledBack + (Action<RollbackNotice>)(notice => Tell(board, RolledBack, notice));
        board.CopyStep = Telemetry.CopyProgressed + (Action<CopyProgress>)(progress => Tell(board, CopyProgressed, progress));
        (board.Warned, board.Noted) = (Telemetry.Warned, Telemetry.Noted);
        core.Copied = () => _ = Task.Run(() => OpenAgainAsync(core, found: null));
        core.Damaged = found => _ = Task.Run(() => OpenAgainAsync(core, found));
        return new Inside(core, reader, catalogue, new Committer(core, Telemetry), new ChangeReader(core, catalogue));
    }

    /// <summary>Tells who listens, each for itself. What a handler throws is the program's mistake: it must not end what the node was doing when it told of it.</summary>
    private void Tell<T>(StatusBoard board, EventHandler<T>? handlers, T what, [CallerArgumentExpression(nameof(handlers))] string name = "")
    {
        foreach (var handler in Delegate.EnumerateInvocationList(handlers))
        {
            try
            {
                handler(this, what);
            }
            catch (Exception error)
            {
                board.WarnForAWhile($"handler of {name}", $"a handler of {name} threw {error.GetType().Name}: {error.Message} The node goes on; a handler must not throw.");
            }
        }
    }

    /// <summary>
    /// A full copy is whole, or something was found damaged: what holds the old content is closed, and another opened that finds the copy in its place, or mends the damage first.
    /// </summary>
    private async Task OpenAgainAsync(NodeCore old, Storage.DamageException? found)
    {
        await _opening.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            if (_isClosed) return;
            old.WillBeReopened = true;
            await old.DisposeAsync().ConfigureAwait(false);
            var before = old.Board.State;
            var core = found is null ? await _open(null, CancellationToken.None).ConfigureAwait(false) : await OpenMendedAsync(old, found).ConfigureAwait(false);
            if (core is null) return;
            _inside = Take(core);
            if (found is null) Telemetry.CopyEnded(error: null);
            Tell(core.Board, StateChanged, new StateChange(before, core.Board.State, core.Board.Step));
        }
        catch (Exception error)
        {
            if (found is null) Telemetry.CopyEnded(error);
            // Nothing is lost: the old content is removed only when the new was opened.
            var before = old.Board.State;
            old.Board.FailedToReopen($"{(found is null ? "the full copy" : "what was mended")} could not be opened: {error.Message}");
            Tell(old.Board, StateChanged, new StateChange(before, NodeState.Failed, old.Board.Step));
        }
        finally
        {
            _opening.Release();
        }
    }

    /// <summary>Tries until it is mended: the others may be away. Null when the node is closed meanwhile.</summary>
    private async Task<NodeCore?> OpenMendedAsync(NodeCore old, Storage.DamageException found)
    {
        while (true)
        {
            try
            {
                return await _open(found, _closing.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_isClosed)
            {
                return null;
            }
            catch (Storage.StorageException error)
            {
                old.Board.Report(NodeState.Repairing, error.Message);
                old.Board.Warn("failure", $"{error.Message} It is tried again.");
            }

            await Task.Delay(RepairPause, old.Clock.Time, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_isClosed) return null;
        }
    }

    /// <summary>What the node consists of, between two openings of its directory.</summary>
    private sealed record Inside(NodeCore Core, Reader Reader, Catalogue Catalogue, Committer Committer, ChangeReader Changes);

    internal TransactionWriter RentWriter() => _writers.TryTake(out var writer) ? writer : new TransactionWriter(Core.PieceBytes);

    internal void ReturnWriter(TransactionWriter writer)
    {
        if (_writers.Count >= MostWriters) return;
        writer.Clear();
        _writers.Add(writer);
    }
}
