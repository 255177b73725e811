using System.Collections.Immutable;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>Each hazard of a syncup protocol, and what tells right from wrong. The codecs' own (H11) are with the messages.</summary>
public sealed class HazardTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("Hazard", "H1")]
    public void An_empty_replica_starts_its_stream_at_once(ushort version)
    {
        var run = SyncupRun.Of(new TestLog(), TestLog.Parse("1t 2c 3c"), new RunOptions { Version = version });
        Assert.Equal(new StartStream(Vlsn.First), run.Sent[^1]);
        Assert.Equal(new ReplicaOutcome.Streaming(Vlsn.First), run.Replica!.Outcome);
        Assert.Equal(new FeederOutcome.Streaming(Vlsn.First), run.Feeder!.Outcome);
    }

    [Fact]
    [Trait("Hazard", "H2")]
    public void The_start_is_not_taken_from_whatever_entry_came()
    {
        var replica = new LoneReplica(new TestLog(), Commits(600));
        replica.Receive(new Entry(Commits(600).Find(Vlsn.Of(500))!.Value));
        replica.Failed(FailureKind.PeerFault, "expected 1, found 500");
    }

    [Fact]
    [Trait("Hazard", "H3")]
    public void A_hole_in_the_feeders_log_ends_the_session_and_never_in_a_restore()
    {
        var replica = TestLog.Parse("1c 2p 3p 4c 5p 6c");
        var feeder = TestLog.Parse("1c 2p! 3p! 4c 5p! 6p! 7p! 8c");
        var run = SyncupRun.Of(replica, feeder, new RunOptions { Version = 1 });
        Assert.Equal(FailureKind.LogFault, Assert.IsType<FeederOutcome.Failed>(run.Feeder!.Outcome).Kind);
        Assert.IsType<ReplicaOutcome.Failed>(run.Replica!.Outcome);

        // A feeder of another make that answers so all the same is not followed upwards.
        var lone = new LoneReplica(replica, feeder);
        lone.Receive(new AlternateMatchpoint(feeder.Find(Vlsn.Of(8))!.Value));
        lone.Failed(FailureKind.PeerFault, "expected below 6, found 8");
    }

    [Fact]
    [Trait("Hazard", "H4")]
    public void An_alternate_that_is_no_own_sync_point_is_no_matchpoint()
    {
        var log = TestLog.Parse("1t 2c 3p 4p 5c");
        var piece = log.Find(Vlsn.Of(4))!.Value with { IsSync = true };
        var replica = new LoneReplica(log, TestLog.Parse("1t 2c 3p 4p"));
        replica.Receive(new AlternateMatchpoint(piece));
        Assert.Equal(new EntryRequest(Vlsn.Of(2)), replica.Sent[^1]);

        replica = new LoneReplica(log, TestLog.Parse("1t 2c 3p 4p"));
        replica.Receive(new AlternateMatchpoint(piece with { IsSync = false }));
        replica.Failed(FailureKind.PeerFault, "isSync");
    }

    [Fact]
    [Trait("Hazard", "H4")]
    public void An_alternate_comes_only_first_and_only_below_the_candidate()
    {
        var log = Commits(5);
        var replica = new LoneReplica(log, log);
        replica.Receive(new AlternateMatchpoint(log.Find(Vlsn.Of(5))!.Value));
        replica.Failed(FailureKind.PeerFault, "below 5");

        replica = new LoneReplica(log, log);
        replica.Receive(
            new Entry(Other(log.Find(Vlsn.Of(5))!.Value)),
            new AlternateMatchpoint(log.Find(Vlsn.Of(3))!.Value));
        replica.Failed(FailureKind.PeerFault, "the first answer");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("Hazard", "H5")]
    public void An_alternate_that_the_replica_does_not_hold_leads_to_the_sync_point_below(ushort version)
    {
        var replica = TestLog.Parse("1p 2p 3c 4p' 5p' 6p' 7p' 8p' 9p' 10c'");
        var feeder = TestLog.Parse("1p 2p 3c 4c 5c 6c 7c 8c");
        var run = SyncupRun.Of(replica, feeder, new RunOptions { Version = version });
        Assert.Equal(Vlsn.Of(3), run.Replica!.Report.M);
        Assert.Equal(new FeederOutcome.Streaming(Vlsn.Of(4)), run.Feeder!.Outcome);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("Hazard", "H6")]
    public void No_stream_starts_before_the_cut_is_durable(ushort version)
    {
        foreach (var crash in Enum.GetValues<Crash>().Where(crash => crash != Crash.None))
        {
            var replica = TestLog.Parse("1t 2c+ 3c+ 4c 5p");
            var feeder = TestLog.Parse("1t 2c+ @2 3t 4c+");
            var run = SyncupRun.Of(replica, feeder, new RunOptions { Version = version, Crash = crash });
            Assert.True(run.HasCrashed);
            Assert.DoesNotContain(run.Sent, message => message is StartStream);

            if (replica.Intent is { } intent) replica.CutAfter(intent);
            var again = SyncupRun.Of(replica, feeder, new RunOptions { Version = version });
            Assert.Equal(new StartStream(Vlsn.Of(3)), again.Sent[^1]);
            Assert.Equal("1t 2c+", replica.ToString());
        }
    }

    [Fact]
    [Trait("Hazard", "H6")]
    public void The_export_comes_before_the_cut_and_the_cut_before_the_stream()
    {
        var run = SyncupRun.Of(TestLog.Parse("1t 2c 3c"), TestLog.Parse("1t 2c @2 3t"));
        var order = run.Effects.Where(effect => effect is SyncupEffect.ExportUndone or SyncupEffect.CutAfter or SyncupEffect.Send { Message: StartStream });
        Assert.Equal(
            [new SyncupEffect.ExportUndone(Vlsn.Of(2)), new SyncupEffect.CutAfter(Vlsn.Of(2)), new SyncupEffect.Send(new StartStream(Vlsn.Of(3)))],
            order);
    }

    [Fact]
    [Trait("Hazard", "H7")]
    public void The_same_fingerprint_at_another_position_is_another_record() => Differs(entry => entry with { Lsn = entry.Lsn.Plus(1) });

    [Fact]
    [Trait("Hazard", "H7")]
    public void Another_fingerprint_at_the_same_position_is_another_record() => Differs(Other);

    [Fact]
    [Trait("Hazard", "H8")]
    public void A_million_diverged_sync_points_take_few_round_trips()
    {
        var replica = new HugeLog(1, 1_000_100, common: 100, salt: 1);
        var feeder = new HugeLog(1, 1_000_050, common: 100, salt: 2);
        var run = SyncupRun.Of(replica, feeder, new RunOptions { Limit = RollbackLimit.AtMost(2_000_000) });
        Assert.Equal(new FeederOutcome.Streaming(Vlsn.Of(101)), run.Feeder!.Outcome);
        Assert.InRange(run.Replica!.Report.RoundTrips, 1, 3);
    }

    [Theory]
    [InlineData((1L << 40) - 1, 5)]
    [InlineData(1L << 40, 6)]
    [InlineData(long.MaxValue, 8)]
    [Trait("Hazard", "H8")]
    public void A_divergence_anywhere_in_a_log_of_any_length_is_found_in_bounded_round_trips(long records, int most)
    {
        foreach (var common in new[] { 0, 1, 2, 254, 255, 256, 257, records / 3, records / 2, records - 257, records - 2, records - 1 })
            foreach (var stride in new[] { 1, 7 })
            {
                var replica = new HugeLog(1, records, common, salt: 1, stride);
                var run = SyncupRun.Of(replica, new HugeLog(1, records, common, salt: 2, stride));
                Assert.Equal(common / stride * stride, run.Replica!.Report.M.DistanceFrom(Vlsn.Null));
                Assert.InRange(run.Replica.Report.RoundTrips, 1, most);
            }
    }

    [Fact]
    [Trait("Hazard", "H8")]
    public void An_ordinary_failover_takes_no_round_trip_at_all()
    {
        var run = SyncupRun.Of(TestLog.Parse("1t 2c+ 3c+ 4c 5c"), TestLog.Parse("1t 2c+ 3c+ @2 4t 5c+"));
        Assert.Equal(0, run.Replica!.Report.RoundTrips);
        Assert.Equal(new FeederOutcome.Streaming(Vlsn.Of(4)), run.Feeder!.Outcome);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("Hazard", "H9")]
    public void A_stream_does_not_start_out_of_nowhere(ushort version)
    {
        var log = Commits(5);
        foreach (var start in new[] { 1_000_000_000, 7, long.MaxValue })
            new LoneFeeder(log, log, version).Receive(new StartStream(Vlsn.Of(start)))
                .Failed(FailureKind.PeerFault, "StartStream: startVlsn");
    }

    [Fact]
    [Trait("Hazard", "H9")]
    public void A_stream_starts_only_behind_what_was_just_confirmed()
    {
        var log = TestLog.Parse("1t 2c 3p 4p 5c 6c");
        Request(6).Receive(new StartStream(Vlsn.Of(6))).Failed(FailureKind.PeerFault, "startVlsn");
        Request(6).Receive(new EntryRequest(Vlsn.Of(2)), new StartStream(Vlsn.Of(7))).Failed(FailureKind.PeerFault, "startVlsn");
        Request(4).Receive(new StartStream(Vlsn.Of(5))).Failed(FailureKind.PeerFault, "startVlsn");
        Request(5).Receive(new StartStream(Vlsn.First)).Failed(FailureKind.PeerFault, "startVlsn");
        Assert.Equal(new FeederOutcome.Streaming(Vlsn.Of(6)), Request(5).Receive(new StartStream(Vlsn.Of(6))).Machine.Outcome);
        Assert.Equal(new FeederOutcome.Streaming(Vlsn.Of(7)), Request(9).Receive(new StartStream(Vlsn.Of(7))).Machine.Outcome);
        Assert.Equal(new FeederOutcome.Streaming(Vlsn.First), Request(1).Receive(new StartStream(Vlsn.First)).Machine.Outcome);

        LoneFeeder Request(long vlsn) => new LoneFeeder(log, Commits(9)).Receive(new EntryRequest(Vlsn.Of(vlsn)));
    }

    [Fact]
    [Trait("Hazard", "H9")]
    public void In_version_2_a_stream_starts_only_at_or_below_what_was_answered_and_behind_a_sync_point()
    {
        var feeder = TestLog.Parse("1t 2c 3p 4p 5c @2 6t 7c 8c");
        var replica = TestLog.Parse("1t 2c 3p 4p 5c");
        Assert.Equal(Vlsn.Of(6), Hello().Answer.Next!.Value.Vlsn);
        Assert.Equal(new FeederOutcome.Streaming(Vlsn.Of(6)), Hello().Receive(new StartStream(Vlsn.Of(6))).Machine.Outcome);
        Assert.Equal(new FeederOutcome.Streaming(Vlsn.First), Hello().Receive(new StartStream(Vlsn.First)).Machine.Outcome);
        Hello().Receive(new StartStream(Vlsn.Of(5))).Failed(FailureKind.PeerFault, "sync point");
        Hello().Receive(new StartStream(Vlsn.Of(8))).Failed(FailureKind.PeerFault, "1 to 6");
        Assert.Equal(
            new FeederOutcome.Streaming(Vlsn.Of(8)),
            Hello().Receive(new Probe([Vlsn.Of(8)]), new StartStream(Vlsn.Of(8))).Machine.Outcome);
        new LoneFeeder(TestLog.Parse("(1t) 2c 3c"), replica, 2).Receive(new StartStream(Vlsn.First)).Failed(FailureKind.PeerFault, "startVlsn");

        LoneFeeder Hello() => new(feeder, replica, 2);
    }

    [Fact]
    [Trait("Hazard", "H9")]
    public void A_restore_is_not_asked_for_before_the_dialogue_began()
    {
        new LoneFeeder(Commits(5), Commits(5)).Receive(new RestoreRequest(Vlsn.Of(3))).Failed(FailureKind.PeerFault, "RestoreRequest");
        var feeder = new LoneFeeder(Commits(5), Commits(5)).Receive(new EntryRequest(Vlsn.Of(5)), new RestoreRequest(Vlsn.Of(5)));
        Assert.Equal(new FeederOutcome.Restoring(Vlsn.Of(5)), feeder.Machine.Outcome);
        Assert.Equal(default(RestoreResponse), feeder.Sent[^1]);
    }

    [Fact]
    [Trait("Hazard", "H10")]
    public void An_alternate_is_offered_once_and_a_record_above_the_last_is_not_found_from_then_on()
    {
        var feeder = new LoneFeeder(Commits(3), Commits(9)).Receive(new EntryRequest(Vlsn.Of(9)), new EntryRequest(Vlsn.Of(8)));
        Assert.IsType<AlternateMatchpoint>(feeder.Sent[0]);
        Assert.IsType<EntryNotFound>(feeder.Sent[1]);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(long.MaxValue)]
    [Trait("Hazard", "H10")]
    public void A_request_that_repeats_or_ascends_drops_the_peer(long second) =>
        new LoneFeeder(Commits(9), Commits(9)).Receive(new EntryRequest(Vlsn.Of(5)), new EntryRequest(Vlsn.Of(second)))
            .Failed(FailureKind.PeerFault, "requests descend");

    [Fact]
    [Trait("Hazard", "H10")]
    public void More_requests_than_candidates_drop_the_peer()
    {
        var feeder = new LoneFeeder(Commits(900), TestLog.Parse("1t 2c"));
        for (var vlsn = 900; vlsn > 896; vlsn--) feeder.Receive(new EntryRequest(Vlsn.Of(vlsn)));
        Assert.Null(feeder.Machine.Outcome);
        feeder.Receive(new EntryRequest(Vlsn.Of(896))).Failed(FailureKind.PeerFault, "no more candidates");
    }

    [Fact]
    [Trait("Hazard", "H10")]
    public void More_probes_than_needed_and_probes_outside_the_range_drop_the_peer()
    {
        var feeder = new LoneFeeder(Commits(9), new TestLog(), 2);
        for (var i = 0; i < Limits.Probes; i++) feeder.Receive(new Probe([Vlsn.Of(1), Vlsn.Of(9)]));
        Assert.Null(feeder.Machine.Outcome);
        feeder.Receive(new Probe([Vlsn.Of(1)])).Failed(FailureKind.PeerFault, "Probe: count");

        var trimmed = TestLog.Parse("(1t 2c) 3c 4c");
        new LoneFeeder(trimmed, Commits(4), 2).Receive(new Probe([Vlsn.Of(2), Vlsn.Of(3)])).Failed(FailureKind.PeerFault, "3 to 4");
        new LoneFeeder(trimmed, Commits(4), 2).Receive(new Probe([Vlsn.Of(3), Vlsn.Of(5)])).Failed(FailureKind.PeerFault, "3 to 4");
    }

    [Fact]
    [Trait("Hazard", "H12")]
    public void The_ends_of_the_number_range_are_numbers_like_others()
    {
        var log = Commits(3);
        var feeder = new LoneFeeder(log, log).Receive(new EntryRequest(Vlsn.Of(long.MaxValue)));
        Assert.Equal(new AlternateMatchpoint(log.Find(Vlsn.Of(3))!.Value), feeder.Sent[^1]);
        Assert.Equal(default(EntryNotFound), new LoneFeeder(log, log).Receive(new EntryRequest(Vlsn.Null)).Sent[^1]);

        var full = new HugeLog(long.MaxValue - 9, long.MaxValue, long.MaxValue, salt: 1);
        foreach (var version in new ushort[] { 1, 2 })
        {
            var run = SyncupRun.Of(full, full, new RunOptions { Version = version });
            Assert.Contains("the log is full", Assert.IsType<ReplicaOutcome.Failed>(run.Replica!.Outcome).Reason);
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    [Trait("Hazard", "H13")]
    public void An_entry_for_another_record_is_an_error_and_no_mismatch(long vlsn)
    {
        var replica = new LoneReplica(Commits(5), Commits(9));
        replica.Receive(new Entry(Commits(9).Find(Vlsn.Of(vlsn))!.Value));
        replica.Failed(FailureKind.PeerFault, $"expected 5, found {vlsn}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("Hazard", "H14")]
    public void A_garbled_answer_never_leads_to_a_full_copy(ushort version)
    {
        // Trimmed away: a sound dialogue ends in a restore.
        var (replica, feeder) = (TestLog.Parse("1t 2c 3c"), TestLog.Parse("(1t 2c 3c 4c) 5c"));
        foreach (var garbled in new byte[][] { [], [0], [7, 0], [3], [8], [255], [2, 1, 2] })
        {
            var lone = new LoneReplica(replica, feeder, version);
            if (version == 1) lone.Receive(default(EntryNotFound));
            Assert.Equal(new RestoreRequest(Vlsn.Of(3)), lone.Sent[^1]);
            lone.Step(new SyncupInput.FrameReceived(garbled));
            lone.Failed(FailureKind.PeerFault, "expected");
        }

        var lost = new LoneReplica(replica, feeder, version);
        if (version == 1) lost.Receive(default(EntryNotFound));
        lost.Step(new SyncupInput.ConnectionLost("reset by peer"));
        lost.Failed(FailureKind.ConnectionLost, "reset by peer");
    }

    [Fact]
    [Trait("Hazard", "H14")]
    public void A_record_inside_the_announced_range_that_is_not_found_is_no_mismatch()
    {
        var replica = new LoneReplica(Commits(3), Commits(4), 2);
        var probe = Assert.IsType<Probe>(replica.Sent[^1]);
        replica.Receive(new ProbeAnswer([.. probe.Vlsns.Select(vlsn => new ProbedEntry(vlsn, null))]));
        replica.Failed(FailureKind.PeerFault, "found: expected 1 for 1");
    }

    [Fact]
    [Trait("Hazard", "H14")]
    public void A_match_above_a_mismatch_is_a_fault()
    {
        var replica = new LoneReplica(Commits(3), Commits(4), 2);
        replica.Receive(new ProbeAnswer([.. ImmutableArray.Create(1, 2, 3).Select(number =>
        {
            var entry = Commits(3).Find(Vlsn.Of(number))!.Value;
            return new ProbedEntry(entry.Vlsn, number == 2 ? Other(entry) : entry);
        })]));
        replica.Failed(FailureKind.PeerFault, "as at 2 below");
    }

    [Fact]
    [Trait("Hazard", "H15")]
    public void A_fault_closes_the_connection_in_the_same_step()
    {
        var list = new EffectList();
        var feeder = new FeederSyncup(1, Commits(3).Range, Peers.ReplicaHello(1, Commits(3)));
        feeder.Step(new SyncupInput.Started(), TimeSpan.Zero, list);
        list.Clear();
        feeder.Step(new SyncupInput.FrameReceived(new byte[] { 99 }), TimeSpan.Zero, list);
        Assert.IsType<SyncupEffect.Close>(list[^1]);
        Assert.Equal(1, list.Count);

        var replica = new ReplicaSyncup(Commits(3).Range, Peers.FeederHello(1, Commits(3)), new Term(1), RollbackLimit.Default);
        replica.Step(new SyncupInput.Started(), TimeSpan.Zero, list);
        list.Clear();
        replica.Step(new SyncupInput.FrameReceived(new byte[] { 99 }), TimeSpan.Zero, list);
        Assert.IsType<SyncupEffect.Close>(list[^1]);
    }

    [Theory]
    [InlineData(9, 9, 9, true)]
    [InlineData(9, 9, 3, true)]
    [InlineData(9, 9, 10, false)]
    [InlineData(10, 9, 9, false)]
    [InlineData(9, 0, 9, false)]
    public void Commits_are_undone_only_for_the_confirmed_primary_of_the_newest_term_that_either_side_knows(
        ulong feederTerm, ulong primaryTerm, ulong replicaTerm, bool isUndone)
    {
        var options = new RunOptions
        {
            FeederTerm = new Term(feederTerm),
            FeederPrimaryTerm = new Term(primaryTerm),
            ReplicaTerm = new Term(replicaTerm),
        };
        var run = SyncupRun.Of(TestLog.Parse("1t 2c 3c"), TestLog.Parse("1t 2c @2 3t"), options);
        Assert.Equal(isUndone, run.Replica!.Outcome is ReplicaOutcome.Streaming);
        Assert.Equal(isUndone ? 11 : 8, run.Replica.Report.Row);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("Hazard", "H17")]
    public void Two_foreign_groups_never_come_to_syncup(ushort version)
    {
        var run = SyncupRun.Of(Commits(3), Commits(4), new RunOptions { Version = version, ReplicaGroup = "another" });
        Assert.Equal(RefusalReason.WrongGroup, Assert.IsType<HelloVerdict.Refused>(run.Verdict).Reason);
        Assert.Null(run.Feeder);
    }

    private static TestLog Commits(int count)
    {
        var log = new TestLog();
        for (var i = 0; i < count; i++) log.Append(new TestRecord(RecordKind.Commit, new Term(1), ""));
        return log;
    }

    private static LogEntry Other(LogEntry entry) => entry with { Fingerprint = new Fingerprint(~entry.Fingerprint.Value) };

    /// <summary>In both versions the changed entry at 3 is a mismatch, and 2 is the matchpoint.</summary>
    private static void Differs(Func<LogEntry, LogEntry> change)
    {
        var log = Commits(3);
        var (second, third) = (log.Find(Vlsn.Of(2))!.Value, log.Find(Vlsn.Of(3))!.Value);
        var replica = new LoneReplica(log, log).Receive(new Entry(change(third)), new Entry(second));
        Assert.Equal(new StartStream(Vlsn.Of(3)), replica.Sent[^1]);

        replica = new LoneReplica(log, log, 2, new SyncupAnswer(second, change(third)));
        Assert.Equal(new StartStream(Vlsn.Of(3)), replica.Sent[^1]);
    }
}
