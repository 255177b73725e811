using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Elections;

/// <summary>
/// Who said yes to one round of polls. A majority carries it, of voters that take part. The others count only when every voter said yes: no record that was durable can
/// then be on a device of somebody who was not asked.
/// </summary>
internal sealed class Grants(string self)
{
    private readonly HashSet<string> _voters = [];
    private Roster _roster = Roster.OfVoters(self);
    private readonly HashSet<string> _others = [];
    private readonly HashSet<string> _heard = [];

    /// <summary>Whether a majority takes part and said yes.</summary>
    public bool IsMajority => _voters.Count >= _roster.Majority || (_voters.Contains(self) && _roster.IsSelfSufficient(self));

    /// <summary>Whether every voter said yes.</summary>
    public bool AreAll => _voters.Count + _others.Count == _roster.Voters.Length;

    /// <summary>The other voters from whom nothing was heard in this round.</summary>
    public IEnumerable<string> Silent => _roster.Voters.Where(voter => voter != self && !_heard.Contains(voter));

    /// <summary>A new round, in which this node has said yes to itself.</summary>
    /// <param name="own">How this node stands.</param>
    /// <param name="roster">Whose voters are asked.</param>
    public void Begin(Standing own, Roster roster)
    {
        Clear();
        _roster = roster;
        (own == Standing.Full ? _voters : _others).Add(self);
    }

    /// <summary>Another voter answered, whatever it said.</summary>
    public void Hear(string voter) => _heard.Add(voter);

    /// <summary>No round.</summary>
    public void Clear()
    {
        _voters.Clear();
        _others.Clear();
        _heard.Clear();
    }

    /// <summary>Another voter said yes; twice is once.</summary>
    public void Add(PollAnswer answer)
    {
        if (!_roster.IsVoter(answer.Name)) return;
        if (answer.Standing == Standing.Full)
        {
            _others.Remove(answer.Name);
            _voters.Add(answer.Name);
        }
        else if (!_voters.Contains(answer.Name))
        {
            _others.Add(answer.Name);
        }
    }
}
