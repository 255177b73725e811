using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Syncup;

namespace Matchpoint.Tests.Syncup;

/// <summary>One table of log pairs, through real sessions over every way and every version, and through the explanation.</summary>
[Trait("Hazard", "H18")]
public class SessionTableTests
{
    private static readonly (byte Version, Way Way)[] Ways = [(1, Way.Memory), (2, Way.Memory), (1, Way.Tcp), (2, Way.Tcp), (1, Way.Tls), (2, Way.Tls)];

    public static TheoryData<string> Pairs => [.. LogPair.Names];

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Every_way_and_version_comes_to_the_same_end(string name)
    {
        var pair = LogPair.Named(name);
        var verdicts = new List<string>();
        foreach (var (version, way) in Ways)
        {
            var (replica, feeder) = pair.Make();
            using var a = replica;
            using var b = feeder;
            var (replicaBefore, feederBefore) = (replica.Bytes(), feeder.Bytes());
            var met = await new Meeting { Version = version, Way = way, Limit = pair.Limit }.RunAsync(replica, feeder);
            Assert.True(met.ReplicaError is null, $"version {version} over {way}: {met.ReplicaError}");
            Assert.True(met.FeederError is null, $"version {version} over {way}: {met.FeederError}");
            verdicts.Add(met.Verdict);
            MustBeAsExpected(pair, met.Report!);
            Assert.Equal(feederBefore, feeder.Bytes());
            if (pair.Streams) replica.MustEqual(feeder);
            else Assert.Equal(replicaBefore, replica.Bytes());
            MustListTheUndone(pair, replica, met.Report!);
            replica.MustBeSound();
            var replicaAfter = replica.Bytes();
            replica.Reopen();
            Assert.Equal(replicaAfter, replica.Bytes());
        }

        Assert.Single(verdicts.Distinct());
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task The_explanation_says_what_the_sessions_do_and_changes_nothing(string name)
    {
        var pair = LogPair.Named(name);
        var (replica, feeder) = pair.Make();
        using var a = replica;
        using var b = feeder;
        var before = (replica.Disk(), feeder.Disk());
        ReplicaResult explained;
        using (var replicaView = replica.Log.View())
        using (var feederView = feeder.Log.View())
            explained = Explanation.Run(replica.Directory, replicaView, feeder.Directory, feederView, pair.Limit);
        Assert.Null(explained.Outcome);
        Assert.Equal((pair.Row, pair.Matchpoint), (explained.Decision!.Row, explained.Matchpoint.Value));
        Assert.Equal(before.Item1, replica.Disk());
        Assert.Equal(before.Item2, feeder.Disk());

        var dry = await new Meeting { DecideOnly = true, Limit = pair.Limit }.RunAsync(replica, feeder);
        Assert.Equal(explained.Decision, dry.Report!.Decision);
        Assert.Equal(before.Item1, replica.Disk());
        Assert.Equal(before.Item2, feeder.Disk());

        var met = await new Meeting { Limit = pair.Limit }.RunAsync(replica, feeder);
        Assert.Equal(explained.Decision, met.Report!.Decision);
        Assert.Equal(explained.AboveMatchpoint, met.Report!.AboveMatchpoint);
        Assert.Equal((explained.Matchpoint, explained.Compared, explained.RoundTrips), (met.Report!.Matchpoint, met.Report!.Compared, met.Report!.RoundTrips));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_same_node_may_diverge_twice(byte version)
    {
        using var feeder = new TestNode("feeder").Write("t1 a b t2 c");
        using var replica = new TestNode("replica").Write("t1 a b x y");
        await MeetAsync();
        replica.Write("t3 u v");
        feeder.Write("t4 d");
        await MeetAsync();
        Assert.Equal(["x y", "u v"], replica.Exports().OrderBy(export => export.Header.Matchpoint.Value).Select(export => replica.Undone(export.Name)));

        // The very same again: the export has the same name, and is there once.
        replica.Write("t5 w");
        feeder.Write("t6 e");
        await MeetAsync();
        Assert.Equal(3, replica.Exports().Count);

        async Task MeetAsync()
        {
            var met = await new Meeting { Version = version }.RunAsync(replica, feeder);
            Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{met}");
            replica.MustEqual(feeder);
        }
    }

    [Fact]
    public async Task A_second_meeting_finds_nothing_to_do()
    {
        var (replica, feeder) = LogPair.Named("three terms each").Make();
        using var a = replica;
        using var b = feeder;
        await new Meeting().RunAsync(replica, feeder);
        var again = await new Meeting().RunAsync(replica, feeder);
        Assert.Equal(6, again.Report!.Decision!.Row);
        Assert.Single(replica.Exports());
    }

    private static void MustBeAsExpected(LogPair pair, ReplicaResult report)
    {
        Assert.Equal(pair.Ends, report.Outcome!.GetType());
        Assert.Equal((pair.Row, pair.Matchpoint), (report.Decision!.Row, report.Matchpoint.Value));
        if (pair.Row != 5) Assert.Equal(new UndoneCount(pair.Records, pair.Commits, pair.Acknowledged), report.AboveMatchpoint);
    }

    private static void MustListTheUndone(LogPair pair, TestNode replica, ReplicaResult report)
    {
        if (pair.Undone is null)
        {
            Assert.Empty(replica.Exports());
            Assert.Null(report.Export);
            return;
        }

        var export = Assert.Single(replica.Exports());
        Assert.Equal(report.Export, export.Name);
        Assert.Equal(pair.Streams ? RollbackState.Undone : RollbackState.Refused, export.State);
        Assert.Equal((pair.Row, pair.Records, pair.Commits, pair.Acknowledged), (export.Header.Row, export.Header.Records, export.Header.Commits, export.Header.Acknowledged));
        Assert.Equal(Vlsn.Of(pair.Matchpoint), export.Header.Matchpoint);
        Assert.Equal(pair.Undone, replica.Undone(export.Name));
    }
}
