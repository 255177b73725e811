using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Syncup;

/// <summary>Feeders that lie, stall or vanish: the replica's log stays sound, nothing is lost, and the next honest session succeeds.</summary>
public class LyingFeederTests
{
    private const string Common = "t1 a b c d e f g";

    public static TheoryData<string> StreamLies =>
    [
        "wrong LSN", "gap", "again from the start", "wrong chain", "flipped byte", "lower term", "payload that is none", "cut in the middle of a record", "bytes behind the last record",
        "no record at all", "heartbeat below", "heartbeat of nothing", "goodbye", "an entry", "vanishes", "short heartbeat",
    ];

    public static TheoryData<byte> Versions => [1, 2];

    [Theory]
    [MemberData(nameof(StreamLies))]
    public async Task A_lie_in_the_stream_is_not_taken_in(string lie)
    {
        foreach (byte version in new[] { 1, 2 })
        {
            using var feeder = new TestNode("feeder").Write($"{Common} t2 h i j k");
            using var replica = new TestNode("replica").Write($"{Common} x y z");
            await LieAsync(version, replica, feeder, async peer =>
            {
                await peer.AnswerUntilStreamAsync(feeder, version);
                await TellAsync(peer, feeder, replica, lie);
            });
            Assert.True(replica.Log.Appended.Vlsn <= Vlsn.Of(10), $"{lie}: {replica.Log.Appended}");
            await MustMeetWellAsync(version, replica, feeder);
        }
    }

