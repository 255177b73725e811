using Matchpoint.Protocol.Durability;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Node;

/// <summary>How far the records are: here, on the replicas, and so in the group. Whoever waits for them to get somewhere is woken here.</summary>
/// <param name="clock">The node's clock.</param>
internal sealed class Progress(NodeClock clock)
{
    private const int Pooled = 1024;

    private readonly Lock _gate = new();
    private AckTracker? _tracker;
    private Term _reign;
    private Vlsn _written;
    private Vlsn _flushed;
    private long _durable;
    private long _quorumHeardAt = -1;
    private long _followedAt = TimeSpan.MinValue.Ticks;
    private ProgressWaiter? _waiting;
    private ProgressWaiter? _pool;
    private int _pooled;
    private bool _hasEnded;

    /// <summary>
    /// The highest record known to be durable. It never falls. It is a sync point: a replica whose log ends within a transaction gives up its last pieces when it comes back, so that pieces
    /// by themselves are never safe, however many hold them.
    /// </summary>
    public Vlsn Durable => Vlsn.Null.Plus(Volatile.Read(ref _durable));

    /// <summary>Whether records count as durable that a majority holds unflushed: the group's choice, and of a node by itself another than of one among several.</summary>
    public bool CountsUnflushed { get; set; }

    /// <summary>Lowers a record of the own log to a sync point.</summary>
    public Func<Vlsn, Vlsn> ToSyncPoint { get; init; } = static vlsn => vlsn;

    /// <summary>Called when more is durable: outside the lock, from whichever thread brought it.</summary>
    public Action? DurableMoved { get; set; }

    /// <summary>When what a majority has answered was sent; now where this node leads nobody.</summary>
    public TimeSpan QuorumHeardAt => ReignHeardAt ?? clock.Now;

    /// <summary>When what a majority has answered was sent; null where this node leads nobody.</summary>
    public TimeSpan? ReignHeardAt => Volatile.Read(ref _quorumHeardAt) is >= 0 and var ticks ? TimeSpan.FromTicks(ticks) : null;

    /// <summary>Whether a majority followed this primary so lately that nobody else can have been elected.</summary>
    public bool HoldsLease(TimeSpan now, TimeSpan lease) => AckTracker.IsWithin(TimeSpan.FromTicks(Volatile.Read(ref _followedAt)), now, lease);

    /// <summary>How far the records of the reign are; nothing outside a reign.</summary>
    public AckLevels Levels
    {
        get { lock (_gate) return _tracker?.Levels ?? default; }
    }

    /// <summary>A reign of this node begins: from now on acknowledgements are counted.</summary>
    /// <param name="reign">Its term.</param>
    /// <param name="tracker">Counts them.</param>
    public void BeginReign(Term reign, AckTracker tracker)
    {
        ProgressWaiter? reached;
        bool isMore;
        lock (_gate)
        {
            (_tracker, _reign) = (tracker, reign);
            Volatile.Write(ref _quorumHeardAt, tracker.QuorumHeardAt.Ticks);
            Volatile.Write(ref _followedAt, tracker.FollowedAt.Ticks);
            tracker.OnLocal(_written, _flushed);
            (reached, isMore) = Advance_Locked();
        }

        if (isMore) DurableMoved?.Invoke();
        CompleteAll(reached, WaitResult.Reached);
    }

    /// <summary>Others vote from here on, if this node leads at all.</summary>
    public void Reconfigure(IReadOnlyList<string> voters, Vlsn membersAt, bool isSelfSufficient, bool countsUnflushed)
    {
        ProgressWaiter? reached;
        bool isMore;
        lock (_gate)
        {
            CountsUnflushed = countsUnflushed;
            if (_tracker is null) return;
            _tracker.Reconfigure(voters, membersAt, isSelfSufficient, clock.Now);
            Volatile.Write(ref _quorumHeardAt, _tracker.QuorumHeardAt.Ticks);
            Volatile.Write(ref _followedAt, _tracker.FollowedAt.Ticks);
            (reached, isMore) = Advance_Locked();
        }

        if (isMore) DurableMoved?.Invoke();
        CompleteAll(reached, WaitResult.Reached);
    }

    /// <summary>The reign ends: whoever waited for its acknowledgements waits in vain.</summary>
    public void EndReign()
    {
        ProgressWaiter? ended;
        lock (_gate)
        {
            _tracker = null;
            Volatile.Write(ref _quorumHeardAt, -1);
            Volatile.Write(ref _followedAt, TimeSpan.MinValue.Ticks);
            ended = Take_Locked(static (waiter, _) => !waiter.Goal.IsDurable, 0);
        }

        CompleteAll(ended, WaitResult.Ended);
    }

    /// <summary>The node ends: nobody waits any longer.</summary>
    public void EndAll()
    {
        ProgressWaiter? ended;
        lock (_gate)
        {
            _hasEnded = true;
            ended = Take_Locked(static (_, _) => true, 0);
        }

        CompleteAll(ended, WaitResult.Ended);
    }

    /// <summary>The own log has come so far.</summary>
    public void OnLocal(Vlsn written, Vlsn flushed)
    {
        ProgressWaiter? reached;
        bool isMore;
        lock (_gate)
        {
            (_written, _flushed) = (written, flushed);
            _tracker?.OnLocal(written, flushed);
            (reached, isMore) = Advance_Locked();
        }

        if (isMore) DurableMoved?.Invoke();
        CompleteAll(reached, WaitResult.Reached);
    }

