using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Syncup;
using Matchpoint.Tests.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Node;

/// <summary>What a replica has acknowledged it keeps, whoever feeds it, and what it may lose it says beforehand.</summary>
public class FollowerPromiseTests
{
    private static readonly Term Reign = new(1);

    [Theory]
    [InlineData("t1 a b", "t1 a b c")]
    [InlineData("t1", "t1 a b")]
    [InlineData("t1 a", "t1 a (x")]
    public async Task A_feeder_that_is_behind_makes_nobody_undo_what_the_primary_has(string feeders, string own)
    {
        using var behind = new TestNode("i").Write(feeders);
        using var replica = new TestNode("r").Write(own);
        await using var listener = await ServeAsync(behind, static () => { });
        var before = replica.Log.Appended;
        var host = new Host();
        await using (var follower = Follower(replica, host, Options(listener.LocalEndpoint, new Endpoint("127.0.0.1", 1)) with { PreferredFeeder = "i" }))
        {
            await follower.FollowAsync("p", Reign);
            await Task.WhenAny(host.Refused.Task, host.Fed.Task).WaitAsync(Meeting.Patience, TestContext.Current.CancellationToken);
        }

        Assert.Equal(before, replica.Log.Appended);
        Assert.False(host.Fed.Task.IsCompleted);
        Assert.Null(host.Failure);
    }

    [Fact]
    public async Task Whoever_may_have_forgotten_something_catches_up_with_the_primary_itself()
    {
        using var behind = new TestNode("i").Write("t1 a");
        using var primary = new TestNode("p").Write("t1 a b");
        using var replica = new TestNode("r").Write("t1");
        var asked = 0;
        await using var first = await ServeAsync(behind, () => asked++);
        await using var second = await ServeAsync(primary, static () => { });
        var host = new Host { Counts = false };
        await using (var follower = Follower(replica, host, Options(first.LocalEndpoint, second.LocalEndpoint) with { PreferredFeeder = "i" }))
        {
            await follower.FollowAsync("p", Reign);
            await host.Fed.Task.WaitAsync(Meeting.Patience, TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, asked);
    }

    [Fact]
    public async Task That_records_will_be_acknowledged_unflushed_is_written_down_before_the_first_is()
    {
        using var primary = new TestNode("p").Write("t1 a b");
        using var replica = new TestNode("r").Write("t1");
        await using var listener = await ServeAsync(primary, static () => { });
        var host = new Host();
        await using (var follower = Follower(replica, host, Options(new Endpoint("127.0.0.1", 1), listener.LocalEndpoint) with { Durability = Durability.Written }))
        {
            await follower.FollowAsync("p", Reign);
            await host.Fed.Task.WaitAsync(Meeting.Patience, TestContext.Current.CancellationToken);
        }

        Assert.True(host.HadPromisedWhenFed);
    }

    /// <summary>Before that a primary may not know of all that was acknowledged.</summary>
    [Theory]
    [InlineData("t1 a b", false)]
    [InlineData("t1 a b t2", true)]
    public async Task A_replica_is_as_current_as_its_primary_only_once_a_record_of_the_reign_is_durable(string log, bool isCurrent)
    {
        using var primary = new TestNode("p").Write(log);
        using var replica = new TestNode("r").Write(log);
        await using var listener = await ServeAsync(primary, static () => { }, new Term(2));
        var host = new Host();
        await using var follower = Follower(replica, host, Options(new Endpoint("127.0.0.1", 1), listener.LocalEndpoint));
        await follower.FollowAsync("p", new Term(2));
        await host.Fed.Task.WaitAsync(Meeting.Patience, TestContext.Current.CancellationToken);
        var end = replica.Log.Appended.Vlsn;
        follower.OnHeartbeat(new Heartbeat(end, end, SentAt: 0));
        Assert.Equal(isCurrent, follower.CurrentAt is not null);
    }

    private static ValueTask<ServiceListener> ServeAsync(TestNode feeder, Action asked, Term? reign = null)
    {
        var services = new Dictionary<string, ServiceHandler>
        {
            [Services.Stream] = async (channel, stopping) =>
            {
                asked();
                var session = new FeederSession(channel, SyncupVersion.Two, feeder.Log, Meeting.Self(TimeProvider.System), reign ?? Reign, NoObserver.Instance)
                {
                    Stream = static (feed, cancellation) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation),
                };
                await session.RunAsync(stopping);
            },
        };
        return ServiceListener.StartAsync(new Endpoint("127.0.0.1", 0), services, static (_, _) => { });
    }

    private static MatchpointOptions Options(Endpoint intermediary, Endpoint primary) => new()
    {
        Directory = "r",
        Name = "r",
        ElectionTimeout = TimeSpan.FromSeconds(20),
        Members = [new GroupMember("p", primary.ToString()), new GroupMember("i", intermediary.ToString()), new GroupMember("r", "127.0.0.1:2")],
    };

    private static Follower Follower(TestNode replica, Host host, MatchpointOptions options)
    {
        var clock = new NodeClock(TimeProvider.System);
        var state = new MemoryState();
        var appender = new Appender(replica.Log, state, options.MaxTailBytes);
        appender.Rebuild();
        var progress = new Progress(clock);
        return new Follower(replica.Log, appender, progress, new Members(options), Meeting.Self(TimeProvider.System), clock, options, TcpNetwork.Instance, host, () => state.Applied.Vlsn);
    }

    private sealed class Host : IFollowerHost
    {
        public void OnStranger(string sentence) => throw new InvalidOperationException(sentence);

        private bool _hasPromised;

        public TaskCompletionSource Refused { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Fed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool HadPromisedWhenFed { get; private set; }

        public Exception? Failure { get; private set; }

        public bool Counts { get; init; } = true;

        public void BeginUnflushedPromises() => _hasPromised = true;

        public void Fail(Exception error)
        {
            Failure = error;
            Refused.TrySetResult();
        }

        public void Report(NodeState state, string step)
        {
            if (state == NodeState.Electing) Refused.TrySetResult();
        }

        public void Warn(string source, string? sentence)
        {
        }

        public void OnPrimaryHeard(Term term, string primary, Action noted)
        {
        }

        public void OnTermSeen(Term term)
        {
        }

        public void OnCaughtUp(Term term)
        {
        }

        public void OnFed(Term term, bool isFed)
        {
            HadPromisedWhenFed |= isFed && _hasPromised;
            if (isFed) Fed.TrySetResult();
        }

        public void OnSyncupStep(string feeder, string step)
        {
        }

        public Task<bool> CopyAsync(string primary, Term term, Vlsn neededFrom, CancellationToken cancellation) => throw new NotSupportedException("Nothing is copied here.");

        public void OnSyncup(string feeder, ReplicaResult result, TimeSpan duration)
        {
        }
    }
}
