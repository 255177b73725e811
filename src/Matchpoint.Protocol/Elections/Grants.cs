using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Elections;

/// <summary>
/// Who said yes to one round of polls. A majority carries it, of voters that take part. The others count only when every voter said yes: no record that was durable can
/// then be on a device of somebody who was not asked.
/// </summary>
internal sealed class Grants(ElectionSettings settings)
{
    private readonly HashSet<string> _voters = [];
    private readonly HashSet<string> _others = [];
    private readonly HashSet<string> _heard = [];

    /// <summary>Whether a majority takes part and said yes.</summary>
    public bool IsMajority => _voters.Count >= settings.Majority;

    /// <summary>Whether every voter said yes.</summary>
    public bool AreAll => _voters.Count + _others.Count == settings.Voters.Length;

    /// <summary>The other voters from whom nothing was heard in this round.</summary>
    public IEnumerable<string> Silent => settings.Voters.Where(voter => voter != settings.Self && !_heard.Contains(voter));

    /// <summary>A new round, in which this node has said yes to itself.</summary>
    /// <param name="own">How this node stands.</param>
    public void Begin(Standing own)
    {
        Clear();
        (own == Standing.Full ? _voters : _others).Add(settings.Self);
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
