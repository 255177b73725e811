using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Log;
using Matchpoint.Transport;

namespace Matchpoint.Syncup;

/// <summary>The feeder's side of one connection: hello, syncup, then the records that the replica lacks.</summary>
internal sealed class FeederSession
{
    private readonly Channel _channel;
    private readonly RecordLog _log;
    private readonly SyncupPeer _self;
    private readonly Term _primaryTerm;
    private readonly byte _version;
    private readonly ISyncupObserver _observer;

    /// <summary>A session over a channel whose service name was read.</summary>
    /// <param name="channel">The connection; the session closes it.</param>
    /// <param name="version">The protocol version of the service.</param>
    /// <param name="log">The log to feed from.</param>
    /// <param name="self">Who this side is.</param>
    /// <param name="primaryTerm">The term as whose primary this node is confirmed; none when it is not.</param>
    /// <param name="observer">Who watches.</param>
    public FeederSession(Channel channel, byte version, RecordLog log, SyncupPeer self, Term primaryTerm, ISyncupObserver observer)
    {
        _channel = channel;
        _version = version;
        _log = log;
        _self = self;
        _primaryTerm = primaryTerm;
        _observer = observer;
    }

    /// <summary>Serves the replica until it has all that the log held when it came, or until it is sent away.</summary>
    public async Task<FeederOutcome> RunAsync(CancellationToken cancellation)
    {
        try
        {
            return await ServeAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            await SessionFailure.CloseAsync(_channel, error).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<FeederOutcome> ServeAsync(CancellationToken cancellation)
    {
        // The view pins the log before its range is told to anybody: nothing told of is removed while the handshake lasts.
        using var view = _log.View();
        var answers = new LogAnswers(view);
        var hello = ReplicaHello.Read((await _channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false)).Span);
        _observer.OnMessage(sent: false, hello);
        if (Refuse(hello, answers.Range) is { } refusal)
        {
            await _channel.CloseAsync(GoodbyeCode.Refused, refusal.Reason).ConfigureAwait(false);
            throw new SyncupRefusedException($"{_channel.Peer} ({hello.Name}) was refused: {refusal.Reason}", refusal.Kind);
        }

        var answered = await SendHelloAsync(hello, view, answers, cancellation).ConfigureAwait(false);
        var machine = _version == 1 ? FeederSyncup.Version1(answers.Range) : FeederSyncup.Version2(answers.Range, answered);
        var driver = new SyncupDriver(_channel, machine, answers, static effect => throw Invariant.Unreachable(effect), _observer, _self.Time);
        var last = await driver.RunAsync((now, _) => machine.Start(now), cancellation).ConfigureAwait(false);
        await FinishAsync(((FinishFeeding)last).Outcome, view, cancellation).ConfigureAwait(false);
        return machine.Outcome!;
    }

    private Refusal? Refuse(ReplicaHello hello, LogRange range)
    {
        var identity = _log.Directory.Identity;
        return _self.Admission(identity.Group, identity.Node).Check(hello, range, _self.Clock)
            ?? (hello.LowestVersion <= _version && hello.HighestVersion >= _version
                ? null
                : new Refusal(RefusalKind.NoCommonVersion, $"this service speaks protocol version {_version}, the replica {hello.LowestVersion} to {hello.HighestVersion}"));
    }

    private async ValueTask<Vlsn> SendHelloAsync(ReplicaHello replica, LogView view, LogAnswers answers, CancellationToken cancellation)
    {
        var identity = _log.Directory.Identity;
        var (candidate, next) = _version == 1 ? (null, null) : answers.Candidate(replica.Terms);
        var hello = new FeederHello(
            _version, identity.Group, identity.Node, _self.Name, view.End.Term, _primaryTerm, view.First, view.Last, view.Durable, _self.Clock, candidate, next);
        _observer.OnMessage(sent: true, hello);
        hello.Write(_channel.GetFrame(hello.Size));
        _channel.CommitFrame(hello.Size);
        await _channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
        return next?.Vlsn ?? candidate?.Vlsn ?? Vlsn.Null;
    }

    private async ValueTask FinishAsync(FeederOutcome outcome, LogView view, CancellationToken cancellation)
    {
        switch (outcome)
        {
            case FeederOutcome.Stream stream:
                await new LogFeed(_channel, _log, view, _observer).SendAsync(stream.From, cancellation).ConfigureAwait(false);
                await _channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
                break;
            case FeederOutcome.RestoreGranted:
                await _channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
                break;
            case FeederOutcome.Failed { Kind: FailureKind.ConnectionLost }:
                _channel.Abort();
                break;
            case FeederOutcome.Failed failed:
                await _channel.CloseAsync(CodeOf(failed.Kind), failed.Reason).ConfigureAwait(false);
                break;
            default:
                throw Invariant.Unreachable(outcome);
        }
    }

    /// <summary>How a goodbye names a failure.</summary>
    public static GoodbyeCode CodeOf(FailureKind kind) => kind switch
    {
        FailureKind.PeerFault => GoodbyeCode.ProtocolFault,
        FailureKind.TimedOut => GoodbyeCode.Timeout,
        FailureKind.OwnFault => GoodbyeCode.InternalError,
        FailureKind.Demoted => GoodbyeCode.Demoted,
        FailureKind.ConnectionLost => GoodbyeCode.Done,
        _ => throw Invariant.Unreachable(kind),
    };
}
