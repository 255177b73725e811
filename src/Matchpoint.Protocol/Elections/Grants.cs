using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Elections;

/// <summary>
/// Who said yes to one round of polls. A majority carries it, of voters that take part. New voters count only when every voter said yes: no record that was durable can
/// then be on a device of somebody who was not asked.
/// </summary>
internal sealed class Grants(ElectionSettings settings)
{
    private readonly HashSet<string> _voters = [];
    private readonly HashSet<string> _newVoters = [];

    /// <summary>Whether a majority takes part and said yes.</summary>
    public bool IsMajority => _voters.Count >= settings.Majority;

    /// <summary>Whether every voter said yes.</summary>
    public bool AreAll => _voters.Count + _newVoters.Count == settings.Voters.Length;

    /// <summary>A new round, in which this node has said yes to itself.</summary>
    public void Begin()
    {
        Clear();
        _voters.Add(settings.Self);
    }

    /// <summary>No round.</summary>
    public void Clear()
    {
        _voters.Clear();
        _newVoters.Clear();
    }

    /// <summary>Another voter said yes; twice is once.</summary>
    public void Add(PollAnswer answer)
    {
        if (answer.Standing == Standing.Full)
        {
            _newVoters.Remove(answer.Name);
            _voters.Add(answer.Name);
        }
        else if (!_voters.Contains(answer.Name))
        {
            _newVoters.Add(answer.Name);
        }
    }
}
