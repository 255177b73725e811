using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage;
using Matchpoint.Storage.Log;
using Matchpoint.Syncup;

namespace Matchpoint.Tests.Syncup;

/// <summary>A damaged record on either side ends the session; it is never a mismatch, never a reason for a restore, and never sent on.</summary>
[Trait("Hazard", "H14")]
public class DamagedLogTests
{
    public static TheoryData<byte, bool, string> Ways
    {
        get
        {
            var data = new TheoryData<byte, bool, string>();
            foreach (byte version in new[] { 1, 2 })
            {
                data.Add(version, false, "replica");
                data.Add(version, true, "replica");
                data.Add(version, false, "feeder");
                data.Add(version, true, "feeder");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_damaged_record_at_the_candidate_ends_the_session_and_nothing_is_touched(byte version, bool overTcp, string damaged)
    {
        using var replica = new TestNode("replica").Write("t1 a b c x y");
        using var feeder = new TestNode("feeder").Write("t1 a b c t2 d");
        if (damaged == "replica") replica.Damage(replica.Log.Appended.Vlsn);
        else feeder.Damage(Vlsn.Of(4));
        var before = replica.Disk();
        var met = await new Meeting { Version = version, Way = overTcp ? Way.Tcp : Way.Memory }.RunAsync(replica, feeder);
        Assert.True(met.Report is null or { Outcome: ReplicaOutcome.Failed }, $"{met}");
        Assert.True(met.Feeder is null or FeederOutcome.Failed, $"{met}");
        // Whoever runs the session is to mend it: words are not enough.
        Assert.IsType<DamageException>(damaged == "replica" ? met.ReplicaError : met.FeederError);
        Assert.Equal(before, replica.Disk());
        Assert.Empty(replica.Exports());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_record_damaged_where_it_would_be_exported_stops_the_rollback(byte version)
    {
        using var replica = new TestNode("replica").Write("t1 a b c x y z");
        using var feeder = new TestNode("feeder").Write("t1 a b c t2 d");
        replica.Damage(Vlsn.Of(6), offset: 50);
        var records = replica.Log.Appended;
        var met = await new Meeting { Version = version }.RunAsync(replica, feeder);
        Assert.IsType<DamageException>(met.ReplicaError);
        Assert.Equal(records, replica.Log.Appended);
        Assert.Empty(replica.Exports());
    }

    [Theory]
    [InlineData(1, 44)]
    [InlineData(1, 8)]
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(1, 40)]
    [InlineData(2, 44)]
    [InlineData(2, 0)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    public async Task A_damaged_record_in_the_stream_is_not_taken_in(byte version, int offset)
    {
        for (var vlsn = 5; vlsn <= 30; vlsn++)
        {
            using var replica = new TestNode("replica").Write("t1 a b c");
            using var feeder = new TestNode("feeder").Write("t1 a b c 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 t2");
            feeder.Damage(Vlsn.Of(vlsn), offset);
            var met = await new Meeting { Version = version }.RunAsync(replica, feeder);
            Assert.True(met.ReplicaError is not null || met.Report is { Outcome: ReplicaOutcome.Failed }, $"record {vlsn}: {met}");
            Assert.True(replica.Log.Appended.Vlsn < Vlsn.Of(vlsn), $"record {vlsn} was taken in");
            replica.MustBeSound();
        }
    }

    [Fact]
    public void The_explanation_says_which_log_is_damaged_and_ends()
    {
        for (var vlsn = 1; vlsn <= 12; vlsn++)
        {
            using var replica = new TestNode("replica").Write("t1 a b c x y z u v w 1 2");
            using var feeder = new TestNode("feeder").Write("t1 a b c d e f g h i 3 4");
            feeder.Damage(Vlsn.Of(vlsn));
            using var replicaView = LogView.Look(replica.Directory);
            using var feederView = feeder.Log.View();
            var error = Assert.ThrowsAny<StorageException>(
                () => Explanation.Run(replica.Directory, replicaView, feeder.Directory, feederView, RollbackLimit.Default));
            Assert.Contains($"record {vlsn}", error.Message, StringComparison.Ordinal);
        }
    }
}
