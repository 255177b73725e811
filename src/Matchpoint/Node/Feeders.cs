using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Log;
using Matchpoint.Streaming;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>As what a node feeds others.</summary>
/// <param name="Term">The term as whose primary it is confirmed, itself or through its own feeder; none when it feeds nobody.</param>
/// <param name="IsPrimary">Whether it is the primary itself.</param>
internal readonly record struct FeedingRole(Term Term, bool IsPrimary);

/// <summary>The replicas that this node feeds: who is let in, who is connected, how far each is.</summary>
internal sealed class Feeders(
    RecordLog log, Progress progress, Members members, SyncupPeer self, NodeClock clock, TimeSpan heartbeatInterval) : IFeedHost, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LiveFeed> _feeds = new(StringComparer.Ordinal);
    private volatile LiveFeed[] _live = [];
    private CancellationTokenSource _epoch = new();
    private readonly Dictionary<string, TimeSpan> _leftAt = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Acknowledge Said, TimeSpan At)> _relayed = new(StringComparer.Ordinal);
    private FeedingRole _role;
    private TimeSpan _roleSince;

    /// <inheritdoc/>
    public TimeProvider Time => clock.Time;

    /// <inheritdoc/>
    public Vlsn Durable => progress.Durable;

    /// <inheritdoc/>
    public TimeSpan HeartbeatInterval => heartbeatInterval;

    /// <summary>As what this node feeds others.</summary>
    public FeedingRole Role
    {
        get { lock (_gate) return _role; }
    }

    /// <summary>What this node last heard of the primary's clock; 0 where it heard nothing.</summary>
    public Func<long> UpstreamStamp { get; set; } = static () => 0;

    /// <summary>Passes on what a replica said to this node's own feeder. The roles are held meanwhile.</summary>
    public Action<string, Acknowledge> Relay { get; set; } = static (_, _) => { };

    /// <summary>Hears, on the primary of a term, what a member has on its device.</summary>
    public Action<string, Term, Vlsn> Acknowledged { get; set; } = static (_, _, _) => { };

    /// <summary>Why nobody is fed, for whoever asks.</summary>
    public Func<string> WhyNot { get; set; } = static () => "this node is not the primary";

    /// <inheritdoc/>
    public long? HeartbeatStamp
    {
        get
        {
            if (_role.IsPrimary) return clock.Now.Ticks;
            var stamp = UpstreamStamp();
            return stamp == 0 ? null : stamp;
        }
    }

    /// <summary>This node's role has changed: whoever was fed in the old one is sent away.</summary>
    public void ChangeRole(FeedingRole role)
    {
        CancellationTokenSource ended;
        LiveFeed[] feeds;
        lock (_gate)
        {
            if (_role == role) return;
            (_role, _roleSince) = (role, clock.Now);
            _leftAt.Clear();
            _relayed.Clear();
            ended = _epoch;
            _epoch = new CancellationTokenSource();
            feeds = [.. _feeds.Values];
        }

        foreach (var feed in feeds) feed.Stop();
        ended.Cancel();
        ended.Dispose();
    }

    /// <summary>Sends everybody away.</summary>
    public void Dispose()
    {
        ChangeRole(default);
        _epoch.Dispose();
    }

    /// <summary>Whether a replica is fed now.</summary>
    public bool IsFed(string name)
    {
        lock (_gate) return _feeds.ContainsKey(name);
    }

    /// <summary>Whether a name belongs to another node that is connected, or an id to one of another name.</summary>
    public bool IsTaken(string name, NodeId node)
    {
        lock (_gate) return (_feeds.TryGetValue(name, out var feed) && feed.Node != node) || TwinOf(name, node) is not null;
    }

    /// <summary>Serves one replica, from its hello until it leaves.</summary>
    public async Task ServeAsync(Channel channel, ushort version, CancellationToken stopping)
    {
        FeedingRole role;
        CancellationTokenSource linked;
        lock (_gate)
        {
            role = _role;
            linked = CancellationTokenSource.CreateLinkedTokenSource(stopping, _epoch.Token);
        }

        using (linked)
        {
            var session = new FeederSession(channel, version, log, self, role.Term, NoObserver.Instance)
            {
                Admit = hello => Admission.Refuse(channel, hello.Name) ?? Admit(hello, role),
                Stream = (feed, cancellation) => new LiveFeed(feed, this, role.Term).RunAsync(cancellation),
            };
            try
            {
                await session.RunAsync(linked.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
            {
                // The role changed: the replica was told, and finds its new feeder.
            }
            catch (ChannelClosedException)
            {
                // A replica left. That is no failure of this node; the replica comes back or is missed in the status.
            }
        }
    }

    /// <summary>The log has grown.</summary>
    public void OnLogMoved()
    {
        // Not under the lock: the feeds go on from here.
        foreach (var feed in _live) feed.Wake();
    }

    /// <summary>More is durable.</summary>
    public void OnDurableMoved()
    {
        foreach (var feed in _live) feed.WakeSoon();
    }

    /// <summary>How long this node has been what it is now.</summary>
    public TimeSpan RoleAge
    {
        get { lock (_gate) return clock.Now - _roleSince; }
    }

    /// <summary>How the other members are, for whoever decides about them.</summary>
    public IReadOnlyList<MemberFacts> Facts()
    {
        var now = clock.Now;
        var facts = new List<MemberFacts>();
        foreach (var name in members.Others)
        {
            LiveFeed? feed;
            TimeSpan leftAt;
            (Acknowledge Said, TimeSpan At) relayed;
            lock (_gate)
            {
                _relayed.TryGetValue(name, out relayed);
                _feeds.TryGetValue(name, out feed);
                if (feed?.Reign != _role.Term) feed = null; // One of an earlier role, about to end.
                if (!_leftAt.TryGetValue(name, out leftAt)) leftAt = _roleSince;
            }

            if (feed is null && relayed.At > leftAt)
            {
                // It is fed by another replica.
                facts.Add(new MemberFacts(name, IsFed: true, relayed.Said.Counts, relayed.Said.Flushed, now - relayed.At));
                continue;
            }

            if (feed is null)
            {
                facts.Add(new MemberFacts(name, IsFed: false, TakesPart: false, Vlsn.Null, now - leftAt));
                continue;
            }

            var (said, since, _, _) = feed.Status;
            facts.Add(new MemberFacts(name, IsFed: true, said.Counts, said.Flushed, since));
        }

        return facts;
    }

    /// <summary>Sends away whom the members no longer hold for one of theirs, once it has the record that says so.</summary>
    /// <param name="rosterAt">That record.</param>
    public void DismissStrangers(Vlsn rosterAt)
    {
        foreach (var feed in _live)
        {
            if (!members.Contains(feed.Replica) && feed.Status.Progress.Flushed >= rosterAt) feed.Stop();
        }
    }

    /// <summary>How the members are, as far as this node knows.</summary>
    public IReadOnlyList<MemberStatus> Status()
    {
        var end = log.Appended;
        var statuses = new List<MemberStatus>();
        foreach (var name in members.Others)
        {
            LiveFeed? feed;
            lock (_gate) _feeds.TryGetValue(name, out feed);
            var address = members.TryAddressOf(name)?.ToString() ?? "";
            var known = members.Roster.Find(name);
            if (feed is null)
            {
                statuses.Add(Describe(new MemberStatus(name, address, IsConnected: false, 0, 0, 0, 0, 0, 0, SinceHeard: null), known));
                continue;
            }

            var (said, since, sent, buffered) = feed.Status;
            statuses.Add(Describe(new MemberStatus(
                name, address, IsConnected: true, Number(said.Appended), Number(said.Flushed), Number(said.Applied), end.Vlsn.DistanceFrom(said.Appended),
                end.End.DistanceFrom(sent.End), buffered, since), known));
        }

        return statuses;
    }

    /// <inheritdoc/>
    public void Begin(LiveFeed feed)
    {
        LiveFeed? replaced;
        lock (_gate)
        {
            _feeds.TryGetValue(feed.Replica, out replaced);
            _feeds[feed.Replica] = feed;
            _live = [.. _feeds.Values];
        }

        replaced?.Stop();
    }

    /// <inheritdoc/>
    public void OnAcknowledge(Term reign, string replica, in Acknowledge said)
    {
        lock (_gate)
        {
            // Said in an earlier role, heard in this one: it holds the records of that reign, and others may have their numbers by now.
            if (_role.Term != reign) return;
            if (!_role.IsPrimary)
            {
                Relay(replica, said); // Here: before this role ends, nothing is fetched from another primary.
                return;
            }

            if (!_feeds.ContainsKey(replica) && members.Contains(replica)) _relayed[replica] = (said, clock.Now);
        }

        Acknowledged(replica, reign, said.Flushed);
        var heardAt = TimeSpan.FromTicks(said.Heard);
        if (said.Counts && heardAt <= clock.Now) progress.OnVoter(reign, replica, said.Appended, said.Flushed, heardAt);
    }

    /// <inheritdoc/>
    public void End(LiveFeed feed)
    {
        lock (_gate)
        {
            if (_feeds.TryGetValue(feed.Replica, out var current) && current == feed)
            {
                _feeds.Remove(feed.Replica);
                _leftAt[feed.Replica] = clock.Now;
            }

            _live = [.. _feeds.Values];
        }
    }

    private static MemberStatus Describe(MemberStatus status, Member? known) => known is null
        ? status
        : status with { Kind = known.Kind, Priority = known.Priority, IsDesignated = known.IsDesignated, IsPending = known.IsPending };

    /// <summary>The member that has the same id and another name: one of the two runs on a copy of the other's directory, with its promises, and would count twice.</summary>
    private string? TwinOf(string name, NodeId node)
    {
        foreach (var (other, feed) in _feeds)
        {
            if (feed.Node == node && other != name) return other;
        }

        return null;
    }

    private static long Number(Vlsn vlsn) => vlsn.DistanceFrom(Vlsn.Null);

    private HelloVerdict.Refused? Admit(ReplicaHello hello, FeedingRole role)
    {
        if (!members.Contains(hello.Name))
        {
            return new HelloVerdict.Refused(
                RefusalReason.UnknownNode, $"'{hello.Name}' is no member of this group: expected one of {members.Roster}. "
                    + "Add it with `matchpoint members add`, or name it in the options of every member of a new group.");
        }

        string? twin;
        lock (_gate) twin = TwinOf(hello.Name, hello.Node);
        if (twin is not null)
        {
            return new HelloVerdict.Refused(
                RefusalReason.NameTaken, $"'{hello.Name}' has node id {hello.Node}, and so has '{twin}', which is connected: "
                    + "the directory of one was copied to the other. Start one of them with an empty directory.");
        }

        if (hello.Name == members.Self || IsTaken(hello.Name, hello.Node))
        {
            return new HelloVerdict.Refused(
                RefusalReason.NameTaken, $"another node is called '{hello.Name}' and is connected: this one has id {hello.Node}. Give each node a name of its own.");
        }

        if (role.Term == Term.None || role.Term < hello.Term)
            return new HelloVerdict.Refused(RefusalReason.NotPrimary, $"{WhyNot()}; '{hello.Name}' knows of term {hello.Term}.");
        return null;
    }
}
