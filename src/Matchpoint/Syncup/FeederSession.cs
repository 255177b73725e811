using Matchpoint.Protocol;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Log;
using Matchpoint.Transport;

namespace Matchpoint.Syncup;

/// <summary>A replica that is ready for records.</summary>
/// <param name="Channel">The connection.</param>
/// <param name="Log">The feeder's log.</param>
/// <param name="View">The view that the syncup was about; it keeps the records from removal until it is released.</param>
/// <param name="Replica">The replica's hello.</param>
/// <param name="Start">The first record to send.</param>
/// <param name="Observer">Who watches.</param>
internal sealed record Feed(Channel Channel, RecordLog Log, LogView View, ReplicaHello Replica, Vlsn Start, ISyncupObserver Observer);

/// <summary>Sends records to a replica that is ready for them, and closes the channel when it ends well.</summary>
internal delegate Task FeedStream(Feed feed, CancellationToken cancellation);

/// <summary>The feeder's side of one connection: hello, syncup, then the records that the replica lacks.</summary>
internal sealed class FeederSession
{
    private readonly Channel _channel;
    private readonly RecordLog _log;
    private readonly SyncupPeer _self;
    private readonly Term _primaryTerm;
    private readonly ushort _version;
    private readonly ISyncupObserver _observer;

    /// <summary>Why a replica that the hello lets in is refused all the same; null, or a null answer, lets it in.</summary>
    public Func<ReplicaHello, HelloVerdict.Refused?>? Admit { get; init; }

    /// <summary>What is sent once the replica is ready: the records up to here and no more, unless something else is said.</summary>
    public FeedStream Stream { get; init; } = static async (feed, cancellation) =>
    {
        await new LogFeed(feed.Channel, feed.Log, feed.View, feed.Observer).SendAsync(feed.Start, cancellation).ConfigureAwait(false);
        await feed.Channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
    };

    /// <summary>A session over a channel whose service name was read.</summary>
    /// <param name="channel">The connection; the session closes it.</param>
    /// <param name="version">The protocol version of the service.</param>
    /// <param name="log">The log to feed from.</param>
    /// <param name="self">Who this side is.</param>
    /// <param name="primaryTerm">The term as whose primary this node is confirmed; none when it is not.</param>
    /// <param name="observer">Who watches.</param>
    public FeederSession(Channel channel, ushort version, RecordLog log, SyncupPeer self, Term primaryTerm, ISyncupObserver observer)
    {
        _channel = channel;
        _version = version;
        _log = log;
        _self = self;
        _primaryTerm = primaryTerm;
        _observer = observer;
    }

    /// <summary>Serves the replica until it has all that the log held when it came, or until it is sent away.</summary>
    /// <exception cref="SyncupRefusedException">The replica was not let in.</exception>
    /// <exception cref="Storage.DamageException">The own log is damaged. The replica was told.</exception>
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
        var hello = ReplicaHello.Decode((await _channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false)).Span);
        _observer.OnMessage(sent: false, hello);
        var identity = _log.Directory.Identity;
        if ((HelloCheck.OfReplica(hello, _self.Introduce(identity, _version, view.Last), _self.Rules) as HelloVerdict.Refused ?? Admit?.Invoke(hello)) is { } refused)
        {
            await _channel.CloseAsync(refused.Code, refused.Sentence).ConfigureAwait(false);
            throw new SyncupRefusedException($"{_channel.Peer} was refused: {refused.Sentence}", refused);
        }

        var machine = new FeederSyncup(_version, answers.Range, hello);
        var driver = new SyncupDriver(_channel, machine, _version, answers, static effect => throw Invariant.Unreachable(effect), _observer, _self.Time)
        {
            MakeHello = answer => new FeederHello(
                _version, identity.Group, identity.Node, _self.Name, Highest(view.End.Term, _primaryTerm), _primaryTerm, view.First, view.Last,
                _self.Clock, view.Durable, answer),
        };
        await driver.RunAsync(cancellation).ConfigureAwait(false);
        await FinishAsync(machine.Outcome!, hello, view, cancellation).ConfigureAwait(false);
        if (machine.Outcome is FeederOutcome.Failed { Kind: FailureKind.LogFault }) answers.ThrowIfDamaged();
        return machine.Outcome!;
    }

    /// <summary>How a goodbye names a failure.</summary>
    public static GoodbyeCode CodeOf(FailureKind kind) => kind switch
    {
        FailureKind.PeerFault => GoodbyeCode.ProtocolFault,
        FailureKind.TimedOut => GoodbyeCode.Timeout,
        FailureKind.LogFault => GoodbyeCode.InternalError,
        FailureKind.Demoted => GoodbyeCode.Demoted,
        FailureKind.ConnectionLost => GoodbyeCode.Done,
        _ => throw Invariant.Unreachable(kind),
    };

    private static Term Highest(Term a, Term b) => a > b ? a : b;

    private async ValueTask FinishAsync(FeederOutcome outcome, ReplicaHello hello, LogView view, CancellationToken cancellation)
    {
        switch (outcome)
        {
            case FeederOutcome.Streaming streaming:
                await Stream(new Feed(_channel, _log, view, hello, streaming.Start, _observer), cancellation).ConfigureAwait(false);
                break;
            case FeederOutcome.Restoring:
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
}
