using CsCheck;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>A peer that says anything at all makes a machine end, never throw, and never start above a match.</summary>
public sealed class LyingPeerTests
{
    [Fact]
    public void A_lying_feeder_never_makes_a_replica_start_above_a_matchpoint() =>
        Gen.Select(Gen.Int.Select(LogPair.Make), Gen.Int, Gen.Bool).Sample(
            (pair, seed, isVersionTwo) =>
            {
                var random = new Random(seed);
                var heard = new List<LogEntry>();
                var hello = Peers.FeederHello(isVersionTwo ? SyncupVersion.Two : SyncupVersion.One, pair.Feeder);
                if (isVersionTwo && random.Next(2) == 0) hello = hello with { Answer = AnyAnswer(pair, random, heard) };
                var replica = new LoneReplica(pair.Replica, FeederHello.Decode(hello.ToBytes()));
                for (var i = 0; i < 40 && replica.Machine.Outcome is null; i++)
                {
                    var message = random.Next(20) == 0 ? AnyMessage(pair, random, heard) : Likely(pair, replica.Sent[^1], random, heard);
                    replica.Receive(message);
                }

                replica.Step(new SyncupInput.ConnectionLost("enough"));
                Assert.NotNull(replica.Machine.Outcome);
                if (replica.Machine.Outcome is not ReplicaOutcome.Streaming(var start) || start == Vlsn.First) return;
                var matchpoint = pair.Replica.Find(start.Previous)!.Value;
                Assert.True(matchpoint.IsSync);

                // Version 1 matches exactly there; a match further up proves it in version 2.
                Assert.Contains(heard, entry => entry.Vlsn >= matchpoint.Vlsn
                    && pair.Replica.Find(entry.Vlsn) is { } own && own.IsSameRecordAs(entry));
            },
            iter: 5_000,
            threads: 1);

    [Fact]
    public void A_lying_replica_gets_a_stream_only_behind_a_sync_point_that_the_feeder_holds() =>
        Gen.Select(Gen.Int.Select(LogPair.Make), Gen.Int, Gen.Bool).Sample(
            (pair, seed, isVersionTwo) =>
            {
                var random = new Random(seed);
                var feeder = new LoneFeeder(pair.Feeder, pair.Replica, isVersionTwo ? SyncupVersion.Two : SyncupVersion.One);
                for (var i = 0; i < 80 && feeder.Machine.Outcome is null; i++) feeder.Receive(AnyMessage(pair, random, []));
                feeder.Step(new SyncupInput.ConnectionLost("enough"));
                Assert.NotNull(feeder.Machine.Outcome);
                if (feeder.Machine.Outcome is not FeederOutcome.Streaming(var start)) return;
                if (start == Vlsn.First) Assert.Equal(Vlsn.First, pair.Feeder.First);
                else Assert.True(pair.Feeder.Find(start.Previous)!.Value.IsSync);
            },
            iter: 5_000,
            threads: 1);

    [Fact]
    public void Garbled_bytes_end_either_machine_with_the_peer_at_fault() =>
        Gen.Select(Gen.Byte.Array[0, 60], Gen.Bool).Sample(
            (bytes, isVersionTwo) =>
            {
                var version = isVersionTwo ? SyncupVersion.Two : SyncupVersion.One;
                var log = TestLog.Parse("1t 2c 3c");
                var replica = new LoneReplica(TestLog.Parse("1t 2c 3c'"), log, version);
                replica.Step(new SyncupInput.FrameReceived(bytes));
                replica.Step(new SyncupInput.ConnectionLost("enough"));
                var feeder = new LoneFeeder(log, log, version);
                feeder.Step(new SyncupInput.FrameReceived(bytes));
                feeder.Step(new SyncupInput.ConnectionLost("enough"));
                Assert.NotNull(replica.Machine.Outcome);
                Assert.NotNull(feeder.Machine.Outcome);
            },
            iter: 3_000,
            threads: 1);

    /// <summary>An answer of the right shape, true or not.</summary>
    private static IMessage Likely(LogPair pair, IMessage question, Random random, List<LogEntry> heard) => question switch
    {
        EntryRequest request => random.Next(6) switch
        {
            0 => default(EntryNotFound),
            1 => new AlternateMatchpoint(AnyEntry(pair, random, heard)),
            _ => new Entry(EntryAt(pair, request.Vlsn, random, heard)),
        },
        Probe probe => new ProbeAnswer([.. probe.Vlsns.Select(vlsn => new ProbedEntry(vlsn, EntryAt(pair, vlsn, random, heard)))]),
        RestoreRequest => default(RestoreResponse),
        _ => AnyMessage(pair, random, heard),
    };

    private static IMessage AnyMessage(LogPair pair, Random random, List<LogEntry> heard) => random.Next(9) switch
    {
        0 => new EntryRequest(random.Next(9) == 0 ? Vlsn.Null : AnyVlsn(random)),
        1 => new Entry(AnyEntry(pair, random, heard)),
        2 => default(EntryNotFound),
        3 => new AlternateMatchpoint(AnyEntry(pair, random, heard)),
        4 => new StartStream(AnyVlsn(random)),
        5 => new RestoreRequest(AnyVlsn(random)),
        6 => default(RestoreResponse),
        7 => new Probe([.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => AnyVlsn(random)).Distinct().Order()]),
        _ => new ProbeAnswer([.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => AnyEntry(pair, random, heard))
            .DistinctBy(entry => entry.Vlsn).OrderBy(entry => entry.Vlsn).Select(entry => new ProbedEntry(entry.Vlsn, entry))]),
    };

    private static SyncupAnswer AnyAnswer(LogPair pair, Random random, List<LogEntry> heard)
    {
        var (first, last) = (pair.Feeder.First.Value, pair.Feeder.Last.Value);
        var at = Vlsn.Of(random.NextInt64(first, last + 1));
        return new SyncupAnswer(
            EntryAt(pair, at, random, heard), at < pair.Feeder.Last ? EntryAt(pair, at.Next, random, heard) : null);
    }

    private static Vlsn AnyVlsn(Random random) => Vlsn.Of(random.Next(9) == 0 ? random.NextInt64(1, long.MaxValue) : random.Next(1, 45));

    private static LogEntry AnyEntry(LogPair pair, Random random, List<LogEntry> heard) =>
        EntryAt(pair, AnyVlsn(random), random, heard);

    private static LogEntry EntryAt(LogPair pair, Vlsn vlsn, Random random, List<LogEntry> heard)
    {
        var entry = (random.Next(4) switch
        {
            0 => pair.Replica.Find(vlsn),
            < 3 => pair.Feeder.Find(vlsn),
            _ => null,
        }) ?? new LogEntry(vlsn, new Lsn((ulong)random.NextInt64()), new Fingerprint((ulong)random.NextInt64()), random.Next(2) == 0);
        heard.Add(entry);
        return entry;
    }
}
