using Matchpoint.Protocol;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Syncup;

/// <summary>Logs that change under a session, and groups that have nothing to do with each other.</summary>
public class SessionHazardTests
{
    private const string Long = "a b c d e f g h i j k l m n o p q r s t u v w";

    public static TheoryData<byte, bool> Ways => new() { { 1, false }, { 2, false }, { 1, true }, { 2, true } };

    [Theory]
    [Trait("Hazard", "H16")]
    [MemberData(nameof(Ways))]
    public async Task What_a_feeder_told_of_is_not_removed_while_the_session_lasts(byte version, bool overTcp)
    {
        using var feeder = new TestNode("feeder").Write($"t1 {Long} t2 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20");
        using var replica = new TestNode("replica").Write("t1 a b c d x y z u v w");
        var removed = 0;
        var cleaner = new Watcher { Message = (_, _) => removed += feeder.Log.RemoveUpTo(feeder.Log.Written), Records = _ => removed += feeder.Log.RemoveUpTo(feeder.Log.Written) };
        var before = feeder.Bytes();
        var met = await new Meeting { Version = version, Way = overTcp ? Way.Tcp : Way.Memory, FeederObserver = cleaner }.RunAsync(replica, feeder);
        Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{met}");
        Assert.Equal(0, removed);
        Assert.Equal(before, replica.Bytes());
        Assert.NotEqual(0, feeder.Log.RemoveUpTo(feeder.Log.Written));
    }

    [Theory]
    [Trait("Hazard", "H16")]
    [MemberData(nameof(Ways))]
    public async Task What_a_replica_told_of_is_not_removed_before_its_cut(byte version, bool overTcp)
    {
        using var feeder = new TestNode("feeder").Write($"t1 {Long} t2 1 2 3");
        using var replica = new TestNode("replica").Write($"t1 {Long} x y z u v w");
        var removed = 0;
        var cleaner = new Watcher
        {
            Message = (sent, message) =>
            {
                if (sent && message is not (StartStream or Acknowledge)) removed += replica.Log.RemoveUpTo(replica.Log.Written);
            },
        };
        var met = await new Meeting { Version = version, Way = overTcp ? Way.Tcp : Way.Memory, ReplicaObserver = cleaner }.RunAsync(replica, feeder);
        Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{met}");
        Assert.Equal(0, removed);
        Assert.Equal(feeder.Bytes(), replica.Bytes());
    }

