using Matchpoint.Protocol.Durability;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>A record of the model: its term, and what tells it from all others.</summary>
internal readonly record struct GroupRecord(Term Term, int Number);

/// <summary>What a primary sends: all of its log, and when.</summary>
/// <param name="Primary">Whose log it is.</param>
/// <param name="Term">Its term.</param>
/// <param name="Records">All of it.</param>
/// <param name="SentAt">The primary's clock.</param>
/// <param name="JoinedStart">Which start of the receiver it knows of.</param>
/// <param name="JoinedCount">How many records the primary had when it first heard of that start.</param>
internal sealed record GroupFeed(GroupNode Primary, Term Term, GroupRecord[] Records, TimeSpan SentAt, int JoinedStart, int JoinedCount);

/// <summary>What a replica answers.</summary>
/// <param name="Replica">Who it is.</param>
/// <param name="Start">Which start of it.</param>
/// <param name="Term">Its term.</param>
/// <param name="Appended">How many records it has in common with the primary.</param>
/// <param name="Flushed">How many of them are on its device.</param>
/// <param name="HeardSentAt">When the newest feed that it has heard was sent.</param>
/// <param name="Counts">Whether it takes part in majorities.</param>
internal sealed record GroupAck(GroupNode Replica, int Start, Term Term, int Appended, int Flushed, TimeSpan HeardSentAt, bool Counts);

/// <summary>A node of an <see cref="ElectionGroup"/>: does what a real one does around its <see cref="Election"/>, with a log that is a list.</summary>
internal sealed class GroupNode(ElectionGroup group, ElectionSettings settings, TimeSpan clockStart, double clockRate)
{
    private readonly List<GroupRecord> _log = [];
    private readonly List<Action<GroupNode>> _inbox = [];
    private readonly Dictionary<GroupNode, (int Start, int Count)> _joined = [];
    private Election? _election;
    private AckTracker? _acks;
    private Action<PollAnswer>? _answerTo;
    private Term _fedTerm;
    private TimeSpan _heardSentAt;
    private TimeSpan _wakeAt;
    private int _flushed;
    private int _matched;
    private int _joinedCount;
    private int _starts;
    private int _pauses;

    public string Name => settings.Self;

    public Ballot Saved { get; private set; } = Ballot.New;

    public IReadOnlyList<GroupRecord> Log => _log;

    public Election Election => _election!;

    public bool IsUp => _election is not null;

    /// <summary>Whether it is gone for good.</summary>
    public bool IsAway { get; private set; }

    public bool IsPaused { get; private set; }

    public bool IsVoter => group.Voters.Contains(Name);

    public bool IsPrimary => _election?.Role == ElectionRole.Primary;

    /// <summary>Whether it has lost something and not caught up since.</summary>
    public bool HasForgotten { get; private set; }

    public bool HoldsLease => _acks is not null && _acks.HoldsLease(Clock, settings.Lease);

    public bool IsStartDurable => _acks is not null && !_acks.Levels.AppendedByMajority.IsNull;

    private TimeSpan Clock => clockStart + (group.Now * clockRate);

    private (Term Term, Vlsn Last) End => _log.Count == 0 ? default : (_log[^1].Term, At(_log.Count));

    public override string ToString() => Name;

    public void Start()
    {
        if (IsAway || IsUp) return;
        _starts++;
        _fedTerm = Term.None;
        _wakeAt = TimeSpan.MaxValue;
        var (term, last) = End;
        _election = new Election(settings with { Seed = settings.Seed + (ulong)_starts }, Saved, term, last, Clock);
        Trace($"starts: {InWords.Of(Saved)}, log {term}/{last}");
        Wake();
    }

    public void Receive(Action<GroupNode> message)
    {
        if (!IsUp) return;
        if (IsPaused) _inbox.Add(message);
        else message(this);
    }

    public void Pause(TimeSpan time)
    {
        if (!IsUp || IsPaused) return;
        Trace($"pauses for {time.TotalSeconds:0.000} s");
        IsPaused = true;
        var pause = ++_pauses;
        group.At(time, () =>
        {
            if (pause == _pauses) Resume();
        });
    }

    /// <summary>Goes on with what has come meanwhile; the time may be looked at before or after.</summary>
    public void Resume()
    {
        if (!IsPaused) return;
        Trace("goes on");
        IsPaused = false;
        if (group.Chance(0.5)) Wake();
        var messages = _inbox.ToArray();
        _inbox.Clear();
        foreach (var message in messages) Receive(message);
        Wake();
    }

    public void StayAway()
    {
        Crash("stays away");
        IsAway = true;
    }

