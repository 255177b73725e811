using Matchpoint.Node;
using Matchpoint.Protocol.Durability;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Tests.Node;

/// <summary>A primary serves nothing as current before it knows what was acknowledged before its reign, and nothing when the reign is over.</summary>
public class ReignBeginningTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public Task A_primary_whose_first_record_is_not_durable_serves_no_default_read_and_begins_no_transaction() => WithAsync(static async node =>
    {
        await node.Core.BecomePrimaryAsync(new Term(1));
        Assert.False(node.Core.HoldsLease()); // Being elected is no lease: nobody has heard this primary yet.
        await Assert.ThrowsAsync<StaleReadException>(async () => await node.Default.GetAsync("a"u8.ToArray(), cancellation: Cancellation));
        await Assert.ThrowsAsync<StaleReadException>(async () => await node.BeginAsync(Cancellation));
    });

    [Fact]
    public Task A_primary_that_is_followed_but_whose_first_record_is_not_durable_does_not_say_how_old_its_data_is() => WithAsync(static async node =>
    {
        await node.Core.BecomePrimaryAsync(new Term(1));
        node.Core.Progress.OnVoter(new Term(1), "y", Vlsn.Null, Vlsn.Null, node.Core.Clock.Now);
        Assert.True(node.Core.HoldsLease());
        Assert.False(node.Core.IsReady);
        await Assert.ThrowsAsync<StaleReadException>(async () => await node.Default.GetAsync("a"u8.ToArray(), ReadLevel.MaxLag(TimeSpan.FromSeconds(1)), Cancellation));
    });

    [Fact]
    public Task Who_led_is_in_doubt_from_then_on_until_the_next_primary_has_said_what_it_missed() => WithAsync(static async node =>
    {
        await node.Core.BecomePrimaryAsync(new Term(1));
        await node.Core.StepDownAsync("a test");
        Assert.True(node.Core.Follower.IsInDoubt);
        await Assert.ThrowsAsync<StaleReadException>(async () => await node.Default.GetAsync("a"u8.ToArray(), cancellation: Cancellation));
    });

    [Fact]
    public Task A_change_of_the_members_that_outlives_its_reign_brings_no_doubt_upon_whoever_follows_by_then() => WithAsync(static node =>
    {
        node.Core.PrepareFor(node.Core.Members.Roster);
        Assert.False(node.Core.Follower.IsInDoubt);
        return Task.CompletedTask;
    });

    /// <summary>What a node consists of has a clock of its own, which begins anew: a wait that was to last seconds would last as long as the node had run.</summary>
    [Fact]
    public Task A_wait_keeps_its_deadline_while_the_node_is_opened_anew()
    {
        var time = new ShiftedTime();
        return WithAsync(
            async node =>
            {
                time.Shift(TimeSpan.FromHours(1));
                var old = node.Core;
                var ready = node.WaitUntilReadyAsync(TimeSpan.FromSeconds(2), Cancellation);
                old.Copied();
                await Eventually.HoldsAsync(() => node.Core != old, "it is opened anew");
                await Assert.ThrowsAsync<StaleReadException>(() => ready.WaitAsync(Eventually.Patience, Cancellation));
            },
            time);
    }

    [Fact]
    public async Task Whoever_begins_to_wait_when_the_node_has_ended_does_not_wait_for_ever()
    {
        var progress = new Progress(new NodeClock(new ManualTime()));
        progress.EndAll();
        var wait = progress.WaitAsync(Goal.Durable, Vlsn.First, TimeSpan.FromSeconds(1), CancellationToken.None);
        Assert.True(wait.IsCompleted);
        Assert.Equal(WaitResult.Ended, await wait);
    }

    [Fact]
    public void Whoever_leads_nobody_was_heard_by_nobody()
    {
        var progress = new Progress(new NodeClock(new ManualTime()));
        Assert.Null(progress.ReignHeardAt);
        progress.BeginReign(new Term(1), new AckTracker(["x", "y", "z"], "x", Vlsn.First, TimeSpan.FromSeconds(3)));
        Assert.Equal(TimeSpan.FromSeconds(3), progress.ReignHeardAt);
        progress.EndReign();
        Assert.Null(progress.ReignHeardAt);
    }

    private static async Task WithAsync(Func<MatchpointNode, Task> test, TimeProvider? time = null)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("matchpoint").FullName;
        try
        {
            var options = new MatchpointOptions
            {
                Directory = directory,
                Name = "x",
                Listen = "127.0.0.1:0",
                Time = time ?? TimeProvider.System,
                ElectionTimeout = TimeSpan.FromMinutes(1),
                ReadTimeout = TimeSpan.FromMilliseconds(50),
                Members = [new GroupMember("x", "127.0.0.1:1"), new GroupMember("y", "127.0.0.1:2"), new GroupMember("z", "127.0.0.1:3")],
            };
            await using var node = await MatchpointNode.OpenAsync(options, Cancellation);
            await test(node);
        }
        finally
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>The machine's time, set forward.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        private long _shift;

        public void Shift(TimeSpan by) => Interlocked.Add(ref _shift, (long)(by.TotalSeconds * System.TimestampFrequency));

        public override long TimestampFrequency => System.TimestampFrequency;

        public override long GetTimestamp() => System.GetTimestamp() + Volatile.Read(ref _shift);
    }
}