    [Theory]
    [Trait("Hazard", "H17")]
    [MemberData(nameof(Ways))]
    public async Task Another_group_is_refused_before_anything_is_compared_and_both_learn_why(byte version, bool overTcp)
    {
        using var feeder = new TestNode("feeder", group: "one").Write($"t1 {Long}");
        using var replica = new TestNode("replica", group: "two").Write($"t1 {Long} x");
        var before = (feeder.Disk(), replica.Disk());
        var said = new List<object>();
        var watcher = new Watcher { Message = (_, message) => said.Add(message) };
        var met = await new Meeting { Version = version, Way = overTcp ? Way.Tcp : Way.Memory, ReplicaObserver = watcher }.RunAsync(replica, feeder);
        Assert.Contains("belongs to group", Assert.IsType<SyncupRefusedException>(met.ReplicaError).Message, StringComparison.Ordinal);
        Assert.Equal(RefusalReason.WrongGroup, Assert.IsType<SyncupRefusedException>(met.FeederError).Reason);
        Assert.All([met.ReplicaError, met.FeederError], static error => Assert.False(Assert.IsType<SyncupRefusedException>(error).PassesByItself));
        Assert.IsType<ReplicaHello>(Assert.Single(said));
        Assert.Equal(before.Item1, feeder.Disk());
        Assert.Equal(before.Item2, replica.Disk());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_feeder_with_nothing_to_feed_says_so(byte version, bool overTcp)
    {
        using var feeder = new TestNode("feeder");
        using var replica = new TestNode("replica").Write("t1 a");
        var met = await new Meeting { Version = version, Way = overTcp ? Way.Tcp : Way.Memory }.RunAsync(replica, feeder);
        Assert.Contains("holds no records", Assert.IsType<SyncupRefusedException>(met.ReplicaError).Message, StringComparison.Ordinal);
        Assert.Equal(RefusalReason.NothingToFeed, Assert.IsType<SyncupRefusedException>(met.FeederError).Reason);
        Assert.All([met.ReplicaError, met.FeederError], static error => Assert.True(Assert.IsType<SyncupRefusedException>(error).PassesByItself));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task What_was_appended_and_not_yet_written_when_a_session_begins_is_compared_and_exported_too(byte version, bool overTcp)
    {
        using var feeder = new TestNode("feeder").Write("t1 a b t2 c");
        using var replica = new TestNode("replica", options: TestNode.SmallSegments with { OwnThread = false }).Write("t1 a b");
        replica.Commit("x", "late"u8);
        var meeting = new Meeting { Version = version, Way = overTcp ? Way.Tcp : Way.Memory }.RunAsync(replica, feeder);
        var writing = Task.Run(async () =>
        {
            while (!meeting.IsCompleted)
            {
                replica.Log.Drain();
                await Task.Yield();
            }
        });
        var met = await meeting;
        await writing;
        Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{met}");
        replica.MustEqual(feeder);
        Assert.Equal("x", replica.Undone(Assert.Single(replica.Exports()).Name));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task What_is_appended_during_a_session_is_not_cut_off_unexported(byte version, bool overTcp)
    {
        using var feeder = new TestNode("feeder").Write("t1 a b c d t2 e");
        using var replica = new TestNode("replica").Write("t1 a b x y");
        var appended = false;
        var writer = new Watcher
        {
            Message = (_, message) =>
            {
                if (appended || message is not FeederHello) return;
                appended = true;
                replica.Write("z");
            },
        };
        var met = await new Meeting { Version = version, Way = overTcp ? Way.Tcp : Way.Memory, ReplicaObserver = writer }.RunAsync(replica, feeder);
        Assert.IsType<InvariantException>(met.ReplicaError);
        Assert.Equal(Vlsn.Of(6), replica.Log.Appended.Vlsn);
        Assert.DoesNotContain(replica.Exports(), export => export.State == Storage.Rollbacks.RollbackState.Undone);
        var again = await new Meeting { Version = version }.RunAsync(replica, feeder);
        Assert.True(again.Report?.Outcome is ReplicaOutcome.Streaming, $"{again}");
        Assert.Contains("x y z", replica.Exports().Select(export => replica.Undone(export.Name)));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task What_the_feeder_appends_during_a_session_is_fetched_by_the_next(byte version, bool overTcp)
    {
        using var feeder = new TestNode("feeder").Write($"t1 {Long}");
        using var replica = new TestNode("replica").Write("t1 a b x y");
        var appender = new Watcher { Message = (_, _) => feeder.Write("more"), Records = _ => feeder.Write("still more") };
        var met = await new Meeting { Version = version, Way = overTcp ? Way.Tcp : Way.Memory, FeederObserver = appender }.RunAsync(replica, feeder);
        Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{met}");
        Assert.Equal(Vlsn.Of(24), replica.Log.Appended.Vlsn);
        Assert.Equal(feeder.Bytes()[..replica.Bytes().Length], replica.Bytes());
        await new Meeting { Version = version }.RunAsync(replica, feeder);
        replica.MustEqual(feeder);
    }

    [Fact]
    [Trait("Hazard", "H15")]
    public async Task An_aborted_connection_is_an_outcome_and_no_surprise()
    {
        for (var i = 0; i < 200; i++)
        {
            using var feeder = new TestNode("feeder").Write("t1 a b c d t2 e");
            using var replica = new TestNode("replica").Write("t1 a b x y");
            var (left, right) = MemoryChannels.CreatePair(TimeProvider.System);
            var joining = Task.Run(() => new Meeting { Version = 1 }.JoinAsync(left, replica));
            var peer = new RawPeer(right);
            await peer.AcceptServiceAsync();
            await peer.ReceiveAsync();
            await peer.SendAsync(RawPeer.Hello(feeder, 1));
            await peer.ReceiveAsync();
            if (i % 2 == 0) await peer.SendAsync([(byte)Opcode.EntryNotFound]);
            peer.Vanish();
            var report = await joining.WaitAsync(Meeting.Patience);
            if (report.Outcome is ReplicaOutcome.Failed failed) Assert.Equal(FailureKind.ConnectionLost, failed.Kind);
            else Assert.True(i % 2 == 0, $"{report.Outcome}");
        }
    }

    private sealed class Watcher : ISyncupObserver
    {
        public Action<bool, IMessage> Message { get; init; } = (_, _) => { };

        public Action<long> Records { get; init; } = _ => { };

        public void OnStep(SyncupStep step, SyncupReport report)
        {
        }

        public void OnMessage(bool sent, IMessage message) => Message(sent, message);

        public void OnRecords(bool sent, long records, long bytes) => Records(bytes);
    }
}