    /// <summary>Killed, or its machine loses power, or its ballot or its disk is lost; and it comes back.</summary>
    public void CrashSomehow()
    {
        if (!IsUp) return;
        var canForget = group.Promises.CanForget(this);
        var back = group.Some(ElectionGroup.Timeout * (group.Chance(0.5) ? 3 : 0.2));
        switch (group.Below(8))
        {
            case 0 when canForget:
                Crash("loses its disk");
                _log.Clear();
                _flushed = 0;
                Forget(Ballot.New);
                // Nobody replaces a disk within a time-out.
                back += ElectionGroup.Timeout * 2;
                break;
            case 1 when canForget:
                Crash("loses its ballot");
                Forget(Ballot.New with { Standing = _log.Count == 0 ? Standing.New : Standing.BallotLost });
                break;
            case 2 or 3 when canForget || !group.CountsUnflushed || _flushed == _log.Count:
                Crash("loses power");
                LosePower();
                break;
            default:
                Crash("is killed");
                break;
        }

        group.At(back, Start);
    }

    /// <summary>Its machine and all others lose power.</summary>
    public void LosePowerWithAll()
    {
        if (IsAway) return;
        var wasUp = IsUp;
        Crash("loses power with all others");
        LosePower();
        if (wasUp) group.At(group.Some(ElectionGroup.Timeout * 3), Start);
    }

    public void Write()
    {
        if (!IsUp || IsPaused || !IsPrimary || group.Chance(0.3)) return;
        Append();
        Feed();
    }

    private void Crash(string how)
    {
        Trace(how);
        IsPaused = false;
        _pauses++;
        _inbox.Clear();
        _election = null;
        _acks = null;
    }

    private void LosePower()
    {
        if (_flushed == _log.Count) return;
        if (group.CountsUnflushed) Forget(Saved.Standing == Standing.Full ? Saved with { Standing = Standing.Rebooted } : Saved);
        var kept = _flushed + group.Below(_log.Count - _flushed + 1);
        _log.RemoveRange(kept, _log.Count - kept);
        _flushed = kept;
    }

    private void Forget(Ballot ballot)
    {
        Saved = ballot;
        HasForgotten = true;
    }

    private void Append()
    {
        _log.Add(new GroupRecord(Election.Term, group.NextNumber()));
        LogGrew();
        NoteLocal();
    }

    private void LogGrew()
    {
        var (term, last) = End;
        Election.LogMoved(term, last);
        var start = _starts;
        group.At(group.Some(TimeSpan.FromMilliseconds(60)), () => Receive(_ =>
        {
            if (start != _starts || _flushed == _log.Count) return;
            _flushed = _log.Count;
            NoteLocal();
            Acknowledge();
        }));
    }

    private void NoteLocal()
    {
        if (_acks is not null && _acks.OnLocal(At(_log.Count), At(_flushed))) NoteDurable();
    }

    private void NoteDurable()
    {
        var level = group.CountsUnflushed ? _acks!.Levels.AppendedByMajority : _acks!.Levels.FlushedByMajority;
        if (!level.IsNull) group.Promises.OnDurable(this, (int)level.Value);
    }

    private void Wake()
    {
        if (!IsUp || IsPaused) return;
        if (Election.Deadline <= Clock)
        {
            Step(new ElectionInput.TimePassed(_acks?.QuorumHeardAt ?? TimeSpan.Zero));
            if (!IsUp) return;
            group.Promises.Holds(Election.Deadline > Clock, $"{Name} wants to be woken again at once");
            if (IsPrimary) Feed();
        }

        Rearm();
    }

    private void Rearm()
    {
        if (!IsUp || Election.Deadline >= _wakeAt) return;
        var wakeAt = _wakeAt = Election.Deadline;
        var start = _starts;
        var wait = (Election.Deadline - Clock) / clockRate;
        group.At((wait > TimeSpan.Zero ? wait : TimeSpan.Zero) + TimeSpan.FromTicks(10), () =>
        {
            if (start != _starts || wakeAt != _wakeAt) return;
            _wakeAt = TimeSpan.MaxValue;
            Wake();
        });
    }

    private void Step(ElectionInput input)
    {
        var effects = new List<ElectionEffect>();
        var standing = Election.Standing;
        Election.Step(input, Clock, effects);
        if (group.IsTraced && (effects.Count > 0 || input is not ElectionInput.PrimaryHeard)) Trace($"< {InWords.Of(input)}");
        // Crashes come where they hurt: while something is saved.
        var isDoomed = group.IsFaulty && effects.Count > 0 && group.Chance(effects[0] is ElectionEffect.SaveBallot ? 0.03 : 0.001);
        var crashAt = isDoomed ? group.Below(effects.Count + 1) : int.MaxValue;
        foreach (var effect in effects.Take(crashAt))
        {
            if (group.IsTraced) Trace($"  > {InWords.Of(effect)}");
            Run(effect, input, standing);
        }

        if (isDoomed) CrashSomehow();
        else Rearm();
    }

