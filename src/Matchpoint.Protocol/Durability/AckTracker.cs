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
/// (Raft, figure 8): the reign's first record. Numbers only rise.
/// </summary>
internal sealed class AckTracker
{
    private readonly string[] _voters;
    private readonly int _self;
    private readonly Vlsn _reignStart;
    private readonly Vlsn[] _appended;
    private readonly Vlsn[] _flushed;
    private readonly TimeSpan[] _heard;
    private readonly Vlsn[] _sorted;
    private readonly TimeSpan[] _sortedTimes;
    private TimeSpan _followedAt;

    /// <summary>A reign begins.</summary>
    /// <param name="voters">The names of all voters.</param>
    /// <param name="self">The primary's name; it is a voter.</param>
    /// <param name="reignStart">The reign's first record.</param>
    /// <param name="now">The time.</param>
    public AckTracker(IReadOnlyList<string> voters, string self, Vlsn reignStart, TimeSpan now)
    {
        _voters = [.. voters];
        _self = Array.IndexOf(_voters, self);
        Invariant.Holds(_self >= 0, $"'{self}' leads a group in which it is no voter.");
        _reignStart = reignStart;
        _appended = new Vlsn[_voters.Length];
        _flushed = new Vlsn[_voters.Length];
        _heard = new TimeSpan[_voters.Length];
        _sorted = new Vlsn[_voters.Length];
        _sortedTimes = new TimeSpan[_voters.Length];
        Array.Fill(_heard, TimeSpan.MinValue);
        _followedAt = CountHeard();
        QuorumHeardAt = now;
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
    public bool HoldsLease(TimeSpan now, TimeSpan lease) => _voters.Length == 1 || IsWithin(FollowedAt, now, lease);

    /// <summary>When what a majority has answered was sent; the lowest time of all while none has.</summary>
    public TimeSpan FollowedAt => _followedAt;

    /// <summary>Whether a lease that began then still holds.</summary>
    public static bool IsWithin(TimeSpan followedAt, TimeSpan now, TimeSpan lease) => followedAt != TimeSpan.MinValue && now - followedAt < lease;

    /// <summary>The primary's own log has come so far.</summary>
    /// <returns>Whether any level has risen.</returns>
    public bool OnLocal(Vlsn appended, Vlsn flushed) => Set(_self, appended, flushed);

    /// <summary>A voter says how far it is.</summary>
    /// <param name="voter">Its name; others than voters do not count.</param>
    /// <param name="appended">The last record that it holds.</param>
    /// <param name="flushed">The last record on its device.</param>
    /// <param name="heardSentAt">When the newest message that it has heard was sent.</param>
    /// <returns>Whether any level has risen.</returns>
    public bool OnVoter(string voter, Vlsn appended, Vlsn flushed, TimeSpan heardSentAt)
    {
        var index = Array.IndexOf(_voters, voter);
        if (index < 0 || index == _self) return false;
        if (heardSentAt > _heard[index])
        {
            _heard[index] = heardSentAt;
            _followedAt = CountHeard();
            if (_followedAt > QuorumHeardAt) QuorumHeardAt = _followedAt;
        }

        return Set(index, appended, flushed);
    }

    private bool Set(int index, Vlsn appended, Vlsn flushed)
    {
        if (appended <= _appended[index] && flushed <= _flushed[index]) return false;
        _appended[index] = Vlsn.Max(_appended[index], appended);
        _flushed[index] = Vlsn.Max(_flushed[index], flushed);
        var before = Levels;
        var (appendedByMajority, appendedByAll) = Count(_appended);
        var (flushedByMajority, flushedByAll) = Count(_flushed);
        Levels = new AckLevels(appendedByMajority, flushedByMajority, appendedByAll, flushedByAll);
        return Levels != before;
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
        _heard.CopyTo(_sortedTimes, 0);
        _sortedTimes[_self] = TimeSpan.MaxValue;
        Array.Sort(_sortedTimes);
        return _sortedTimes[(_sortedTimes.Length - 1) / 2];
    }
}