    /// <summary>A voter acknowledged.</summary>
    /// <param name="reign">The reign whose records it holds: in another they say nothing.</param>
    /// <param name="voter">Its name.</param>
    /// <param name="appended">The last record that it holds.</param>
    /// <param name="flushed">The last record on its device.</param>
    /// <param name="heardSentAt">When the newest message that it has heard was sent.</param>
    public void OnVoter(Term reign, string voter, Vlsn appended, Vlsn flushed, TimeSpan heardSentAt)
    {
        ProgressWaiter? reached;
        bool isMore;
        lock (_gate)
        {
            if (_tracker is null || reign != _reign) return;
            var hasRisen = _tracker.OnVoter(voter, appended, flushed, heardSentAt);
            Volatile.Write(ref _quorumHeardAt, _tracker.QuorumHeardAt.Ticks);
            Volatile.Write(ref _followedAt, _tracker.FollowedAt.Ticks);
            if (!hasRisen) return;
            (reached, isMore) = Advance_Locked();
        }

        if (isMore) DurableMoved?.Invoke();
        CompleteAll(reached, WaitResult.Reached);
    }

    /// <summary>A feeder said, or the log remembers, what is durable.</summary>
    public void OnDurable(Vlsn durable)
    {
        ProgressWaiter? reached;
        lock (_gate)
        {
            durable = ToSyncPoint(durable);
            if (durable <= Durable) return;
            Volatile.Write(ref _durable, durable.DistanceFrom(Vlsn.Null));
            reached = TakeReached_Locked();
        }

        DurableMoved?.Invoke();
        CompleteAll(reached, WaitResult.Reached);
    }

    /// <summary>Gives up the waits whose deadline has come.</summary>
    public void Sweep()
    {
        if (Volatile.Read(ref _waiting) is null) return;
        ProgressWaiter? late;
        lock (_gate) late = Take_Locked(static (waiter, now) => waiter.Deadline <= now, clock.Now);
        CompleteAll(late, WaitResult.TimedOut);
    }

    /// <summary>Waits until a record has come so far.</summary>
    public ValueTask<WaitResult> WaitAsync(Goal goal, Vlsn target, TimeSpan timeout, CancellationToken cancellation)
    {
        ProgressWaiter waiter;
        lock (_gate)
        {
            if (goal.Reached(_tracker?.Levels ?? default, _written, _flushed, Durable) >= target) return ValueTask.FromResult(WaitResult.Reached);
            if (_hasEnded || (!goal.IsDurable && _tracker is null)) return ValueTask.FromResult(WaitResult.Ended);
            waiter = _pool ?? new ProgressWaiter(this);
            if (_pool is not null)
            {
                _pool = waiter.Next;
                _pooled--;
            }

            waiter.Goal = goal;
            waiter.Target = target;
            waiter.Deadline = clock.Now + timeout;
            waiter.Next = _waiting;
            _waiting = waiter;
        }

        var task = waiter.Task;
        waiter.Watch(cancellation);
        return task;
    }

    /// <summary>Takes out one wait; false when it is over already.</summary>
    public bool Remove(ProgressWaiter waiter)
    {
        lock (_gate)
        {
            ProgressWaiter? previous = null;
            for (var at = _waiting; at is not null; previous = at, at = at.Next)
            {
                if (at != waiter) continue;
                if (previous is null) _waiting = at.Next;
                else previous.Next = at.Next;
                at.Next = null;
                return true;
            }

            return false;
        }
    }

    /// <summary>Gives a spent waiter back.</summary>
    public void Return(ProgressWaiter waiter)
    {
        lock (_gate)
        {
            if (_pooled >= Pooled) return;
            waiter.Next = _pool;
            _pool = waiter;
            _pooled++;
        }
    }

    private (ProgressWaiter? Reached, bool IsMoreDurable) Advance_Locked()
    {
        var levels = _tracker?.Levels ?? default;
        var durable = CountsUnflushed ? levels.AppendedByMajority : levels.FlushedByMajority;
        if (durable > Durable) durable = ToSyncPoint(durable);
        var isMore = durable > Durable;
        if (isMore) Volatile.Write(ref _durable, durable.DistanceFrom(Vlsn.Null));
        return (TakeReached_Locked(), isMore);
    }

    private ProgressWaiter? TakeReached_Locked() =>
        _waiting is null
            ? null
            : Take_Locked(
                static (waiter, at) => waiter.Goal.Reached(at.Levels, at.Written, at.Flushed, at.Durable) >= waiter.Target,
                (Levels: _tracker?.Levels ?? default, Written: _written, Flushed: _flushed, Durable));

    private ProgressWaiter? Take_Locked<TState>(Func<ProgressWaiter, TState, bool> isOver, TState state)
    {
        ProgressWaiter? taken = null;
        ProgressWaiter? kept = null;
        ProgressWaiter? lastKept = null;
        for (var waiter = _waiting; waiter is not null;)
        {
            var next = waiter.Next;
            waiter.Next = null;
            if (isOver(waiter, state))
            {
                waiter.Next = taken; // Newest first turns into oldest first.
                taken = waiter;
            }
            else
            {
                if (lastKept is null) kept = waiter;
                else lastKept.Next = waiter;
                lastKept = waiter;
            }

            waiter = next;
        }

        _waiting = kept;
        return taken;
    }

    private static void CompleteAll(ProgressWaiter? waiters, WaitResult result)
    {
        while (waiters is not null)
        {
            var next = waiters.Next; // Once completed, a waiter may be used again at any moment.
            waiters.Next = null;
            waiters.Complete(result);
            waiters = next;
        }
    }
}
