using Matchpoint.Protocol;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Transport;

namespace Matchpoint.Syncup;

/// <summary>What came of a replica's session.</summary>
/// <param name="Range">What its log held when it began.</param>
/// <param name="Report">What was compared, decided and undone.</param>
/// <param name="Outcome">How it ended; null when only the decision was asked for.</param>
/// <param name="Export">The export's name; null when none was written.</param>
internal sealed record ReplicaResult(LogRange Range, SyncupReport Report, ReplicaOutcome? Outcome, string? Export);

/// <summary>A feeder that is about to send records.</summary>
/// <param name="Channel">The connection.</param>
/// <param name="Log">The own log, cut where it had to be.</param>
/// <param name="Feeder">The feeder's hello.</param>
/// <param name="Result">What the syncup found and did.</param>
/// <param name="Start">The first record that will come.</param>
/// <param name="Observer">Who watches.</param>
internal sealed record Fetch(Channel Channel, RecordLog Log, FeederHello Feeder, ReplicaResult Result, Vlsn Start, ISyncupObserver Observer);

/// <summary>Takes in the records of a feeder, and closes the channel when it ends well.</summary>
internal delegate Task FetchStream(Fetch fetch, CancellationToken cancellation);

/// <summary>
/// The replica's side of one connection: hello, syncup, export and cut where they are due, then the records that it lacks.
/// </summary>
internal sealed class ReplicaSession
{
    private readonly Channel _channel;
    private readonly RecordLog _log;
    private readonly SyncupPeer _self;
    private readonly ushort _version;
    private readonly RollbackLimit _limit;
    private readonly bool _decideOnly;
    private readonly ISyncupObserver _observer;
    private string? _export;

    /// <summary>Why a feeder that the hello lets in is refused all the same; null, or a null answer, lets it in.</summary>
    public Func<FeederHello, HelloVerdict.Refused?>? Admit { get; init; }

    /// <summary>Hears that the log was cut, from the session's own task.</summary>
    public Action<Vlsn>? OnCut { get; init; }

    /// <summary>The highest term that this node knows of, where that is not its log's.</summary>
    public Term KnownTerm { get; init; }

    /// <summary>What is received once the log is a prefix of the feeder's: the records up to where its log was and no more, unless something else is said.</summary>
    public FetchStream Stream { get; init; } = static async (fetch, cancellation) =>
    {
        await new LogFetch(fetch.Channel, fetch.Log, fetch.Observer).ReceiveAsync(fetch.Start, cancellation).ConfigureAwait(false);
        await fetch.Channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
    };

    /// <summary>A session over a fresh channel.</summary>
    /// <param name="channel">The connection; the session closes it.</param>
    /// <param name="version">The protocol version to speak.</param>
    /// <param name="log">The own log.</param>
    /// <param name="self">Who this side is.</param>
    /// <param name="limit">How many acknowledged commits may be undone without an operator.</param>
    /// <param name="decideOnly">Find out what would be done, and do nothing.</param>
    /// <param name="observer">Who watches.</param>
    public ReplicaSession(
        Channel channel, ushort version, RecordLog log, SyncupPeer self, RollbackLimit limit, bool decideOnly, ISyncupObserver observer)
    {
        _channel = channel;
        _version = version;
        _log = log;
        _self = self;
        _limit = limit;
        _decideOnly = decideOnly;
        _observer = observer;
    }

