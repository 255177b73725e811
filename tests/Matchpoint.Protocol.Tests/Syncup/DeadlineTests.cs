using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>Nobody waits without a bound, and a driver always knows when to look again.</summary>
public sealed class DeadlineTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static TestLog Log => TestLog.Parse("1t 2c 3c 4c 5c 6c 7c 8c 9c 10c 11c 12c");

    [Fact]
    public void A_feeder_that_hears_nothing_for_30_seconds_ends()
    {
        var feeder = new LoneFeeder(Log, Log);
        Assert.Equal(30 * Second, feeder.Machine.Deadline);
        feeder.Now = 29 * Second;
        feeder.Step(new SyncupInput.TimePassed());
        Assert.Null(feeder.Machine.Outcome);
        feeder.Receive(new EntryRequest(Vlsn.Of(5)));
        Assert.Equal(59 * Second, feeder.Machine.Deadline);
        feeder.Now = feeder.Machine.Deadline!.Value;
        feeder.Step(new SyncupInput.TimePassed());
        feeder.Failed(FailureKind.TimedOut, "no message came for 00:00:30");
        Assert.Null(feeder.Machine.Deadline);
    }

    [Fact]
    public void A_peer_that_keeps_talking_is_ended_after_five_minutes_all_the_same()
    {
        var feeder = new LoneFeeder(Log, Log);
        for (var vlsn = 12; vlsn > 0; vlsn--)
        {
            feeder.Now += 25 * Second;
            feeder.Receive(new EntryRequest(Vlsn.Of(vlsn)));
        }

        feeder.Failed(FailureKind.TimedOut, "more than 00:05:00");
        Assert.Equal(11, feeder.Sent.Count);
    }

    [Fact]
    public void A_feeder_that_reads_its_own_log_does_not_blame_the_replica()
    {
        var effects = new EffectList();
        var feeder = new FeederSyncup(1, Log.Range, Peers.ReplicaHello(1, Log));
        feeder.Step(new SyncupInput.Started(), TimeSpan.Zero, effects);
        feeder.Step(new SyncupInput.FrameReceived(new EntryRequest(Vlsn.Of(5)).ToBytes()), Second, effects);
        Assert.Equal(Limits.HandshakeTimeout, feeder.Deadline);
        feeder.Step(new SyncupInput.EntriesRead([Log.Find(Vlsn.Of(5))!.Value]), 100 * Second, effects);
        Assert.Null(feeder.Outcome);
        Assert.Equal(130 * Second, feeder.Deadline);
    }

    [Fact]
    public void A_replica_waits_30_seconds_for_an_answer_and_any_time_for_its_own_disk()
    {
        var replica = new LoneReplica(Log, Log);
        Assert.Equal(30 * Second, replica.Machine.Deadline);
        replica.Now = 30 * Second;
        replica.Receive(new Entry(Log.Find(Vlsn.Of(12))!.Value));
        replica.Failed(FailureKind.TimedOut, "no message came");

        var effects = new EffectList();
        var machine = new ReplicaSyncup(Log.Range, Peers.FeederHello(1, Log), new Term(1), RollbackLimit.Default);
        machine.Step(new SyncupInput.Started(), TimeSpan.Zero, effects);
        machine.Step(new SyncupInput.FrameReceived(new Entry(Log.Find(Vlsn.Of(12))!.Value).ToBytes()), Second, effects);
        Assert.Null(machine.Deadline);
        machine.Step(new SyncupInput.EntriesRead([Log.Find(Vlsn.Of(12))!.Value]), TimeSpan.FromHours(1), effects);
        Assert.Equal(new ReplicaOutcome.Streaming(Vlsn.Of(13)), machine.Outcome);
    }

    [Fact]
    public void A_demoted_feeder_and_a_lost_connection_end_the_session()
    {
        var feeder = new LoneFeeder(Log, Log);
        feeder.Step(new SyncupInput.Demoted("term 10 began"));
        feeder.Failed(FailureKind.Demoted, "term 10 began");

        feeder = new LoneFeeder(Log, Log);
        feeder.Step(new SyncupInput.ConnectionLost("reset"));
        feeder.Failed(FailureKind.ConnectionLost, "reset");
        feeder.Receive(new EntryRequest(Vlsn.Of(5)));
        Assert.Empty(feeder.Sent);
    }
}
