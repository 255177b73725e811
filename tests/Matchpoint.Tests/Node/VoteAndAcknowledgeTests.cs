using Matchpoint.Node;
using Matchpoint.Protocol.Durability;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Data;
using Matchpoint.Syncup;
using Matchpoint.Tests.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Node;

/// <summary>A vote holds for the log that it was weighed against: what was acknowledged to the old primary since would be elected away.</summary>
public class VoteAndAcknowledgeTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_vote_is_not_given_when_more_of_the_old_primary_came_until_it_was_followed_no_more(bool isMoreComing)
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var node = new TestNode("x").Write("t5 a b");
        var host = new Host { OnStop = () => node.Write(isMoreComing ? "c" : "") };
        var time = new ManualTime();
        var driver = Driver(node, host, time);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var running = driver.RunAsync(stopping.Token);
        driver.Post(new ElectionInput.PrimaryHeard(new Term(5), "p"));
        await host.Followed.Task.WaitAsync(Meeting.Patience, cancellation);
        time.Advance(Timeout * 2);
        var end = node.Log.Appended;
        var poll = new Poll(TestNode.Group, default, "y", PollKind.Vote, IsBootstrap: false, new Term(6), end.Term, end.Vlsn);
        var answer = await driver.AnswerAsync(poll, cancellation);
        Assert.Equal(1, host.Stops);
        Assert.Equal(!isMoreComing, answer.Granted);
        await stopping.CancelAsync();
        await running;
        Assert.Null(host.Failure);
    }

    [Fact]
    public async Task A_primary_is_told_that_it_is_heard_only_when_the_election_counts_it()
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var node = new TestNode("x").Write("t5 a b");
        var time = new ManualTime();
        var driver = Driver(node, new Host(), time);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var end = node.Log.Appended;
        time.Advance(Timeout * 2);
        var vote = driver.AnswerAsync(new Poll(TestNode.Group, default, "y", PollKind.Vote, IsBootstrap: false, new Term(6), end.Term, end.Vlsn), cancellation);
        var isOldNoted = false;
        driver.Post(new ElectionInput.PrimaryHeard(new Term(5), "p"), () => isOldNoted = true);
        var isNewNoted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        driver.Post(new ElectionInput.PrimaryHeard(new Term(6), "y"), isNewNoted.SetResult);
        var running = driver.RunAsync(stopping.Token);
        Assert.True((await vote).Granted);
        await isNewNoted.Task.WaitAsync(Meeting.Patience, cancellation);
        Assert.False(isOldNoted);
        await stopping.CancelAsync();
        await running;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whose_vote_the_last_record_took_away_votes_by_what_its_log_held_before(bool isKnown)
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var node = new TestNode("x").Write("t5 a b");
        var time = new ManualTime();
        var end = node.Log.Appended;
        var members = MembersOf();
        members.Become(Roster.OfVoters("p", "y"), isKnown ? (end.Term, end.Vlsn.Previous) : null);
        var driver = Driver(node, new Host(), time, members);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var running = driver.RunAsync(stopping.Token);
        time.Advance(Timeout * 2);
        var answer = await driver.AnswerAsync(new Poll(TestNode.Group, default, "y", PollKind.Vote, IsBootstrap: false, new Term(6), end.Term, end.Vlsn.Previous), cancellation);
        Assert.Equal(isKnown, answer.Granted);
        await stopping.CancelAsync();
        await running;
    }

    /// <summary>It holds what the one of that reign wrote; under the same numbers others may stand here since.</summary>
    [Fact]
    public void What_was_acknowledged_in_an_earlier_reign_counts_for_nothing_in_the_next()
    {
        using var node = new TestNode("x").Write("t5 a b t7 c");
        var end = node.Log.Appended.Vlsn;
        var clock = new NodeClock(new ManualTime());
        var progress = new Progress(clock);
        progress.OnLocal(end, end);
        var feeders = new Feeders(node.Log, progress, MembersOf(), new SyncupPeer { Name = "x" }, clock, Timeout / 5);
        progress.BeginReign(new Term(7), new AckTracker(["p", "x", "y"], "x", end.Previous, clock.Now));
        feeders.ChangeRole(new FeedingRole(new Term(7), IsPrimary: true));
        var all = new Acknowledge(end, end, Vlsn.Null, Heard: 0, Counts: true);
        feeders.OnAcknowledge(new Term(5), "y", all);
        progress.OnVoter(new Term(5), "y", end, end, TimeSpan.Zero);
        Assert.Equal(Vlsn.Null, progress.Durable);
        feeders.OnAcknowledge(new Term(7), "y", all);
        Assert.Equal(end, progress.Durable);
    }

    [Fact]
    public void What_was_acknowledged_in_an_earlier_reign_is_not_passed_on_to_the_next_primary()
    {
        using var node = new TestNode("x").Write("t5 a b t7 c");
        var end = node.Log.Appended.Vlsn;
        var clock = new NodeClock(new ManualTime());
        var passedOn = new List<string>();
        var feeders = new Feeders(node.Log, new Progress(clock), MembersOf(), new SyncupPeer { Name = "x" }, clock, Timeout / 5) { Relay = (replica, _) => passedOn.Add(replica) };
        var all = new Acknowledge(end, end, Vlsn.Null, Heard: 0, Counts: true);
        feeders.ChangeRole(new FeedingRole(new Term(7), IsPrimary: false));
        feeders.OnAcknowledge(new Term(5), "y", all);
        Assert.Empty(passedOn);
        feeders.OnAcknowledge(new Term(7), "y", all);
        feeders.ChangeRole(default);
        feeders.OnAcknowledge(new Term(7), "y", all);
        Assert.Equal(["y"], passedOn);
    }

    private static Members MembersOf() => new(new MatchpointOptions
    {
        Directory = "x",
        Name = "x",
        Members = [new GroupMember("p", "127.0.0.1:1"), new GroupMember("x", "127.0.0.1:2"), new GroupMember("y", "127.0.0.1:3")],
    });

    private static ElectionDriver Driver(TestNode node, Host host, TimeProvider time, Members? members = null)
    {
        members ??= MembersOf();
        var clock = new NodeClock(time);
        var ballot = BallotFile.Open(node.Directory, hasRecords: false);
        ballot.Save(new Ballot(new Term(5), null, Standing.Full, Term.None));
        var progress = new Progress(clock);
        var feeders = new Feeders(node.Log, progress, members, new SyncupPeer { Name = "x" }, clock, Timeout / 5);
        return new ElectionDriver(new ElectionSettings("x", members.Roster, Timeout, Timeout / 5, 1), ballot, node.Log, members, feeders, progress, clock, TcpNetwork.Instance, host);
    }

    private sealed class Host : IElectionHost
    {
        public void OnStranger(string sentence) => throw new InvalidOperationException(sentence);

        public TaskCompletionSource Followed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Action OnStop { get; init; } = static () => { };

        public int Stops { get; private set; }

        public Exception? Failure { get; private set; }

        public Task BecomePrimaryAsync(Term term) => Task.CompletedTask;

        public Task StepDownAsync(string reason) => Task.CompletedTask;

        public Task StopFollowingAsync()
        {
            Stops++;
            OnStop();
            return Task.CompletedTask;
        }

        public Task FollowAsync(string primary, Term term)
        {
            Followed.TrySetResult();
            return Task.CompletedTask;
        }

        public void OnElectionStep(ElectionRole role, Standing standing, IReadOnlyList<string> awaited)
        {
        }

        public void Warn(string source, string? sentence)
        {
        }

        public void Fail(Exception error) => Failure = error;
    }
}
