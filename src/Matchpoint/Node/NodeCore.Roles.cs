using Matchpoint.Protocol.Durability;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Syncup;

namespace Matchpoint.Node;

/// <content>What a node is to its group, and becomes: what its election and its follower tell it.</content>
internal sealed partial class NodeCore
{
    /// <inheritdoc/>
    public async Task BecomePrimaryAsync(Term term)
    {
        await Follower.StopAsync().ConfigureAwait(false);
        Feeders.ChangeRole(default);
        await Log.WaitAsync(Log.Appended.Vlsn, FlushPolicy.Write, CancellationToken.None).ConfigureAwait(false);
        PrepareFor(Members.Roster);
        _strangerSaid = null;
        ReignStart = Unreachable; // Until the reign's first record has a number nothing of it is ready.
        ReignStart = BeginReign(term);
        var roster = Members.Roster;
        Progress.CountsUnflushed = CountsUnflushed(roster);
        Progress.BeginReign(term, new AckTracker(roster.Voters, Members.Self, ReignStart, Clock.Now, Appender.RosterAt, roster.IsSelfSufficient(Members.Self)));
        Appender.OpenReign(term);
        Feeders.ChangeRole(new FeedingRole(term, IsPrimary: true));
        Board.Report(NodeState.Primary, $"primary of term {term}, since record {ReignStart}");
    }

    /// <summary>Before these are the members and this node leads them: what it promises from then on is noted first.</summary>
    public void PrepareFor(Roster roster)
    {
        if (roster.Voters.Length > 1 && Options.Durability.ReplicaFlush != FlushPolicy.Sync) BeginUnflushedPromises();
    }

    /// <summary>Counts acknowledgements by the voters of a roster from now on; a record says so, or will.</summary>
    public void CountBy(Roster roster, Vlsn at) => Progress.Reconfigure(roster.Voters, at, roster.IsSelfSufficient(Members.Self), CountsUnflushed(roster));

    /// <inheritdoc/>
    public Task StepDownAsync(string reason)
    {
        EndReign();
        Feeders.ChangeRole(default);
        Board.Report(NodeState.Electing, $"no longer primary: {reason}");
        return Task.CompletedTask;
    }

    /// <summary>This node leads no more, if it did. Where another may lead next, it is in doubt from before then: no read finds it without both.</summary>
    private void EndReign()
    {
        // Where it is the only voter nobody else is elected; but by the members of before, while it is not decided that they are so no more.
        if (Appender.Reign != Term.None && (Members.Roster.Voters.Length > 1 || Progress.Durable < Appender.RosterAt)) Follower.BeginDoubt();
        Appender.EndReign();
        Progress.EndReign();
    }

    /// <inheritdoc/>
    public async Task StopFollowingAsync()
    {
        Feeders.ChangeRole(default);
        await Follower.StopAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task FollowAsync(string primary, Term term)
    {
        Feeders.ChangeRole(default);
        ReportLooking(NodeState.Electing, $"{primary} is the primary of term {term}: connecting");
        await Follower.FollowAsync(primary, term).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void OnElectionStep(ElectionRole role, Standing standing, IReadOnlyList<string> awaited)
    {
        if (awaited.Count > 0 && Elections.Primary is null)
            ReportLooking(NodeState.AwaitingMembers, $"{StatusWords.WhyAllAreAwaited(standing)}; not seen yet: {string.Join(", ", awaited)}");
        else if (role is ElectionRole.PreCandidate or ElectionRole.Candidate)
            ReportLooking(NodeState.Electing, StatusWords.Electing(Elections.LastRefusal));
        else if (role == ElectionRole.Replica && Follower.Following is { } step && (Board.State == NodeState.Electing || (Board.State == NodeState.Removed && Members.Contains(Members.Self))))
            Board.Report(NodeState.Following, step); // The primary was not heard for a while, and is heard again; or this node was removed, and is added again.
        else if (role == ElectionRole.Replica && Elections.Primary is null && Board.State == NodeState.Electing && !Members.Contains(Members.Self) && !Appender.RosterAt.IsNull)
            Board.Report(NodeState.Removed, _strangerSaid ?? StatusWords.Removed(Members.Self, Appender.RosterAt, Members.Roster)); // Whom it knows may be no members any more, and tell it nothing.
        Board.Warn("standing", StatusWords.Of(standing));
    }

    /// <summary>It looks for the group. One that was told that it is no member asks again and again, and is no member until it is fed.</summary>
    private void ReportLooking(NodeState state, string step) => Board.Report(_strangerSaid is null ? state : NodeState.Removed, _strangerSaid ?? step);

    /// <inheritdoc/>
    public void OnPrimaryHeard(Term term, string primary, Action noted) => Elections.Post(new ElectionInput.PrimaryHeard(term, primary), noted);

    /// <inheritdoc/>
    public void OnTermSeen(Term term) => Elections.Post(new ElectionInput.TermSeen(term));

    /// <inheritdoc/>
    public void OnCaughtUp(Term term) => Elections.Post(new ElectionInput.CaughtUp(term));

    /// <inheritdoc/>
    public void OnStranger(string sentence)
    {
        // Whoever leads, or is fed, knows better: the other's log lags behind.
        if (Appender.Reign != Term.None || Follower.Following is not null) return;
        _strangerSaid = sentence;
        Board.Report(NodeState.Removed, sentence);
    }

    /// <inheritdoc/>
    public void OnFed(Term term, bool isFed)
    {
        if (isFed) _strangerSaid = null;
        Feeders.ChangeRole(isFed ? new FeedingRole(term, IsPrimary: false) : default);
    }

    /// <inheritdoc/>
    public void OnSyncupStep(string feeder, string step) => Board.SyncupProgressed(new SyncupProgress(feeder, step));

    /// <inheritdoc/>
    public void OnSyncup(string feeder, ReplicaResult result, TimeSpan duration)
    {
        var report = result.Report;
        Board.SyncupEnded(new SyncupSummary(
            feeder, report.M.DistanceFrom(Vlsn.Null), report.Undone.Records, report.Undone.Commits, report.RoundTrips, report.Reason, duration));
        switch (result.Outcome)
        {
            case ReplicaOutcome.Streaming when result.Export is { } export && report.Undone.Records > 0:
                Board.RolledBack(new RollbackNotice(
                    report.M.DistanceFrom(Vlsn.Null), report.Undone.Records, report.Undone.Commits, report.Undone.AcknowledgedCommits,
                    Path.Combine(_directory.RollbacksPath, export)));
                break;
            case ReplicaOutcome.Refused refused:
                Board.Report(NodeState.AwaitingOperator, $"a rollback was refused: {refused.Reason}");
                break;
            case ReplicaOutcome.Restore restore:
                Board.Report(NodeState.NeedsCopy, $"this node needs a full copy: {restore.Reason}");
                break;
        }

        Board.Warn("rollback", result.Outcome is { } outcome ? StatusWords.Of(outcome) : null);
    }
}
