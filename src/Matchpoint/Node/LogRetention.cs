using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Node;

/// <summary>
/// Lets go of the log's head by what the members need of it. The primary knows what each holds on its device, from what it acknowledged in this reign; one that has said nothing is taken to need
/// all that was kept when the reign began. Whoever fetches a full copy needs what comes behind the copy. A replica knows nothing of the others, and keeps what the budget allows: it may be
/// the next primary. Guarantee: nothing that a hold was granted for goes, until the hold has ended or <see cref="RetentionOptions.HoldBytes"/> are kept.
/// </summary>
internal sealed class LogRetention : IDisposable
{
    /// <summary>How long what a fetching member needs is kept without a word from it: it may be opening its copy, or have lost its connection.</summary>
    public static readonly TimeSpan HoldSilence = TimeSpan.FromMinutes(5);

    private const long LeastReserve = 256L * 1024 * 1024;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly RecordLog _log;
    private readonly IState _state;
    private readonly Members _members;
    private readonly Feeders _feeders;
    private readonly NodeClock _clock;
    private readonly RetentionOptions _options;
    private readonly RetentionWarnings _warnings;
    private readonly LogGrowth _growth = new();
    private readonly Action<Exception> _fail;
    private readonly ITimer _timer;

    /// <summary>One decision at a time, its removal included: a hold is granted before one or behind it.</summary>
    private readonly Lock _deciding = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Vlsn> _holds = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Vlsn Before, TimeSpan Until)> _fetching = new(StringComparer.Ordinal);
    private readonly HashSet<string> _fallen = new(StringComparer.Ordinal);
    private Term _reign;
    private Term _shown;
    private bool _isDisposed;

    /// <summary>Begins to look at the log's head, now and then and whenever <see cref="Trim"/> is called.</summary>
    public LogRetention(RecordLog log, IState state, Members members, Feeders feeders, NodeClock clock, RetentionOptions options, StatusBoard board, Action<Exception> fail)
    {
        _log = log;
        _state = state;
        _members = members;
        _feeders = feeders;
        _clock = clock;
        _options = options;
        _warnings = new RetentionWarnings(board, clock);
        _fail = fail;
        feeders.Acknowledged = OnAcknowledged;
        _timer = clock.Time.CreateTimer(static self => ((LogRetention)self!).Trim(), this, Interval, Interval);
    }

    /// <summary>So many bytes of log a transaction's first piece may lie below its commit.</summary>
    public long OpenBytes => _options.OpenBytes;

    /// <summary>
    /// What a node's options amount to. A transaction may be open over four times what the largest takes, which is never more than the log may be. Every member must keep what the primary lets it be
    /// open over: the options of all say the same.
    /// </summary>
    public static RetentionOptions BudgetOf(MatchpointOptions options, LogOptions log)
    {
        var budget = Math.Max(options.LogKeepBytes, options.MaxTailBytes + log.SegmentBytes);
        return new RetentionOptions
        {
            KeepBytes = Math.Min(Math.Max(LeastReserve, options.MaxTailBytes), options.LogKeepBytes),
            BudgetBytes = budget,
            BudgetAge = options.LogKeepTime,
            HoldBytes = 2 * budget,
            OpenBytes = options.MaxTailBytes,
        };
    }

    /// <summary>
    /// Keeps the log for a member that fetches a full copy, until it streams, or asks for less, or says nothing for <see cref="HoldSilence"/>. A member has one hold.
    /// </summary>
    /// <param name="member">The member.</param>
    /// <param name="from">The first record that it will need; null when it does not know yet: then all that is kept now.</param>
    /// <returns>The first record that is kept for it: one above <paramref name="from"/> when that is gone.</returns>
    public Vlsn Hold(string member, Vlsn from)
    {
        lock (_deciding)
        {
            var first = First();
            var before = first.IsNull ? Vlsn.Null : first.Previous;
            if (!from.IsNull) before = Vlsn.Max(before, from.Previous);
            IsPrimary_Deciding();
            lock (_gate) _fetching[member] = (before, _clock.Now + HoldSilence);
            return before.Next;
        }
    }

    /// <summary>The other members with data, in the order in which one that needs a copy should ask them: those that are fed, least behind first, then this one, then those that are not.</summary>
    public IEnumerable<string> Donors(string asker)
    {
        const long step = 16 * 1024 * 1024;
        // In coarse steps, by name within one: whoever comes back asks the donor again whose picture it has a part of.
        var byLag = _feeders.Status().Where(member => member.Name != asker && member.Kind != MemberKind.Arbiter)
            .OrderBy(member => member.LagBytes / step).ThenBy(member => member.Name, StringComparer.Ordinal).ToList();
        return [.. byLag.Where(static member => member.IsConnected).Select(static member => member.Name), _members.Self,
            .. byLag.Where(static member => !member.IsConnected).Select(static member => member.Name)];
    }

    /// <summary>Removes what nobody needs, and what is over the budget; says who is about to fall off. When a decision is under way, the next one has its turn soon.</summary>
    public void Trim()
    {
        if (!_deciding.TryEnter()) return;
        try
        {
            if (!_isDisposed) Trim_Deciding();
        }
        catch (Exception error)
        {
            _isDisposed = true;
            _fail(error);
        }
        finally
        {
            _deciding.Exit();
        }
    }

    /// <summary>Removes nothing any more.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_deciding) _isDisposed = true;
    }

    private void OnAcknowledged(string member, Term reign, Vlsn flushed)
    {
        lock (_gate)
        {
            if (reign < _reign) return; // Said of records that the log may no longer have.
            if (reign > _reign) BeginReign_Locked(reign);
            _holds[member] = flushed;
            if (_fetching.Count > 0) _fetching.Remove(member);
            if (_fallen.Count > 0) _fallen.Remove(member);
        }
    }

    private void Trim_Deciding()
    {
        var options = _options with { HoldBytes = _options.HoldBytes + _state.Bytes };
        List<(Protocol.Records.LogPosition Before, SegmentTotals Totals)> segments;
        Vlsn first;
        using (var view = _log.View())
        {
            segments = [.. view.Segments.Select(static segment => (segment.Before, segment.Totals))];
            first = view.First;
        }

        if (segments.Count > 0) _growth.Note(_clock.Now, segments[^1].Totals.Position.End);
        var isPrimary = IsPrimary_Deciding();
        var needs = isPrimary ? Needs(first) : [.. _members.Others.Select(static name => new MemberNeed(name, Vlsn.Null))];
        var plan = RetentionPlan.Decide(segments, _state.Flushed.Vlsn, needs, options, (long)(_clock.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMicroseconds);
        if (!plan.RemoveUpTo.IsNull && plan.RemoveUpTo >= first && _log.RemoveUpTo(plan.RemoveUpTo) > 0) first = First();
        if (!isPrimary) return;
        _warnings.Show([.. plan.Warnings.Select(warning => warning with { TimeLeft = TimeLeft(warning, options) })], needs);
        foreach (var need in needs.Where(need => !first.IsNull && need.Holds.Next < first && !_feeders.IsFed(need.Name)))
        {
            lock (_gate)
            {
                _fallen.Add(need.Name);
                _fetching.Remove(need.Name);
            }

            _warnings.FellOff(need, first, options);
        }
    }

    /// <summary>By the bytes at the rate of now, which is nearer than that of the whole backlog; by age as it was decided, if that is sooner.</summary>
    private TimeSpan? TimeLeft(in FallingOff warning, RetentionOptions options)
    {
        var byBytes = _growth.TimeFor(warning.BytesLeft);
        return options.BudgetAge is not null && (byBytes is null || warning.TimeLeft < byBytes) ? warning.TimeLeft : byBytes;
    }

    /// <summary>Whether this node is the primary; when its reign is a new one, nothing is known of the members yet.</summary>
    private bool IsPrimary_Deciding()
    {
        var role = _feeders.Role;
        lock (_gate)
        {
            if (role.IsPrimary && role.Term > _reign) BeginReign_Locked(role.Term);
            if (role.IsPrimary && _shown == _reign) return true;
            _shown = role.IsPrimary ? _reign : Term.None;
        }

        _warnings.Clear();
        return role.IsPrimary;
    }

    /// <summary>What members said to an earlier primary, this node or another, may have been undone since.</summary>
    private void BeginReign_Locked(Term reign)
    {
        _reign = reign;
        _holds.Clear();
        _fetching.Clear();
        _fallen.Clear();
    }

    private List<MemberNeed> Needs(Vlsn first)
    {
        var needs = new List<MemberNeed>();
        var now = _clock.Now;
        foreach (var name in _members.Others)
        {
            lock (_gate)
            {
                if (_fetching.TryGetValue(name, out var hold) && hold.Until > now) needs.Add(new MemberNeed(name, hold.Before, IsFetching: true));
                else if (!_fallen.Contains(name))
                {
                    _fetching.Remove(name);
                    // Of whom nothing is known needs everything that is kept at this moment.
                    if (!_holds.TryGetValue(name, out var holds)) _holds[name] = holds = first.IsNull ? Vlsn.Null : first.Previous;
                    needs.Add(new MemberNeed(name, holds));
                }
            }
        }

        return needs;
    }

    private Vlsn First()
    {
        using var view = _log.View();
        return view.First;
    }
}
