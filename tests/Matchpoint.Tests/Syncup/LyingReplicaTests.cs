using System.Collections.Immutable;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Syncup;

/// <summary>Replicas that lie, stall or vanish: the feeder's session ends, holds nothing of the log any more, and serves the next one.</summary>
public class LyingReplicaTests
{
    public static TheoryData<byte> Versions => [1, 2];

    [Theory]
    [Trait("Hazard", "H9")]
    [MemberData(nameof(Versions))]
    public async Task A_stream_out_of_nowhere_is_refused(byte version)
    {
        foreach (var from in new[] { 2, 1_000_000_000L, long.MaxValue })
        {
            // Version 2's hello told of the end, so that a stream from behind it is no surprise: here it told of nothing.
            var outcome = await LieAsync(version, peer => peer.SendAsync(new StartStream(Vlsn.Of(from))), terms: []);
            Assert.Equal(FailureKind.PeerFault, Assert.IsType<FeederOutcome.Failed>(outcome).Kind);
        }
    }

    [Fact]
    [Trait("Hazard", "H9")]
    public async Task A_restore_is_not_granted_to_who_compared_nothing() =>
        Assert.Equal(FailureKind.PeerFault, Assert.IsType<FeederOutcome.Failed>(await LieAsync(1, peer => peer.SendAsync(new RestoreRequest(Vlsn.Of(3))))).Kind);

    [Fact]
    [Trait("Hazard", "H10")]
    public async Task A_repeated_request_ends_the_session()
    {
        var outcome = await LieAsync(1, async peer =>
        {
            for (var i = 0; i < 2; i++) await peer.SendAsync(new EntryRequest(Vlsn.Of(3)));
        });
        Assert.Equal(FailureKind.PeerFault, Assert.IsType<FeederOutcome.Failed>(outcome).Kind);
    }

    [Fact]
    [Trait("Hazard", "H10")]
    public async Task Endless_probes_end_the_session()
    {
        var probes = 0;
        var outcome = await LieAsync(2, async peer =>
        {
            try
            {
                for (; probes < 100; probes++)
                {
                    await peer.SendAsync(new Probe([Vlsn.Of(3)]));
                    await peer.ReceiveAsync();
                }
            }
            catch (ChannelClosedException)
            {
                return;
            }
        });
        Assert.Equal(FailureKind.PeerFault, Assert.IsType<FeederOutcome.Failed>(outcome).Kind);
        Assert.Equal(Limits.Probes, probes);
    }

