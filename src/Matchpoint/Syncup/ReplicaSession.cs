using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Transport;

namespace Matchpoint.Syncup;

/// <summary>
/// The replica's side of one connection: hello, syncup, export and cut where they are due, then the records that it lacks.
/// </summary>
internal sealed class ReplicaSession
{
    private readonly Channel _channel;
    private readonly RecordLog _log;
    private readonly SyncupPeer _self;
    private readonly byte _version;
    private readonly RollbackLimit _limit;
    private readonly bool _decideOnly;
    private readonly ISyncupObserver _observer;

    /// <summary>A session over a fresh channel.</summary>
    /// <param name="channel">The connection; the session closes it.</param>
    /// <param name="version">The protocol version to speak.</param>
    /// <param name="log">The own log.</param>
    /// <param name="self">Who this side is.</param>
    /// <param name="limit">How many acknowledged commits may be undone without an operator.</param>
    /// <param name="decideOnly">Find out what would be done, and do nothing.</param>
    /// <param name="observer">Who watches.</param>
    public ReplicaSession(
        Channel channel, byte version, RecordLog log, SyncupPeer self, RollbackLimit limit, bool decideOnly, ISyncupObserver observer)
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
    /// <exception cref="ChannelException">The connection failed before the syncup, or while records were fetched; the log is a prefix of the feeder's then.</exception>
    public async Task<SyncupReport> RunAsync(CancellationToken cancellation)
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

    private async Task<SyncupReport> JoinAsync(CancellationToken cancellation)
    {
        SyncupReport report;
        // First of all: a goodbye must not be taken for the service's name.
        _channel.OpenService(Services.OfVersion(_version));

        // A view shows what is written: what was appended before must be in it, or it would be neither compared nor exported.
        await _log.WaitAsync(_log.Appended.Vlsn, FlushPolicy.Write, cancellation).ConfigureAwait(false);
        using (var view = _log.View())
        {
            var answers = new LogAnswers(view);
            var hello = await ExchangeHelloAsync(view, answers, cancellation).ConfigureAwait(false);
            var isConfirmed = hello.PrimaryTerm > Term.None && hello.PrimaryTerm >= view.End.Term;
            var settings = new ReplicaSettings(_limit, isConfirmed, _decideOnly);
            var machine = _version == 1 ? ReplicaSyncup.Version1(answers.Range, settings) : ReplicaSyncup.Version2(answers.Range, settings, hello);
            var driver = new SyncupDriver(_channel, machine, answers, effect => Change(effect, view), _observer, _self.Time);
            await driver.RunAsync(machine.Start, cancellation).ConfigureAwait(false);
            report = machine.Report;
        }

        await FinishAsync(report.Outcome!, cancellation).ConfigureAwait(false);
        return report;
    }

    private async ValueTask<FeederHello> ExchangeHelloAsync(LogView view, LogAnswers answers, CancellationToken cancellation)
    {
        var identity = _log.Directory.Identity;
        var hello = new ReplicaHello(
            _version, _version, identity.Group, identity.Node, _self.Name, view.End.Term, view.First, view.Last, _self.Clock,
            _version == 1 ? [] : answers.ListedTerms());
        _observer.OnMessage(sent: true, hello);
        hello.Write(_channel.GetFrame(hello.Size));
        _channel.CommitFrame(hello.Size);
        await _channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
        var answer = await ReceiveHelloAsync(cancellation).ConfigureAwait(false);
        _observer.OnMessage(sent: false, answer);
        var refusal = _self.Admission(identity.Group, identity.Node).Check(answer, _self.Clock);
        if (refusal is null && answer.Version != _version)
            refusal = new Refusal(RefusalKind.NoCommonVersion, $"asked for protocol version {_version}, the feeder chose {answer.Version}");
        if (refusal is null) return answer;
        await _channel.CloseAsync(GoodbyeCode.Refused, refusal.Reason).ConfigureAwait(false);
        throw new SyncupRefusedException($"{_channel.Peer} ({answer.Name}) was refused: {refusal.Reason}", refusal.Kind);
    }

    private async ValueTask<FeederHello> ReceiveHelloAsync(CancellationToken cancellation)
    {
        try
        {
            return FeederHello.Read((await _channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false)).Span);
        }
        catch (ChannelClosedException closed) when (closed.Goodbye is { Code: GoodbyeCode.Refused } goodbye)
        {
            throw new SyncupRefusedException($"{_channel.Peer} refused: {goodbye.Reason}");
        }
    }

    /// <summary>The effects that change what is on disk.</summary>
    private SyncupInput Change(SyncupEffect effect, LogView view)
    {
        try
        {
            switch (effect)
            {
                case ExportAbove export:
                    return new Exported(RollbackExporter.Write(_log.Directory, view, Header(export, view), export.Refused));
                case CutAfter cut:
                    // What came behind the view is in no export.
                    Invariant.Holds(_log.Appended == view.End, $"record {_log.Appended.Vlsn} was appended during a syncup that began at {view.Last}.");
                    _log.CutAfter(cut.Matchpoint, cut.Export);
                    return new CutDurable();
                default:
                    throw Invariant.Unreachable(effect);
            }
        }
        catch (Exception error) when (error is StorageException or IOException)
        {
            return new ReadFailed(error.Message);
        }
    }

    private RollbackHeader Header(ExportAbove export, LogView view) => new()
    {
        Group = _log.Directory.Identity.Group,
        Node = _log.Directory.Identity.Node,
        Matchpoint = export.Matchpoint,
        Last = view.Last,
        LastFingerprint = view.End.Fingerprint,
        Records = export.Counts.Records,
        Commits = export.Counts.Commits,
        Acknowledged = export.Counts.Acknowledged,
        Row = export.Row,
        Reason = export.Reason,
        ExportedAt = _self.Time.GetUtcNow(),
    };

    private async ValueTask FinishAsync(SyncupOutcome outcome, CancellationToken cancellation)
    {
        switch (outcome)
        {
            case SyncupOutcome.Streaming streaming:
                await FetchAsync(streaming.From, cancellation).ConfigureAwait(false);
                break;
            case SyncupOutcome.Failed { Kind: FailureKind.ConnectionLost }:
                _channel.Abort();
                break;
            case SyncupOutcome.Failed failed:
                await _channel.CloseAsync(FeederSession.CodeOf(failed.Kind), failed.Reason).ConfigureAwait(false);
                break;
            case SyncupOutcome.RestoreNeeded or SyncupOutcome.Refused or SyncupOutcome.Unconfirmed or SyncupOutcome.Decided:
                await _channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
                break;
            default:
                throw Invariant.Unreachable(outcome);
        }
    }

    private async ValueTask FetchAsync(Vlsn from, CancellationToken cancellation)
    {
        await new LogFetch(_channel, _log, _observer).ReceiveAsync(from, cancellation).ConfigureAwait(false);
        await _channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
    }
}