    private void Run(ElectionEffect effect, ElectionInput input, Standing standing)
    {
        switch (effect)
        {
            case ElectionEffect.SaveBallot save:
                group.Promises.OnSave(this, save.Ballot);
                Saved = save.Ballot;
                HasForgotten &= Saved.Standing != Standing.Full;
                break;
            case ElectionEffect.SendPoll send:
                group.Promises.OnPoll(this, send, standing);
                var (lastTerm, last) = End;
                var poll = new Poll(default, default, Name, send.Kind, send.IsBootstrap, send.Term, lastTerm, last);
                var (start, sentAt) = (_starts, Clock);
                group.Send(this, group.Node(send.To), to => to.OnPoll(this, start, poll, sentAt));
                break;
            case ElectionEffect.Answer answer:
                group.Promises.OnAnswer(this, ((ElectionInput.PollReceived)input).Poll, answer.Message, standing);
                _answerTo!(answer.Message);
                break;
            case ElectionEffect.BecomePrimary become:
                group.Promises.OnPrimary(this, become.Term);
                _joined.Clear();
                _acks = new AckTracker(settings.Roster.Voters, Name, At(_log.Count + 1), Clock);
                Append();
                Feed();
                break;
            case ElectionEffect.FollowedBy by:
                _acks?.OnVoter(by.Voter, Vlsn.Null, Vlsn.Null, by.SentAt);
                break;
            case ElectionEffect.StepDown:
                _acks = null;
                break;
            case ElectionEffect.Follow or ElectionEffect.StopFollowing:
                break; // Records of an older term than its own a node here takes from nobody.
            default:
                throw Invariant.Unreachable(effect);
        }
    }

    private void OnPoll(GroupNode from, int start, Poll poll, TimeSpan sentAt)
    {
        // An answer belongs to the process that asked.
        _answerTo = answer => group.Send(this, from, asker =>
        {
            if (asker._starts == start) asker.Step(new ElectionInput.PollAnswered(poll.Kind, poll.Term, answer, sentAt));
        });
        Step(new ElectionInput.PollReceived(poll, 1, _acks?.HoldsLease(Clock, settings.Lease) ?? false));
    }

    private void Feed()
    {
        var records = _log.ToArray();
        foreach (var other in group.Nodes)
        {
            if (other == this) continue;
            var joined = _joined.GetValueOrDefault(other);
            var feed = new GroupFeed(this, Election.Term, records, Clock, joined.Start, joined.Count);
            group.Send(this, other, to => to.OnFeed(feed));
        }
    }

    private void OnFeed(GroupFeed feed)
    {
        Step(new ElectionInput.PrimaryHeard(feed.Term, feed.Primary.Name));
        if (!IsUp) return;
        if (feed.Term != Election.Term || Election.Primary != feed.Primary.Name)
        {
            SendAck(feed.Primary, appended: 0, flushed: 0, TimeSpan.MinValue);
            return;
        }

        if (_fedTerm != feed.Term) (_fedTerm, _matched, _joinedCount, _heardSentAt) = (feed.Term, 0, int.MaxValue, TimeSpan.MinValue);
        if (feed.SentAt > _heardSentAt) _heardSentAt = feed.SentAt;
        if (feed.JoinedStart == _starts) _joinedCount = feed.JoinedCount;
        Copy(feed.Records);
        Acknowledge();
    }

    /// <summary>Only what differs is cut: an old feed takes nothing away.</summary>
    private void Copy(GroupRecord[] records)
    {
        var same = 0;
        while (same < records.Length && same < _log.Count && records[same] == _log[same]) same++;
        _matched = Math.Max(_matched, records.Length);
        if (same == records.Length) return;
        _log.RemoveRange(same, _log.Count - same);
        _flushed = Math.Min(_flushed, same);
        _log.AddRange(records[same..]);
        LogGrew();
    }

    private void Acknowledge()
    {
        if (!IsUp || IsPrimary || _fedTerm != Election.Term || Election.Primary is not { } primary) return;
        if (Election.Standing != Standing.Full && Math.Min(_matched, _flushed) >= _joinedCount) Step(new ElectionInput.CaughtUp(_fedTerm));
        if (IsUp) SendAck(group.Node(primary), _matched, Math.Min(_matched, _flushed), _heardSentAt);
    }

    private void SendAck(GroupNode primary, int appended, int flushed, TimeSpan heardSentAt)
    {
        var ack = new GroupAck(this, _starts, Election.Term, appended, flushed, heardSentAt, Election.Standing == Standing.Full);
        group.Send(this, primary, to => to.OnAck(ack));
    }

    private void OnAck(GroupAck ack)
    {
        if (ack.Term > Election.Term) Step(new ElectionInput.TermSeen(ack.Term));
        if (!IsUp || _acks is null || ack.Term != Election.Term) return;
        if (_joined.GetValueOrDefault(ack.Replica).Start < ack.Start) _joined[ack.Replica] = (ack.Start, _log.Count);
        if (ack.Counts && _acks.OnVoter(ack.Replica.Name, At(ack.Appended), At(ack.Flushed), ack.HeardSentAt)) NoteDurable();
        group.Promises.OnHeard(this);
    }

    private static Vlsn At(int count) => count == 0 ? Vlsn.Null : Vlsn.Of(count);

    private void Trace(string text) => group.Trace($"{Name} {text}");
}