    /// <summary>Makes the own log equal to what the feeder's log was when the session began, or finds out why not.</summary>
    /// <exception cref="SyncupRefusedException">One side does not let the other in.</exception>
    /// <exception cref="DamageException">The own log is damaged. The feeder was told.</exception>
    /// <exception cref="ChannelException">The connection failed before the syncup, or while records were fetched; the log is a prefix of the feeder's then.</exception>
    public async Task<ReplicaResult> RunAsync(CancellationToken cancellation)
    {
        try
        {
            return await JoinAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            await SessionFailure.CloseAsync(_channel, error).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<ReplicaResult> JoinAsync(CancellationToken cancellation)
    {
        ReplicaResult result;
        FeederHello hello;
        LogAnswers answers;
        // First of all: a goodbye must not be taken for the service's name.
        _channel.OpenService(Services.OfVersion(_version));

        // A view shows what is written: what was appended before must be in it, or it would be neither compared nor exported.
        await _log.WaitAsync(_log.Appended.Vlsn, FlushPolicy.Write, cancellation).ConfigureAwait(false);
        using (var view = _log.View())
        {
            answers = new LogAnswers(view);
            hello = await ExchangeHelloAsync(view, answers, cancellation).ConfigureAwait(false);
            var machine = new ReplicaSyncup(answers.Range, hello, Highest(view.End.Term), _limit);
            ISyncupMachine stepped = _decideOnly ? new DecisionOnly(machine) : machine;
            var driver = new SyncupDriver(_channel, stepped, _version, answers, effect => Perform(effect, machine, view, answers), _observer, _self.Time);
            await driver.RunAsync(cancellation).ConfigureAwait(false);
            result = new ReplicaResult(answers.Range, machine.Report, stepped == machine || machine.Report.Decision is null ? machine.Outcome : null, _export);
        }

        await FinishAsync(result, hello, cancellation).ConfigureAwait(false);
        if (result.Outcome is ReplicaOutcome.Failed { Kind: FailureKind.LogFault }) answers.ThrowIfDamaged();
        return result;
    }

    private async ValueTask<FeederHello> ExchangeHelloAsync(LogView view, LogAnswers answers, CancellationToken cancellation)
    {
        var identity = _log.Directory.Identity;
        var hello = new ReplicaHello(
            _version, _version, identity.Group, identity.Node, _self.Name, Highest(view.End.Term), view.First, view.Last, _self.Clock,
            _version == SyncupVersion.One ? [] : answers.ListedTerms());
        _observer.OnMessage(sent: true, hello);
        _channel.Write(hello);
        await _channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
        var answer = await ReceiveHelloAsync(cancellation).ConfigureAwait(false);
        _observer.OnMessage(sent: false, answer);
        if ((HelloCheck.OfFeeder(answer, _self.Introduce(identity, _version, view.Last), _self.Rules) as HelloVerdict.Refused ?? Admit?.Invoke(answer)) is not { } refused)
            return answer;
        await _channel.CloseAsync(refused.Code, refused.Sentence).ConfigureAwait(false);
        throw new SyncupRefusedException($"{_channel.Peer} was refused: {refused.Sentence}", refused);
    }

    private async ValueTask<FeederHello> ReceiveHelloAsync(CancellationToken cancellation)
    {
        try
        {
            return FeederHello.Decode((await _channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false)).Span);
        }
        catch (ChannelClosedException closed) when (closed.Goodbye is { Code: GoodbyeCode.Refused or GoodbyeCode.NotAMember or GoodbyeCode.NotNow } goodbye)
        {
            throw new SyncupRefusedException($"{_channel.Peer} refused: {goodbye.Reason}", goodbye.Code);
        }
    }

    /// <summary>The effects that are the replica's own: what changes the disk, what is shown.</summary>
    private SyncupInput? Perform(SyncupEffect effect, ReplicaSyncup machine, LogView view, LogAnswers answers)
    {
        try
        {
            switch (effect)
            {
                case SyncupEffect.Show show:
                    _observer.OnStep(show.Step, machine.Report);
                    return null;
                case SyncupEffect.ConfirmFeeder confirm:
                    return new SyncupInput.FeederChecked(confirm.PrimaryTerm >= Highest(_log.Appended.Term));
                case SyncupEffect.ExportUndone export:
                    var report = machine.Report;
                    var isRefused = report.Decision is RollbackDecision.Refuse;
                    _export = RollbackExporter.Write(_log.Directory, view, Header(export.Matchpoint, report, view), isRefused);
                    return new SyncupInput.ExportDurable();
                case SyncupEffect.CutAfter cut:
                    // What came behind the view is in no export.
                    Invariant.Holds(_log.Appended == view.End, $"record {_log.Appended.Vlsn} was appended during a syncup that began at {view.Last}.");
                    _log.CutAfter(cut.Matchpoint, _export ?? throw Invariant.Unreachable(cut));
                    OnCut?.Invoke(cut.Matchpoint);
                    return new SyncupInput.CutDurable();
                default:
                    throw Invariant.Unreachable(effect);
            }
        }
        catch (Exception error) when (error is StorageException or IOException or UnauthorizedAccessException)
        {
            return answers.Faulted(error);
        }
    }

    private RollbackHeader Header(Vlsn matchpoint, SyncupReport report, LogView view) => new()
    {
        Group = _log.Directory.Identity.Group,
        Node = _log.Directory.Identity.Node,
        Matchpoint = matchpoint,
        Last = view.Last,
        LastFingerprint = view.End.Fingerprint,
        Records = report.Undone.Records,
        Commits = report.Undone.Commits,
        Acknowledged = report.Undone.AcknowledgedCommits,
        Row = report.Decision!.Row,
        Reason = report.Decision.Reason,
        ExportedAt = _self.Time.GetUtcNow(),
    };

    private Term Highest(Term ofLog) => ofLog > KnownTerm ? ofLog : KnownTerm;

    private async ValueTask FinishAsync(ReplicaResult result, FeederHello feeder, CancellationToken cancellation)
    {
        switch (result.Outcome)
        {
            case null:
                await _channel.CloseAsync(GoodbyeCode.Done, "only the decision was asked for").ConfigureAwait(false);
                break;
            case ReplicaOutcome.Streaming streaming:
                await Stream(new Fetch(_channel, _log, feeder, result, streaming.Start, _observer), cancellation).ConfigureAwait(false);
                break;
            case ReplicaOutcome.Failed { Kind: FailureKind.ConnectionLost }:
                _channel.Abort();
                break;
            case ReplicaOutcome.Failed failed:
                await _channel.CloseAsync(FeederSession.CodeOf(failed.Kind), failed.Reason).ConfigureAwait(false);
                break;
            case ReplicaOutcome.Restore or ReplicaOutcome.Refused or ReplicaOutcome.Wait:
                await _channel.CloseAsync(GoodbyeCode.Done, result.Report.Reason).ConfigureAwait(false);
                break;
            default:
                throw Invariant.Unreachable(result.Outcome);
        }
    }
}