    [Theory]
    [Trait("Hazard", "H10")]
    [MemberData(nameof(Versions))]
    public async Task An_acknowledgement_repeated_for_ever_ends_the_session(byte version)
    {
        var sent = 0;
        await LieAsync(version, async peer =>
        {
            await StartAsync(peer, version);
            try
            {
                for (; sent < 1000; sent++) await peer.SendOrThrowAsync(RawPeer.Bytes(new Acknowledge(Vlsn.Of(3), Vlsn.Of(3), Vlsn.Null, 0, true)));
            }
            catch (ChannelClosedException)
            {
                return;
            }
        });
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Any_first_byte_instead_of_a_message_ends_the_session(byte version)
    {
        for (var opcode = 0; opcode < 256; opcode++)
        {
            foreach (var length in new[] { 1, 9, 26 })
            {
                var frame = new byte[length];
                frame[0] = (byte)opcode;
                var outcome = await LieAsync(version, peer => peer.SendAsync(frame));
                Assert.IsType<FeederOutcome.Failed>(outcome);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_replica_that_goes_behind_any_message_leaves_nothing_held(byte version)
    {
        for (var messages = 0; messages < 4; messages++)
        {
            await LieAsync(version, async peer =>
            {
                if (messages >= 1) await StartAsync(peer, version, starts: messages >= 2);
                if (messages >= 3) await peer.ReceiveAsync();
                peer.Vanish();
            }, sendsHello: messages > 0);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_replica_that_takes_nothing_is_left_at_the_deadline(byte version)
    {
        using var feeder = new TestNode("feeder").Write("t1 a b");
        for (var i = 0; i < 100; i++) feeder.Commit($"key {i}", new byte[4000]);
        feeder.Log.FlushAll();
        var error = await Assert.ThrowsAsync<ChannelTimeoutException>(() => LieAsync(
            version, peer => StartAsync(peer, version), feeder: feeder, time: new FastTime(1), rethrow: true, stalls: true, isAsked: true));
        Assert.Contains("room to send", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_silent_replica_is_left_at_the_deadline(byte version)
    {
        for (var messages = 0; messages < 3; messages++)
        {
            var silence = messages;
            await LieAsync(version, peer => silence > 1 ? StartAsync(peer, version) : Task.CompletedTask, time: new FastTime(1), sendsHello: messages > 0, stalls: true);
        }
    }

    [Fact]
    public async Task A_hello_that_is_none_is_refused()
    {
        using var node = new TestNode("replica").Write("t1 a b");
        var hello = RawPeer.Bytes(RawPeer.HelloOfReplica(node, 2));
        var badName = hello.ToArray();
        badName[1 + 2 + 32 + 2] = 0xFF;
        foreach (var frame in new[] { badName, new byte[60_000], new byte[70_000], [.. hello, 0], hello[..^1], [(byte)Opcode.ReplicaHello] })
        {
            var error = await Assert.ThrowsAnyAsync<Exception>(() => LieAsync(2, peer => peer.SendAsync(frame), sendsHello: false, rethrow: true));
            Assert.True(error is ProtocolException, $"{error}");
        }
    }

    /// <summary>Compares record 3 and asks for the stream behind it.</summary>
    private static async Task StartAsync(RawPeer peer, byte version, bool starts = true)
    {
        if (version == 1) await peer.SendAsync(new EntryRequest(Vlsn.Of(3)));
        else await peer.SendAsync(new Probe([Vlsn.Of(3)]));
        await peer.ReceiveAsync();
        if (starts) await peer.SendAsync(new StartStream(Vlsn.Of(4)));
    }

    /// <summary>Runs a feeder against a replica that says hello and then does what it likes: the session must end, hold nothing, and the next one must succeed.</summary>
    private static async Task<FeederOutcome?> LieAsync(
        byte version, Func<RawPeer, Task> lie, TestNode? feeder = null, TimeProvider? time = null, bool sendsHello = true, bool rethrow = false, ImmutableArray<TermEnd>? terms = null,
        bool stalls = false, bool isAsked = false)
    {
        time ??= TimeProvider.System;
        var asked = new StreamAsked();
        using var replica = new TestNode("replica").Write("t1 a b");
        using var own = feeder is null ? new TestNode("feeder").Write("t1 a b c d e f g h i j k l m n") : null;
        feeder ??= own!;
        var before = feeder.Bytes();
        var (left, right) = MemoryChannels.CreatePair(time);
        await using var a = left;
        await using var b = right;
        var session = new FeederSession(left, version, feeder.Log, Meeting.Self(time), feeder.Log.Appended.Term, isAsked ? asked : NoObserver.Instance);
        var serving = Task.Run(() => session.RunAsync(CancellationToken.None));
        var peer = new RawPeer(right);
        FeederOutcome? outcome = null;
        Exception? failure = null;
        try
        {
            if (sendsHello)
            {
                var hello = RawPeer.HelloOfReplica(replica, version) with { Clock = Meeting.Self(time).Clock };
                await peer.SendAsync(terms is null ? hello : hello with { Terms = terms.Value });
                await peer.ReceiveAsync();
            }

            await lie(peer);
            // Only what is waited for is quick: before it, a deadline would end what does not stall.
            if (isAsked) await asked.Seen.WaitAsync(Meeting.Patience);
            if (time is FastTime fast) fast.Quicken(100);
            if (stalls) await Task.WhenAny(serving).WaitAsync(Meeting.Patience);
            await peer.AwaitCloseAsync();
            peer.Vanish();
            outcome = await serving.WaitAsync(Meeting.Patience);
        }
        catch (Exception error) when (error is ChannelException or ProtocolException or SyncupRefusedException)
        {
            failure = error;
        }

        Assert.True(serving.IsCompleted || await Task.WhenAny(serving, Task.Delay(Meeting.Patience, TimeProvider.System)) == serving, "the feeder hangs");
        Assert.Equal(before, feeder.Bytes());
        var met = await new Meeting { Version = version }.RunAsync(replica, feeder);
        Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{met}");
        replica.MustEqual(feeder);
        Assert.NotEqual(0, feeder.Log.RemoveUpTo(feeder.Log.Written));
        if (rethrow && serving.IsFaulted) await serving;
        if (rethrow && failure is not null) throw new InvalidOperationException("the lie failed", failure);
        return outcome;
    }

    /// <summary>Sees a feeder take the request for the stream: from then on it sends, and waits for nothing but room.</summary>
    private sealed class StreamAsked : ISyncupObserver
    {
        private readonly TaskCompletionSource _seen = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Seen => _seen.Task;

        public void OnMessage(bool sent, IMessage message)
        {
            if (message is StartStream) _seen.TrySetResult();
        }

        public void OnStep(SyncupStep step, SyncupReport report)
        {
        }

        public void OnRecords(bool sent, long records, long bytes)
        {
        }
    }
}
