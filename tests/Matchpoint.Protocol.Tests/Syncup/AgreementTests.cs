using CsCheck;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>Both versions and a plain search agree on every pair of logs. A failure prints the seed and the logs.</summary>
public sealed class AgreementTests
{
    [Fact]
    public void Both_versions_find_what_a_plain_search_finds() =>
        Gen.Int.Select(LogPair.Make).Sample(
            pair =>
            {
                var expected = pair.SearchPlainly();
                var isAtBeginning = expected is null && pair.Feeder.First == Vlsn.First && (pair.Replica.Range.LastTransactionEnd.IsNull || pair.Replica.First == Vlsn.First);
                // The first version tells a feeder without a sync point from a trimmed one only where nothing can be lost.
                if (isAtBeginning && !pair.Replica.Range.LastTransactionEnd.IsNull && pair.Feeder.Range.LastSync.IsNull) return;
                var one = SyncupRun.Of(pair.Replica.Clone(), pair.Feeder, new RunOptions { Version = 1 });
                var two = SyncupRun.Of(pair.Replica.Clone(), pair.Feeder, new RunOptions { Version = 2 });
                foreach (var run in new[] { one, two })
                {
                    var outcome = run.Replica!.Outcome;
                    Assert.True(outcome is not (null or ReplicaOutcome.Failed), $"version {run.Replica.Report.Version}: {outcome}\n{run.TraceText}");
                    Assert.Equal(expected ?? Vlsn.Null, run.Replica.Report.M);
                    Assert.Equal(expected is null && !isAtBeginning, outcome is ReplicaOutcome.Restore);
                }

                Assert.Equal(one.Replica!.Outcome!.GetType(), two.Replica!.Outcome!.GetType());
                Assert.Equal(one.Replica.Report.Start, two.Replica.Report.Start);
                Assert.Equal(one.Replica.Report.Row, two.Replica.Report.Row);
                Assert.Equal(one.Replica.Report.Undone, two.Replica.Report.Undone);
            },
            iter: 10_000,
            threads: 1);

    [Fact]
    public void After_a_syncup_the_log_is_a_prefix_of_the_feeders_and_a_second_one_undoes_nothing() =>
        Gen.Int.Select(LogPair.Make).Sample(
            pair =>
            {
                var replica = pair.Replica.Clone();
                var run = SyncupRun.Of(replica, pair.Feeder);
                if (run.Replica!.Outcome is not ReplicaOutcome.Streaming(var start)) return;
                Assert.Equal(new FeederOutcome.Streaming(start), run.Feeder!.Outcome);
                Assert.Equal(start, replica.Last.Next);
                for (var vlsn = replica.Last; !vlsn.IsNull; vlsn = vlsn.Previous)
                    if (pair.Feeder.Find(vlsn) is { } theirs && replica.Find(vlsn) is { } own) Assert.Equal(theirs, own);

                replica.Follow(pair.Feeder);
                var again = SyncupRun.Of(replica, pair.Feeder);
                var top = pair.Feeder.FindSyncPoint(pair.Feeder.Last);
                Assert.Equal(0, again.Replica!.Report.Undone.Commits);
                Assert.True(top.IsNull || again.Replica.Report.M == top, again.TraceText);
            },
            iter: 3_000,
            threads: 1);

    [Fact]
    public void Nothing_is_cut_when_the_outcome_is_no_stream_and_commits_only_for_a_confirmed_feeder() =>
        Gen.Select(Gen.Int.Select(LogPair.Make), Gen.Bool, Gen.Int[0, 3]).Sample(
            (pair, isConfirmed, limit) =>
            {
                var replica = pair.Replica.Clone();
                var options = new RunOptions
                {
                    Limit = limit == 3 ? RollbackLimit.Disabled : RollbackLimit.AtMost(limit),
                    FeederPrimaryTerm = isConfirmed ? new Term(100) : Term.None,
                };
                var run = SyncupRun.Of(replica, pair.Feeder, options);
                var report = run.Replica!.Report;
                if (run.Replica.Outcome is not ReplicaOutcome.Streaming)
                {
                    Assert.Equal(pair.Replica.ToString(), replica.ToString());
                    return;
                }

                Assert.True(report.Undone.Commits == 0 || isConfirmed);
                Assert.True(report.Undone.AcknowledgedCommits <= limit);
                Assert.True(limit < 3 || report.Undone.Commits == 0);
                Assert.True(report.Undone.Commits == 0 || report.M >= report.D);
            },
            iter: 3_000,
            threads: 1);

    [Fact]
    public void The_report_keeps_the_last_64_comparisons_and_counts_all()
    {
        var (replica, feeder) = (new TestLog(), new TestLog());
        for (var i = 0; i < 200; i++)
        {
            replica.Append(new TestRecord(RecordKind.Commit, new Term(1), i < 50 ? "" : "'"));
            feeder.Append(new TestRecord(RecordKind.Commit, new Term(1), ""));
        }

        var report = SyncupRun.Of(replica, feeder, new RunOptions { Version = 1 }).Replica!.Report;
        Assert.Equal(151, report.Comparisons);
        Assert.Equal(151, report.RoundTrips);
        Assert.Equal(64, report.Compared.Length);
        Assert.Equal((Vlsn.Of(50), true), (report.Compared[^1].Vlsn, report.Compared[^1].IsEqual));
    }

    [Fact]
    public void Terms_are_listed_in_full_and_then_ever_further_apart()
    {
        var all = Enumerable.Range(0, 5000).Select(i => new TermEnd(new Term((ulong)(5000 - i)), Vlsn.Of(5000 - i), default)).ToList();
        var listed = TermList.Thin(all);
        Assert.Equal(all[..64], listed[..64]);
        Assert.Equal([63 + 2, 63 + 6, 63 + 14], listed[64..67].Select(end => 5000 - (int)end.Term.Value));
        Assert.True(listed.Length <= Limits.TermsListed);
        Assert.Empty(TermList.Thin([]));
        Assert.Equal(all[3], TermList.NewestCommon([.. all], all[3..]));
        Assert.Null(TermList.NewestCommon([.. all[..5]], all[5..]));
    }
}
