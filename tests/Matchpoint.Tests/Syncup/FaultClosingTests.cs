using System.Diagnostics;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Files;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Syncup;

/// <summary>Whatever goes wrong on one side, the other sees the close at once and is not left waiting. The sessions close: nobody else does here.</summary>
[Trait("Hazard", "H15")]
public class FaultClosingTests
{
    public static TheoryData<string, byte> ReplicaFaults => Both(
        "garbled hello", "another message instead of a hello", "hello of another group", "hello of another version", "own log damaged", "garbage in the syncup",
        "garbage in the stream", "records that do not continue", "disk full at the export", "disk broken at the cut", "disk full in the stream", "cancelled");

    public static TheoryData<string, byte> FeederFaults => Both(
        "garbled hello", "another message instead of a hello", "hello of another group", "hello of another version", "own log damaged", "garbage in the syncup",
        "garbage in the stream", "acknowledged too much", "cancelled");

    [Theory]
    [MemberData(nameof(ReplicaFaults))]
    public async Task The_feeder_sees_a_faulty_replica_close(string fault, byte version)
    {
        var disk = new FaultyFiles(new Random(1));
        using var feeder = new TestNode("feeder").Write("t1 a b t2 c d");
        using var replica = new TestNode("replica", disk).Write("t1 a b x y");
        if (fault == "own log damaged") DamageEnd(replica);
        if (fault == "disk full at the export") disk.Faults.FailWrite("undo-*", error: DiskException.Refused("undo", "writing", Errno.NoSpace));
        if (fault == "disk broken at the cut") disk.Faults.FailFlush("cut*");
        var (left, right) = MemoryChannels.CreatePair(TimeProvider.System);
        using var cancel = new CancellationTokenSource();
        var joining = Task.Run(() => new Meeting { Version = version }.JoinAsync(left, replica, cancel.Token), CancellationToken.None);
        var began = Stopwatch.GetTimestamp();
        await using (right)
        {
            await PlayFeederAsync(new RawPeer(right), feeder, replica, disk, version, fault, cancel);
            began = Stopwatch.GetTimestamp();
            await new RawPeer(right).AwaitCloseAsync();
        }

        Assert.True(Stopwatch.GetElapsedTime(began) < RawPeer.AtOnce, $"the close took {Stopwatch.GetElapsedTime(began)}");
        await Ended(joining);
    }

    [Theory]
    [MemberData(nameof(FeederFaults))]
    public async Task The_replica_sees_a_faulty_feeder_close(string fault, byte version)
    {
        using var feeder = new TestNode("feeder").Write("t1 a b t2 c d");
        using var replica = new TestNode("replica").Write("t1 a b");
        if (fault == "own log damaged") feeder.Damage(Vlsn.Of(3));
        var (left, right) = MemoryChannels.CreatePair(TimeProvider.System);
        using var cancel = new CancellationTokenSource();
        var session = new FeederSession(left, version, feeder.Log, Meeting.Self(TimeProvider.System), new Term(2), NoObserver.Instance);
        var serving = Task.Run(() => session.RunAsync(cancel.Token), CancellationToken.None);
        var began = Stopwatch.GetTimestamp();
        await using (right)
        {
            await PlayReplicaAsync(new RawPeer(right), replica, version, fault, cancel);
            began = Stopwatch.GetTimestamp();
            await new RawPeer(right).AwaitCloseAsync();
        }

        Assert.True(Stopwatch.GetElapsedTime(began) < RawPeer.AtOnce, $"the close took {Stopwatch.GetElapsedTime(began)}");
        await Ended(serving);
    }

