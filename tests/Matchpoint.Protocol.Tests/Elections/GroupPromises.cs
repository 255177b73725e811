using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>What an <see cref="ElectionGroup"/> must keep, whatever happens to it, as long as no majority of its voters forgets.</summary>
internal sealed class GroupPromises(ElectionGroup group)
{
    private readonly Dictionary<Term, (GroupNode Node, GroupRecord[] Log)> _primaries = [];
    private readonly List<(GroupRecord Record, Term In)> _durable = [];

    /// <summary>Whether a node may lose what it promised and what it acknowledged: only a minority may have, and a majority must be able to do without it.</summary>
    public bool CanForget(GroupNode node)
    {
        if (!node.IsVoter) return true;
        var others = Voters.Where(other => other != node).ToArray();
        if (others.Count(other => other.HasForgotten) + 1 > group.Voters.Length - group.Majority) return false;
        // Before the first election too few take part; nothing is lost with one of them, since all must vote.
        var takePart = others.Count(other => other.Saved.Standing == Standing.Full);
        return takePart >= group.Majority || (_primaries.Count == 0 && takePart + (node.Saved.Standing == Standing.Full ? 1 : 0) < group.Majority);
    }

    /// <summary>Whether all may lose power at once: then all must take part in the next election, and nobody may have lost more than what was unflushed.</summary>
    public bool CanAllLosePower => group.CountsUnflushed && Voters.All(voter => !voter.IsAway && voter.Saved.Standing is Standing.Full or Standing.Rebooted);

    /// <summary>All have lost power: what a majority still holds stays durable, as nobody promised more.</summary>
    public void OnAllLostPower()
    {
        var kept = 0;
        while (kept < _durable.Count && Voters.Count(voter => voter.Log.Count > kept && voter.Log[kept] == _durable[kept].Record) >= group.Majority) kept++;
        _durable.RemoveRange(kept, _durable.Count - kept);
    }

    /// <summary>Whether the others can elect a primary without a node.</summary>
    public bool CanDoWithout(GroupNode node) =>
        !node.IsVoter || (_primaries.Count > 0 && Voters.Count(other => other != node && !other.IsAway && other.Saved.Standing == Standing.Full) >= group.Majority);

    public void Holds(bool condition, string promise)
    {
        if (condition) return;
        group.Trace($"BROKEN: {promise}");
        throw new PromiseBrokenException(promise);
    }

    public void OnSave(GroupNode node, Ballot ballot)
    {
        var before = node.Saved;
        Holds(ballot.Term >= before.Term, $"{node}'s term went back from {before.Term} to {ballot.Term}");
        Holds(
            ballot.Term > before.Term || before.VotedFor is null || before.VotedFor == ballot.VotedFor,
            $"{node} gave its vote of term {ballot.Term} to {before.VotedFor} and to {ballot.VotedFor}");
        Holds(before.Standing != Standing.Full || ballot.Standing == Standing.Full, $"{node} lost its standing");
    }

    public void OnPoll(GroupNode node, ElectionEffect.SendPoll poll, Standing standing)
    {
        if (poll.Kind is not (PollKind.Vote or PollKind.PreVote)) return;
        Holds(node.IsVoter, $"{node} stands and is no voter");
        Holds(standing == Standing.Full || group.Voters.Length == 1 || (poll.IsBootstrap && standing is Standing.New or Standing.Rebooted), $"{node} stands though it is {standing}");
        if (poll.Kind == PollKind.Vote) HasVoted(node, poll.Term, node.Name);
    }

    public void OnAnswer(GroupNode node, Poll poll, PollAnswer answer, Standing standing)
    {
        if (!answer.Granted || poll.Kind is not (PollKind.Vote or PollKind.PreVote)) return;
        Holds(node.IsVoter, $"{node} votes and is no voter");
        Holds(standing == Standing.Full || (poll.IsBootstrap && standing is Standing.New or Standing.Rebooted), $"{node} votes though it is {standing}");
        if (poll.Kind == PollKind.Vote) HasVoted(node, poll.Term, poll.Name);
    }

    public void OnPrimary(GroupNode node, Term term)
    {
        HasVoted(node, term, node.Name);
        Holds(!_primaries.ContainsKey(term), $"{node} is the second primary of term {term} after {_primaries.GetValueOrDefault(term).Node}");
        foreach (var other in group.Nodes)
            Holds(!other.HoldsLease || other.Election.Term > term, $"{node} is primary while {other} holds its lease");

        _primaries.Add(term, (node, [.. node.Log]));
        HasDurable(node, term, node.Log);
    }

    /// <summary>A primary has heard others.</summary>
    public void OnHeard(GroupNode node)
    {
        if (!node.HoldsLease) return;
        foreach (var other in group.Nodes)
            Holds(other == node || !other.HoldsLease, $"{node} and {other} both hold a lease");
    }

    /// <summary>A primary tells its clients that so many records will last.</summary>
    public void OnDurable(GroupNode node, int count)
    {
        var term = node.Election.Term;
        for (var i = 0; i < count; i++)
        {
            if (i == _durable.Count) _durable.Add((node.Log[i], term));
            else if (_durable[i].In > term) _durable[i] = (_durable[i].Record, term);
            Holds(_durable[i].Record == node.Log[i], $"record {i + 1} was durable as {_durable[i].Record} and is as {node.Log[i]}");
        }

        foreach (var (later, primary) in _primaries)
            if (later > term) HasDurable(primary.Node, later, primary.Log);
    }

    /// <summary>Some time after the faults are over.</summary>
    public void CheckPrimary() => Holds(group.Nodes.Any(node => node.IsPrimary), "there is no primary though a majority could elect one");

    /// <summary>Some more time after.</summary>
    public void CheckEnd()
    {
        CheckPrimary();
        var primary = group.Nodes.Single(node => node.IsPrimary);
        Holds(primary.IsStartDurable, $"nothing becomes durable under {primary}");
        foreach (var node in group.Nodes.Where(node => !node.IsAway))
        {
            Holds(node.Election.Primary == primary.Name, $"{node} does not follow {primary}");
            Holds(node.Election.Standing == Standing.Full, $"{node} is still {node.Election.Standing}");
        }
    }

    private IEnumerable<GroupNode> Voters => group.Nodes.Where(node => node.IsVoter);

    private void HasVoted(GroupNode node, Term term, string name) =>
        Holds(node.Saved.Term == term && node.Saved.VotedFor == name, $"{node} votes for {name} in term {term} and has only saved {InWords.Of(node.Saved)}");

    private void HasDurable(GroupNode node, Term term, IReadOnlyList<GroupRecord> log)
    {
        for (var i = 0; i < _durable.Count && _durable[i].In < term; i++)
            Holds(i < log.Count && log[i] == _durable[i].Record, $"{node}, primary of term {term}, lacks the durable record {i + 1}, {_durable[i].Record}");
    }
}

/// <summary>A group broke what it promises.</summary>
internal sealed class PromiseBrokenException(string promise) : Exception(promise);
