using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Records;
using Matchpoint.Tests.Syncup;

namespace Matchpoint.Tests.Node;

/// <summary>What a node's log says of the members, and of its own vote.</summary>
public class RosterLogTests
{
    private readonly Members _members = new(new MatchpointOptions
    {
        Directory = "c",
        Name = "c",
        Members = [new GroupMember("a", "127.0.0.1:1"), new GroupMember("b", "127.0.0.1:2"), new GroupMember("c", "127.0.0.1:3")],
    });

    private readonly RosterLog _log;

    public RosterLogTests()
    {
        _log = new RosterLog(_members);
        _log.Begin(new MemoryState());
        _log.Publish();
    }

    [Fact]
    public void The_record_that_takes_a_vote_away_says_how_far_it_counts()
    {
        Add(22, Roster.OfVoters("a", "b", "c"));
        Assert.Null(_members.Known.VotedUpTo);
        Add(37, Roster.OfVoters("a", "b"));
        Assert.Equal((new Term(3), Vlsn.Of(36)), _members.Known.VotedUpTo);
        Add(40, Roster.OfVoters("a"));
        Assert.Null(_members.Known.VotedUpTo); // The record before it is durable: changes come one after another.
    }

    [Theory]
    [InlineData(MemberKind.Secondary, false)]
    [InlineData(MemberKind.Voter, true)]
    public void So_does_one_that_leaves_the_member_without_a_vote(MemberKind kind, bool isPending)
    {
        Add(22, Roster.OfVoters("a", "b", "c"));
        Add(37, Roster.Of([.. Roster.OfVoters("a", "b").Members, new Member("c", "", kind, IsPending: isPending)]));
        Assert.Equal((new Term(3), Vlsn.Of(36)), _members.Known.VotedUpTo);
    }

    /// <summary>Options may name whoever likes.</summary>
    [Fact]
    public void Options_give_no_vote_that_a_record_could_take_away()
    {
        Add(37, Roster.OfVoters("a", "b"));
        Assert.Null(_members.Known.VotedUpTo);
    }

    [Fact]
    public void With_the_record_that_took_it_away_goes_what_it_said()
    {
        Add(22, Roster.OfVoters("a", "b", "c"));
        Add(37, Roster.OfVoters("a", "b"));
        _log.Begin(new MemoryState());
        Add(22, Roster.OfVoters("a", "b", "c"));
        Assert.Null(_members.Known.VotedUpTo);
        Assert.True(_members.Roster.IsVoter("c"));
    }

    /// <summary>The log's writer asks for it, and whoever holds the appender may wait for the writer.</summary>
    [Fact]
    public void Since_when_the_members_are_what_they_are_is_known_while_the_appender_is_held()
    {
        using var node = new TestNode("c").Write("t1 a");
        var appender = new Appender(node.Log, new MemoryState(), maxBytes: 1024 * 1024) { Rosters = _log };
        appender.Rebuild();
        appender.OpenReign(new Term(1));
        Vlsn? during = null;
        var result = appender.TryAppendRoster(
            new Term(1), Roster.OfVoters("a", "b"),
            (_, _) =>
            {
                // On a thread of its own: those of the pool may all be taken.
                var asking = Task.Factory.StartNew(() => appender.RosterAt, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
                if (asking.Wait(Eventually.Patience)) during = asking.Result;
            },
            out var header);
        Assert.Equal(AppendResult.Appended, result);
        Assert.Equal(Vlsn.Null, during);
        Assert.Equal(header.Vlsn, appender.RosterAt);
    }

    private void Add(long vlsn, Roster roster)
    {
        var payload = RosterCodec.Encode(roster);
        _log.Add(new RecordHeader(RecordHeader.Size + payload.Length, Vlsn.Of(vlsn), new Term(3), default, 0, RecordKind.Membership, AckPolicy.None), payload);
        _log.Publish();
    }
}