    [Theory]
    [Trait("Hazard", "H13")]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(500)]
    public async Task An_entry_for_another_record_is_an_error_and_never_a_mismatch(long away)
    {
        using var feeder = new TestNode("feeder").Write($"{Common} t2 h i j k");
        using var replica = new TestNode("replica").Write($"{Common} x y z");
        await LieAsync(1, replica, feeder, async peer =>
        {
            var request = (EntryRequest)RawPeer.Read(await peer.ReceiveAsync());
            await peer.SendAsync(new Entry(new LogEntry(request.Vlsn.Plus(away), new Lsn(1), new Fingerprint(2), IsSync: true)));
        }, FailureKind.PeerFault);
        await MustMeetWellAsync(1, replica, feeder);
    }

    [Fact]
    public async Task Endless_alternates_end_the_session()
    {
        using var feeder = new TestNode("feeder").Write($"{Common} t2 h i j k");
        using var replica = new TestNode("replica").Write($"{Common} x y z");
        await LieAsync(1, replica, feeder, async peer =>
        {
            // The second one is too many: the replica closes instead of asking again.
            for (var i = 0; i < 2; i++)
            {
                var request = (EntryRequest)RawPeer.Read(await peer.ReceiveAsync());
                await peer.SendAsync(new AlternateMatchpoint(new LogEntry(request.Vlsn.Previous, new Lsn(1), new Fingerprint(2), IsSync: true)));
            }
        }, FailureKind.PeerFault);
        await MustMeetWellAsync(1, replica, feeder);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Any_first_byte_instead_of_an_answer_is_an_error_or_a_restore_that_touches_nothing(byte version)
    {
        using var feeder = new TestNode("feeder").Write($"{Common} t2 h i j k");
        using var replica = new TestNode("replica").Write($"{Common} x y z");
        var before = replica.Disk();
        for (var opcode = 0; opcode < 256; opcode++)
        {
            foreach (var length in new[] { 1, 9, 26 })
            {
                var frame = new byte[length];
                frame[0] = (byte)opcode;
                await LieAsync(version, replica, feeder, async peer =>
                {
                    await peer.ReceiveAsync();
                    await peer.SendAsync(frame);
                    await peer.AnswerWhileAskedAsync(feeder);
                    peer.Vanish();
                }, silently: true);
            }
        }

        Assert.Equal(before, replica.Disk());
        await MustMeetWellAsync(version, replica, feeder);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Silence_ends_the_session_at_its_deadline_wherever_it_begins(byte version)
    {
        for (var answers = 0; answers < 3; answers++)
        {
            using var feeder = new TestNode("feeder").Write($"{Common} t2 h i j k");
            using var replica = new TestNode("replica").Write($"{Common} x y z");
            // Only the silence is quick: before it, a deadline would end what is not silent.
            var time = new FastTime(1);
            await LieAsync(version, replica, feeder, async peer =>
            {
                if (answers == 1) await peer.ReceiveAsync();
                if (answers == 2) await peer.AnswerUntilStreamAsync(feeder, version);
                time.Quicken(100);
            }, time: time, silently: true, sendsHello: answers > 0);
            await MustMeetWellAsync(version, replica, feeder);
        }
    }

    [Fact]
    public async Task A_hello_that_knows_nothing_true_of_the_feeder_harms_nothing()
    {
        // Its range, its candidate and its terms are the peer's to tell; what the log loses by them is exported, and the stream must fit.
        foreach (var (first, last) in new[] { (1L, 3L), (3, 5), (5, 1000), (1, long.MaxValue), (11, 12) })
        {
            using var feeder = new TestNode("feeder").Write($"{Common} t2 h i j k");
            using var replica = new TestNode("replica").Write($"{Common} x y z");
            var hello = RawPeer.Hello(feeder, 2) with { First = Vlsn.Of(first), Last = Vlsn.Of(last), Term = new Term(ulong.MaxValue) };
            await LieAsync(2, replica, feeder, async peer =>
            {
                await peer.AnswerWhileAskedAsync(feeder);
                peer.Vanish();
            }, silently: true, hello: hello);
            await MustMeetWellAsync(2, replica, feeder);
        }
    }

    private static async Task TellAsync(RawPeer peer, TestNode feeder, TestNode replica, string lie)
    {
        var end = replica.Log.Appended;
        var honest = peer.Records(feeder, end.End);
        switch (lie)
        {
            case "wrong LSN":
                LogBytes.WriteHeader(honest, end.End.Plus(1));
                await peer.SendAsync(honest);
                break;
            case "gap":
                using (var view = feeder.Log.View())
                {
                    honest = peer.Records(feeder, view.PositionAt(end.Vlsn.Next).End);
                    LogBytes.WriteHeader(honest, end.End);
                }

                await peer.SendAsync(honest);
                break;
            case "again from the start":
                honest = peer.Records(feeder, Lsn.Zero);
                LogBytes.WriteHeader(honest, end.End);
                await peer.SendAsync(honest);
                break;
            case "wrong chain":
                await peer.SendAsync(Sealed(end with { Fingerprint = new Fingerprint(7) }, new Term(2), new byte[20]));
                break;
            case "flipped byte":
                honest[^3] ^= 1;
                await peer.SendAsync(honest);
                break;
            case "lower term":
                await peer.SendAsync(Sealed(end, Term.None, new byte[20]));
                break;
            case "payload that is none":
                await peer.SendAsync(Sealed(end, new Term(2), new byte[50]));
                break;
            case "cut in the middle of a record":
                await peer.SendAsync(honest[..^3]);
                break;
            case "bytes behind the last record":
                await peer.SendAsync([.. honest, 1, 2, 3]);
                break;
            case "no record at all":
                await peer.SendAsync(honest[..LogBytes.HeaderSize]);
                break;
            case "heartbeat below":
                await peer.SendAsync(new Heartbeat(end.Vlsn.Previous, Vlsn.Null, 0));
                break;
            case "heartbeat of nothing":
                await peer.SendAsync(new Heartbeat(Vlsn.Null, Vlsn.Null, 0));
                break;
            case "short heartbeat":
                await peer.SendAsync([(byte)Opcode.Heartbeat, 1, 2]);
                break;
            case "goodbye":
                await peer.SendAsync([(byte)Opcode.Goodbye, 0, 0, 0, 0]);
                break;
            case "an entry":
                await peer.SendAsync(new EntryNotFound());
                break;
            default:
                peer.Vanish();
                break;
        }
    }

    private static byte[] Sealed(in LogPosition before, Term term, byte[] payload)
    {
        if (payload.Length == 20) TransactionPayload.WriteHeader(payload, Vlsn.Null, Vlsn.Null, 0);
        var frame = new byte[LogBytes.HeaderSize + RecordHeader.Size + payload.Length];
        LogBytes.WriteHeader(frame, before.End);
        payload.CopyTo(frame, LogBytes.HeaderSize + RecordHeader.Size);
        RecordCodec.Seal(frame.AsSpan(LogBytes.HeaderSize), before.Vlsn.Next, term, 1, RecordKind.Commit, AckPolicy.Majority, before.Fingerprint);
        return frame;
    }

    /// <summary>Runs a replica against a feeder that says hello and then does what it likes: the session must end, and the log must be sound.</summary>
    private static async Task LieAsync(
        byte version, TestNode replica, TestNode feeder, Func<RawPeer, Task> lie, FailureKind? expected = null, TimeProvider? time = null, bool silently = false,
        bool sendsHello = true, FeederHello? hello = null)
    {
        time ??= TimeProvider.System;
        var (left, right) = MemoryChannels.CreatePair(time);
        await using var a = left;
        await using var b = right;
        var joining = Task.Run(() => new Meeting { Version = version, Time = time }.JoinAsync(left, replica));
        var peer = new RawPeer(right);
        await peer.AcceptServiceAsync();
        var asked = ReplicaHello.Decode(await peer.ReceiveAsync());
        if (sendsHello) await peer.SendAsync(hello ?? RawPeer.Hello(feeder, version) with { Clock = asked.Clock });
        await lie(peer);
        if (!silently)
        {
            await peer.AwaitCloseAsync();
            peer.Vanish(); // It has heard the goodbye; the replica need not wait for its.
        }

        try
        {
            var report = await joining.WaitAsync(Meeting.Patience);
            Assert.True(report.Outcome is ReplicaOutcome.Failed or ReplicaOutcome.Restore or ReplicaOutcome.Refused or ReplicaOutcome.Wait, $"{report}");
            if (expected is not null) Assert.Equal(expected, Assert.IsType<ReplicaOutcome.Failed>(report.Outcome).Kind);
        }
        catch (Exception error) when (error is ChannelException or ProtocolException or StorageException)
        {
            Assert.Null(expected);
        }

        replica.MustBeSound();
    }

    private static async Task MustMeetWellAsync(byte version, TestNode replica, TestNode feeder)
    {
        var met = await new Meeting { Version = version }.RunAsync(replica, feeder);
        Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{met}");
        replica.MustEqual(feeder);
        replica.MustBeSound();
        Assert.Contains(replica.Exports(), export => replica.Undone(export.Name).EndsWith("x y z", StringComparison.Ordinal));
    }
}