    private static async Task PlayFeederAsync(
        RawPeer peer, TestNode feeder, TestNode replica, FaultyFiles disk, byte version, string fault, CancellationTokenSource cancel)
    {
        await peer.AcceptServiceAsync();
        if (fault == "own log damaged" && version == 2) return; // It cannot even tell its terms.
        await peer.ReceiveAsync();
        var hello = RawPeer.Hello(feeder, version);
        switch (fault)
        {
            case "garbled hello":
                await peer.SendAsync([(byte)Opcode.FeederHello, 2, 3]);
                return;
            case "another message instead of a hello":
                await peer.SendAsync(new EntryNotFound());
                return;
            case "hello of another group":
                await peer.SendAsync(hello with { Group = GroupId.FromName("other") });
                return;
            case "hello of another version":
                await peer.SendAsync(hello with { Version = 9 });
                return;
            case "cancelled":
                await peer.SendAsync(hello with { Answer = SyncupAnswer.None });
                await peer.ReceiveAsync();
                await cancel.CancelAsync();
                return;
            case "garbage in the syncup":
                await peer.SendAsync(hello with { Answer = SyncupAnswer.None });
                await peer.ReceiveAsync();
                await peer.SendAsync([99, 1, 2, 3]);
                return;
            case "garbage in the stream" or "records that do not continue" or "disk full in the stream":
                await peer.SendAsync(hello);
                await peer.AnswerUntilStreamAsync(feeder, version);
                if (fault == "disk full in the stream") disk.Faults.FailWrite("*.log", error: DiskException.Refused("log", "writing", Errno.NoSpace));
                await peer.SendAsync(fault switch
                {
                    "garbage in the stream" => [99, 1, 2, 3],
                    "disk full in the stream" => peer.Records(feeder, replica.Log.Appended.End),
                    _ => peer.Records(feeder, Lsn.Zero),
                });
                if (fault == "disk full in the stream") await peer.SendAsync(new Heartbeat(feeder.Log.Written, Vlsn.Null, 0));
                return;
            default:
                await peer.SendAsync(hello);
                await peer.AnswerWhileAskedAsync(feeder);
                return;
        }
    }

    private static async Task PlayReplicaAsync(RawPeer peer, TestNode replica, byte version, string fault, CancellationTokenSource cancel)
    {
        var hello = RawPeer.HelloOfReplica(replica, version);
        switch (fault)
        {
            case "garbled hello":
                await peer.SendAsync([(byte)Opcode.ReplicaHello, 2, 3]);
                return;
            case "another message instead of a hello":
                await peer.SendAsync(new EntryNotFound());
                return;
            case "hello of another group":
                await peer.SendAsync(hello with { Group = GroupId.FromName("other") });
                await peer.AwaitRefusalAsync("belongs to group");
                return;
            case "hello of another version":
                await peer.SendAsync(hello with { LowestVersion = 7, HighestVersion = 9 });
                await peer.AwaitRefusalAsync("speaks version");
                return;
            case "own log damaged":
                await peer.SendAsync(hello);
                if (version == 2) return;
                await peer.ReceiveAsync();
                await peer.SendAsync(new EntryRequest(Vlsn.Of(3)));
                return;
            default:
                await peer.SendAsync(hello);
                await peer.ReceiveAsync();
                break;
        }

        if (fault == "cancelled")
        {
            await cancel.CancelAsync();
        }
        else if (fault == "garbage in the syncup")
        {
            await peer.SendAsync([99, 1, 2, 3]);
        }
        else
        {
            if (version == 1)
            {
                await peer.SendAsync(new EntryRequest(Vlsn.Of(3)));
                await peer.ReceiveAsync();
            }

            await peer.SendAsync(new StartStream(Vlsn.Of(4)));
            await peer.SendAsync(fault == "acknowledged too much" ? RawPeer.Bytes(new Acknowledge(Vlsn.Of(99), Vlsn.Of(1), Vlsn.Null, 0, true)) : [99, 1, 2, 3]);
        }
    }

    private static void DamageEnd(TestNode node) => node.Damage(node.Log.Appended.Vlsn);

    private static TheoryData<string, byte> Both(params string[] faults)
    {
        var data = new TheoryData<string, byte>();
        foreach (var fault in faults)
        {
            data.Add(fault, 1);
            data.Add(fault, 2);
        }

        return data;
    }

    /// <summary>Ended, however: an outcome that is not a success, or an exception that tells the cause.</summary>
    private static async Task Ended<T>(Task<T> session)
    {
        try
        {
            var result = await session.WaitAsync(Meeting.Patience);
            Assert.True(
                result is FeederOutcome.Failed or ReplicaResult { Outcome: ReplicaOutcome.Failed },
                $"{result}");
        }
        catch (Exception error) when (error is ChannelException or ProtocolException or SyncupRefusedException or Storage.StorageException or IOException or OperationCanceledException)
        {
            Assert.NotEmpty(error.Message);
        }
    }
}
