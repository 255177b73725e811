using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Log;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Syncup;

/// <summary>Many replicas at once, large records, long logs.</summary>
public class ManyReplicasTests
{
    private static readonly LogOptions LargeSegments = TestNode.SmallSegments with { SegmentBytes = 4 * 1024 * 1024, PendingBytes = 1024 * 1024 };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Eight_replicas_join_a_feeder_that_is_being_written(byte version)
    {
        using var feeder = new TestNode("feeder", options: TestNode.SmallSegments with { SegmentBytes = 16 * 1024 }).Write("t1 a b t2");
        for (var i = 0; i < 1000; i++) feeder.Commit($"key {i}", "value"u8);
        feeder.Log.FlushAll();
        var meeting = new Meeting { Version = version };
        async Task ServeAsync(Channel channel, string service, CancellationToken stopping) => await meeting.Feed(channel, service, feeder).RunAsync(stopping);
        var services = new Dictionary<string, ServiceHandler>
        {
            [Services.Syncup] = (channel, stopping) => ServeAsync(channel, Services.Syncup, stopping),
            [Services.Stream] = (channel, stopping) => ServeAsync(channel, Services.Stream, stopping),
        };
        var errors = new List<Exception>();
        await using (var listener = await ServiceListener.StartAsync(new Endpoint("127.0.0.1", 0), services, (_, error) => errors.Add(error)))
        {
            var replicas = Enumerable.Range(0, 8).Select(i => new TestNode($"replica{i}").Write(i % 2 == 0 ? "t1 a b x y z" : "t1 a")).ToList();
            var joined = Task.WhenAll(replicas.Select(replica => Task.Run(async () =>
            {
                for (var round = 0; round < 3; round++)
                {
                    await using var channel = await TcpChannels.ConnectAsync(listener.LocalEndpoint, Meeting.Patience, TimeProvider.System, CancellationToken.None);
                    var report = await meeting.JoinAsync(channel, replica);
                    Assert.IsType<ReplicaOutcome.Streaming>(report.Outcome);
                }
            })));
            var appended = 0;
            for (; !joined.IsCompleted && appended < 100_000; appended++)
            {
                feeder.Commit($"more {appended}", "value"u8);
                if (appended % 50 != 0) continue;
                feeder.Log.RemoveUpTo(Vlsn.First);
                await Task.Yield();
            }

            await joined.WaitAsync(Meeting.Patience);
            feeder.Log.FlushAll();
            var all = feeder.Bytes();
            foreach (var replica in replicas)
            {
                var held = replica.Bytes();
                Assert.True(held.AsSpan().SequenceEqual(all.AsSpan(0, held.Length)));
                Assert.True(replica.Log.Appended.Vlsn >= Vlsn.Of(1004));
                replica.MustBeSound();
                replica.Dispose();
            }
        }

        Assert.Empty(errors);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public async Task Records_as_large_as_they_may_be_are_fetched_and_exported(byte version, bool overTcp)
    {
        using var feeder = new TestNode("feeder", options: LargeSegments).Write("t1 a");
        using var replica = new TestNode("replica", options: LargeSegments).Write("t1 a");
        Fill(feeder, "feeder", 1);
        Fill(replica, "replica", 2);
        var met = await new Meeting { Version = version, Way = overTcp ? Way.Tcp : Way.Memory }.RunAsync(replica, feeder);
        Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{met}");
        replica.MustEqual(feeder);
        Assert.Equal("replica replica replica small", replica.Undone(Assert.Single(replica.Exports()).Name));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public async Task Fifty_thousand_records_are_fetched(byte version, bool overTcp)
    {
        using var feeder = new TestNode("feeder", options: LargeSegments).Write("t1 a");
        using var replica = new TestNode("replica", options: LargeSegments).Write("t1 a");
        for (var i = 0; i < 50_000; i++) feeder.Commit($"key {i}", "a value of some twenty"u8);
        feeder.Log.FlushAll();
        var met = await new Meeting { Version = version, Way = overTcp ? Way.Tcp : Way.Memory }.RunAsync(replica, feeder);
        Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{met}");
        Assert.True(feeder.Bytes().AsSpan().SequenceEqual(replica.Bytes()));
        Assert.Equal(Vlsn.Of(50_002), replica.Log.Flushed);
    }

    [Fact]
    [Trait("Hazard", "H8")]
    public async Task Version_2_finds_a_distant_matchpoint_in_few_round_trips_even_where_terms_lie()
    {
        using var feeder = new TestNode("feeder", options: LargeSegments).Write("t1 a");
        using var replica = new TestNode("replica", options: LargeSegments).Write("t1 a");
        for (var i = 0; i < 20_000; i++)
        {
            feeder.Commit($"key {i}", "value"u8);
            replica.Commit($"yek {i}", "value"u8);
        }

        feeder.Log.FlushAll();
        var met = await new Meeting().RunAsync(replica, feeder);
        Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{met}");
        Assert.Equal(Vlsn.Of(2), met.Report!.Matchpoint);
        Assert.InRange(met.Report.RoundTrips, 1, 3);
        Assert.True(feeder.Bytes().AsSpan().SequenceEqual(replica.Bytes()));
    }

    /// <summary>One record of 32 MB, one of 20 MB in a transaction of two pieces, and a small one.</summary>
    private static void Fill(TestNode node, string key, byte fill)
    {
        var value = new byte[16 * 1024 * 1024];
        value.AsSpan().Fill(fill);
        node.Commit(key, value);
        var writer = new TransactionWriter(20 * 1024 * 1024);
        writer.Put(System.Text.Encoding.UTF8.GetBytes(key), value.AsSpan(0, 10 * 1024 * 1024));
        writer.Put(System.Text.Encoding.UTF8.GetBytes(key), value.AsSpan(0, 10 * 1024 * 1024 - 1000));
        node.Append(RecordKind.Commit, AckPolicy.Majority, writer.Payload(0, Vlsn.Null, Vlsn.Null).Span);
        node.Commit("small", "value"u8);
        node.Log.FlushAll();
    }
}
