using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
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
internal static class Explanation
{
    /// <summary>Runs the replica's machine against the feeder's, up to the decision.</summary>
    /// <param name="replica">The replica's directory.</param>
    /// <param name="replicaView">Its log.</param>
    /// <param name="feeder">The feeder's directory.</param>
    /// <param name="feederView">Its log.</param>
    /// <param name="limit">The replica's rollback limit.</param>
    /// <exception cref="StorageException">The feeder's log cannot be read.</exception>
    /// <exception cref="SyncupRefusedException">The directories belong to different groups, or the feeder's log is empty.</exception>
    public static SyncupReport Run(
        DataDirectory replica, LogView replicaView, DataDirectory feeder, LogView feederView, RollbackLimit limit)
    {
        var replicaLog = new LogAnswers(replicaView);
        var feederLog = new LogAnswers(feederView);
        var terms = replicaLog.ListedTerms();
        var greeting = new ReplicaHello(
            2, 2, replica.Identity.Group, replica.Identity.Node, "replica", replicaView.End.Term, replicaView.First, replicaView.Last, 0, terms);
        var admission = new Admission(feeder.Identity.Group, feeder.Identity.Node, 2, 2, TimeSpan.Zero, AllowsSameNode: true);
        if (admission.Check(greeting, feederLog.Range, 0) is { } refusal) throw new SyncupRefusedException(refusal.Reason, refusal.Kind);

        var (candidate, next) = feederLog.Candidate(terms);
        var hello = new FeederHello(
            2, feeder.Identity.Group, feeder.Identity.Node, "feeder", feederView.End.Term, feederView.End.Term, feederView.First, feederView.Last,
            feederView.Durable, 0, candidate, next);
        var isConfirmed = feederView.End.Term >= replicaView.End.Term;
        var asking = ReplicaSyncup.Version2(replicaLog.Range, new ReplicaSettings(limit, isConfirmed, DecideOnly: true), hello);
        var answering = FeederSyncup.Version2(feederLog.Range, next?.Vlsn ?? candidate?.Vlsn ?? Vlsn.Null);
        var toReplica = new List<SyncupEffect>();
        var toFeeder = new List<SyncupEffect>();
        asking.Start(TimeSpan.Zero, toReplica);
        answering.Start(TimeSpan.Zero);
        while (asking.Outcome is null)
        {
            Perform(toReplica, replicaLog, asking, answering, toFeeder);
            Perform(toFeeder, feederLog, answering, asking, toReplica);
            if (answering.Outcome is FeederOutcome.Failed failed)
                throw failed.Kind == FailureKind.OwnFault ? new StorageException($"the feeder cannot answer: {failed.Reason}") : Invariant.Unreachable(failed);
        }

        return asking.Report;
    }

    private static void Perform(
        List<SyncupEffect> effects, LogAnswers log, ISyncupMachine machine, ISyncupMachine peer, List<SyncupEffect> toPeer)
    {
        for (var i = 0; i < effects.Count; i++)
        {
            switch (effects[i])
            {
                case Tell or Finish or FinishFeeding:
                    break;
                case Send send:
                    peer.Step(new MessageReceived(send.Message), TimeSpan.Zero, toPeer);
                    break;
                case var effect:
                    machine.Step(log.TryAnswer(effect) ?? throw Invariant.Unreachable(effect), TimeSpan.Zero, effects);
                    break;
            }
        }

        effects.Clear();
    }
}
