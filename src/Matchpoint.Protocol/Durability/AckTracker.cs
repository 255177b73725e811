using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Durability;

/// <summary>How far the records of a reign have come.</summary>
/// <param name="AppendedByMajority">In the memory of a majority of the voters, or further.</param>
/// <param name="FlushedByMajority">On the devices of a majority.</param>
/// <param name="AppendedByAll">In the memory of all voters, or further.</param>
/// <param name="FlushedByAll">On the devices of all.</param>
internal readonly record struct AckLevels(Vlsn AppendedByMajority, Vlsn FlushedByMajority, Vlsn AppendedByAll, Vlsn FlushedByAll);

/// <summary>
/// Counts, on the primary, which records a majority of the voters hold: the durable VLSN. Records of earlier reigns are never counted by themselves,
/// only below a record of this reign
/// (Raft, figure 8): the reign's first record. Numbers rise, but when more voters are needed than before.
/// </summary>
internal sealed class AckTracker
{
    private readonly string _selfName;
    private readonly Vlsn _reignStart;
    private readonly Dictionary<string, (Vlsn Appended, Vlsn Flushed, TimeSpan Heard)> _others = new(StringComparer.Ordinal);
    private string[] _voters = [];
    private int _self;
    private bool _isSelfSufficient;
    private Vlsn _membersAt;
    private Vlsn[] _appended = [];
    private Vlsn[] _flushed = [];
    private TimeSpan[] _heard = [];
    private Vlsn[] _sorted = [];
    private TimeSpan[] _sortedTimes = [];
    private TimeSpan _followedAt;

    /// <summary>A reign begins.</summary>
    /// <param name="voters">The names of all voters.</param>
    /// <param name="self">The primary's name; it is a voter.</param>
    /// <param name="reignStart">The reign's first record.</param>
    /// <param name="now">The time.</param>
    /// <param name="membersAt">The record that says who votes; null where none does.</param>
    /// <param name="isSelfSufficient">Whether nobody can be elected without this primary.</param>
    public AckTracker(IReadOnlyList<string> voters, string self, Vlsn reignStart, TimeSpan now, Vlsn membersAt = default, bool isSelfSufficient = false)
    {
        _selfName = self;
        _reignStart = reignStart;
        Reconfigure(voters, membersAt, isSelfSufficient, now);
    }

    /// <summary>How far the records have come.</summary>
    public AckLevels Levels { get; private set; }

    /// <summary>When what a majority has answered was sent, or, if that is later, when the reign began: a primary that hears nobody has to leave some time after.</summary>
    public TimeSpan QuorumHeardAt { get; private set; }

    /// <summary>
    /// Whether no other primary can have been elected by now: a majority followed this one not long ago. Being elected is not enough: whoever voted may vote for
    /// another at once, until it has heard the primary.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="lease">How long those that have heard a primary certainly elect no other.</param>
    public bool HoldsLease(TimeSpan now, TimeSpan lease) => IsWithin(FollowedAt, now, lease);

    /// <summary>When what a majority has answered was sent; the lowest time of all while none has.</summary>
    public TimeSpan FollowedAt => _followedAt;

    /// <summary>Whether a lease that began then still holds.</summary>
    public static bool IsWithin(TimeSpan followedAt, TimeSpan now, TimeSpan lease) => followedAt != TimeSpan.MinValue && now - followedAt < lease;

    /// <summary>
    /// Others vote from here on: from before the record that says so is in the log, so that it is never counted by those of before. Levels may fall, where more are needed now;
    /// what was durable stays so.
    /// </summary>
    /// <param name="voters">The names of all voters.</param>
    /// <param name="membersAt">The record that says so; null where none does.</param>
    /// <param name="isSelfSufficient">Whether nobody can be elected without this primary.</param>
    /// <param name="now">The time: those who vote from here on have until some time after to be heard.</param>
    public void Reconfigure(IReadOnlyList<string> voters, Vlsn membersAt, bool isSelfSufficient, TimeSpan now)
    {
        for (var i = 0; i < _voters.Length; i++) _others[_voters[i]] = (_appended[i], _flushed[i], _heard[i]);
        _voters = [.. voters];
        _self = Array.IndexOf(_voters, _selfName);
        Invariant.Holds(_self >= 0, $"'{_selfName}' leads a group in which it is no voter.");
        (_isSelfSufficient, _membersAt) = (isSelfSufficient, membersAt);
        (_appended, _flushed, _heard) = (new Vlsn[_voters.Length], new Vlsn[_voters.Length], new TimeSpan[_voters.Length]);
        (_sorted, _sortedTimes) = (new Vlsn[_voters.Length], new TimeSpan[_voters.Length]);
        for (var i = 0; i < _voters.Length; i++)
            (_appended[i], _flushed[i], _heard[i]) = _others.Remove(_voters[i], out var known) ? known : (Vlsn.Null, Vlsn.Null, TimeSpan.MinValue);
        _followedAt = CountHeard();
        QuorumHeardAt = now;
        Recount();
    }

