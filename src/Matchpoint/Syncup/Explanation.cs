using Matchpoint.Protocol;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;

namespace Matchpoint.Syncup;

/// <summary>
/// What a syncup between two logs on this disk would find and decide: the same machines as over a network, one handing its messages to the other. Nothing is
/// changed.
/// </summary>
internal sealed class Explanation
{
    private readonly LogAnswers _replicaLog;
    private readonly LogAnswers _feederLog;
    private readonly DataDirectory _feeder;
    private readonly LogView _feederView;
    private readonly LogView _replicaView;
    private readonly RollbackLimit _limit;
    private readonly ushort _version;
    private readonly EffectList _effects = new();
    private FeederSyncup? _answering;
    private ReplicaSyncup? _asking;

    private Explanation(LogView replicaView, DataDirectory feeder, LogView feederView, RollbackLimit limit, ushort version)
    {
        _replicaView = replicaView;
        _feeder = feeder;
        _feederView = feederView;
        _replicaLog = new LogAnswers(replicaView);
        _feederLog = new LogAnswers(feederView);
        _limit = limit;
        _version = version;
    }

    /// <summary>Runs the replica's machine against the feeder's, up to the decision.</summary>
    /// <param name="replica">The replica's directory.</param>
    /// <param name="replicaView">Its log.</param>
    /// <param name="feeder">The feeder's directory.</param>
    /// <param name="feederView">Its log.</param>
    /// <param name="limit">The replica's rollback limit.</param>
    /// <param name="version">The protocol version whose search is used; both find the same.</param>
    /// <exception cref="StorageException">The feeder's log cannot be read.</exception>
    /// <exception cref="SyncupRefusedException">The directories belong to different groups, or the feeder's log is empty.</exception>
    public static ReplicaResult Run(
        DataDirectory replica, LogView replicaView, DataDirectory feeder, LogView feederView, RollbackLimit limit, ushort version = SyncupVersion.Two)
    {
        var explanation = new Explanation(replicaView, feeder, feederView, limit, version);
        return explanation.Run(replica.Identity);
    }

    private ReplicaResult Run(NodeIdentity replica)
    {
        var hello = new ReplicaHello(
            _version, _version, replica.Group, replica.Node, "replica", _replicaView.End.Term, _replicaView.First, _replicaView.Last, 0,
            _version == SyncupVersion.One ? [] : _replicaLog.ListedTerms());
        var self = SyncupPeer.ForTheTool("feeder");
        var introduction = self.Introduce(_feeder.Identity, _version, _feederView.Last) with { Clock = 0 };
        if (HelloCheck.OfReplica(hello, introduction, self.Rules) is HelloVerdict.Refused refused)
            throw new SyncupRefusedException(refused.Sentence, refused);

        _answering = new FeederSyncup(_version, _feederLog.Range, hello);
        var toFeeder = new Queue<SyncupInput>([new SyncupInput.Started()]);
        var toReplica = new Queue<SyncupInput>();
        while (_asking?.Outcome is null && _asking?.Report.Decision is null)
        {
            if (toFeeder.TryDequeue(out var input)) Step(_answering, input, _feederLog, toFeeder, toReplica);
            else if (toReplica.TryDequeue(out input)) Step(_asking!, input, _replicaLog, toReplica, toFeeder);
            else throw Invariant.Unreachable("both machines wait for each other");
            if (_answering.Outcome is FeederOutcome.Failed failed)
                throw failed.Kind == FailureKind.LogFault ? new StorageException($"the feeder cannot answer: {failed.Reason}") : Invariant.Unreachable(failed);
        }

        return new ReplicaResult(_replicaLog.Range, _asking!.Report, _asking.Report.Decision is null ? _asking.Outcome : null, Export: null);
    }

    private void Step(ISyncupMachine machine, SyncupInput input, LogAnswers log, Queue<SyncupInput> own, Queue<SyncupInput> peer)
    {
        _effects.Clear();
        machine.Step(input, TimeSpan.Zero, _effects);
        if (_asking?.Report.Decision is not null) return;
        for (var i = 0; i < _effects.Count; i++)
        {
            switch (_effects[i])
            {
                case SyncupEffect.Show or SyncupEffect.Close:
                    break;
                case SyncupEffect.SendHello hello:
                    _asking = new ReplicaSyncup(_replicaLog.Range, Hello(hello.Answer), _replicaView.End.Term, _limit);
                    peer.Enqueue(new SyncupInput.Started());
                    break;
                case SyncupEffect.Send send:
                    peer.Enqueue(new SyncupInput.FrameReceived(Encode(send.Message)));
                    break;
                case var effect:
                    own.Enqueue(log.TryAnswer(effect) ?? throw Invariant.Unreachable(effect));
                    break;
            }
        }
    }

    private static byte[] Encode(IMessage message)
    {
        var frame = new byte[message.EncodedLength];
        message.Encode(frame);
        return frame;
    }

    private FeederHello Hello(SyncupAnswer answer) => new(
        _version, _feeder.Identity.Group, _feeder.Identity.Node, "feeder", _feederView.End.Term, _feederView.End.Term, _feederView.First, _feederView.Last,
        0, _feederView.Durable, answer);
}