    /// <summary>The primary's own log has come so far.</summary>
    /// <returns>Whether any level has risen.</returns>
    public bool OnLocal(Vlsn appended, Vlsn flushed) => Set(_self, appended, flushed);

    /// <summary>A voter says how far it is.</summary>
    /// <param name="voter">Its name; others than voters are remembered, and do not count.</param>
    /// <param name="appended">The last record that it holds.</param>
    /// <param name="flushed">The last record on its device.</param>
    /// <param name="heardSentAt">When the newest message that it has heard was sent.</param>
    /// <returns>Whether any level has risen.</returns>
    public bool OnVoter(string voter, Vlsn appended, Vlsn flushed, TimeSpan heardSentAt)
    {
        var index = Array.IndexOf(_voters, voter);
        if (index == _self) return false;
        if (index < 0)
        {
            // It may become a voter.
            if (!_others.TryGetValue(voter, out var known))
            {
                if (_others.Count >= Membership.Roster.Most) return false;
                known = (Vlsn.Null, Vlsn.Null, TimeSpan.MinValue);
            }

            _others[voter] = (Vlsn.Max(known.Appended, appended), Vlsn.Max(known.Flushed, flushed), heardSentAt > known.Heard ? heardSentAt : known.Heard);
            return false;
        }

        if (heardSentAt > _heard[index])
        {
            _heard[index] = heardSentAt;
            NoteHeard();
        }

        return Set(index, appended, flushed);
    }

    private bool Set(int index, Vlsn appended, Vlsn flushed)
    {
        if (appended <= _appended[index] && flushed <= _flushed[index]) return false;
        _appended[index] = Vlsn.Max(_appended[index], appended);
        _flushed[index] = Vlsn.Max(_flushed[index], flushed);
        var before = Levels;
        Recount();
        return Levels != before;
    }

    private void Recount()
    {
        var (appendedByMajority, appendedByAll) = Count(_appended);
        var (flushedByMajority, flushedByAll) = Count(_flushed);
        // Were the primary to lose the record that says who votes, it could lead by the members of before: by itself, where it was alone. What only those of now hold would go.
        if (_flushed[_self] < _membersAt) appendedByMajority = Vlsn.Min(appendedByMajority, OfThisReign(_membersAt.Previous));
        Levels = new AckLevels(appendedByMajority, flushedByMajority, appendedByAll, flushedByAll);
    }

    private void NoteHeard()
    {
        _followedAt = CountHeard();
        if (_followedAt > QuorumHeardAt && _followedAt != TimeSpan.MaxValue) QuorumHeardAt = _followedAt;
    }

    private (Vlsn Majority, Vlsn All) Count(Vlsn[] positions)
    {
        positions.CopyTo(_sorted, 0);
        Array.Sort(_sorted);
        return (OfThisReign(_sorted[(_sorted.Length - 1) / 2]), OfThisReign(_sorted[0]));
    }

    private Vlsn OfThisReign(Vlsn vlsn) => vlsn >= _reignStart ? vlsn : Vlsn.Null;

    /// <summary>The primary itself always counts as heard now: the majority is completed by the others.</summary>
    private TimeSpan CountHeard()
    {
        if (_isSelfSufficient) return TimeSpan.MaxValue;
        _heard.CopyTo(_sortedTimes, 0);
        _sortedTimes[_self] = TimeSpan.MaxValue;
        Array.Sort(_sortedTimes);
        return _sortedTimes[(_sortedTimes.Length - 1) / 2];
    }
}
