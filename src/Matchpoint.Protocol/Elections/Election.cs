using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Elections;

/// <summary>
/// Who is the primary: Raft's elections (Ongaro and Ousterhout 2014) with the pre-vote and the leader's stickiness of Ongaro's thesis (2014, 4.2.3 and 9.6). Terms
/// rise; a voter votes once per term, for a log at least as good as its own by (last term, last VLSN); a majority elects. The voters are
/// those of the newest roster in the node's own log, durable or not (4.1).
/// </summary>
/// <remarks>
/// Guarantees: (1) at most one primary per term; (2) a vote is on the device before it is sent; (3) while a voter has heard the primary within
/// <see cref="ElectionSettings.Timeout"/> it helps nobody else; a start counts as hearing one; (4) a node whose <see cref="Standing"/> is not full
/// neither votes nor stands, except where every voter takes part: voters who are all new elect the first primary, and voters whose machines were started anew
/// after unflushed records had been acknowledged elect whoever has most of them, because nobody has more (their ballots were flushed, so they vote once as
/// ever); (5) whoever knows of a newer term follows, and acknowledges to, no primary of an older one: what a majority acknowledged is in every log that the
/// majority elects; (6) who has forgotten what it promised takes part only when no vote that it gave before it did so can count any more, and a primary with which it has caught up has told it,
/// asked after that, that a majority follows it still: nobody was elected by such a vote, and nobody will be.
/// </remarks>
internal sealed class Election
{
    private readonly ElectionSettings _settings;
    private readonly Grants _grants;
    private readonly TimeSpan _asksFrom;
    private readonly Dictionary<string, TimeSpan> _seenNew = [];
    private Roster _roster;
    private Jitter _jitter;
    private Ballot _ballot;
    private Term _lastTerm;
    private Vlsn _last;
    private (Term Term, Vlsn Last)? _votedUpTo;
    private Term? _caughtUpIn;
    private Term? _confirmedIn;
    private TimeSpan _stoodAt;
    private TimeSpan _heardAt;
    private TimeSpan? _metAt;
    private TimeSpan _deadline;
    private bool _isFollowing;
    private bool _isBootstrap;
    private bool _hasLooked;

    /// <summary>An election as a node starts.</summary>
    /// <param name="settings">The group as this node knows it.</param>
    /// <param name="ballot">What it promised before.</param>
    /// <param name="lastTerm">The term of the log's last record.</param>
    /// <param name="last">The log's last record.</param>
    /// <param name="now">The time.</param>
    public Election(ElectionSettings settings, Ballot ballot, Term lastTerm, Vlsn last, TimeSpan now)
    {
        _settings = settings;
        _roster = settings.Roster;
        _grants = new Grants(settings.Self);
        _jitter = new Jitter(settings.Seed);
        _ballot = ballot.Term >= lastTerm ? ballot : ballot with { Term = lastTerm, VotedFor = null };
        LogMoved(lastTerm, last);
        // Before it stopped it may have told a primary that it hears it: that promise holds for a whole time-out.
        _heardAt = now;
        _asksFrom = now + settings.Forgetting;
        // Whoever knows of nobody else need not wait; whoever is new looks around first.
        _deadline = IsAlone || ballot.Standing == Standing.New ? now : now + Patience();
    }

    /// <summary>What this node is.</summary>
    public ElectionRole Role { get; private set; } = ElectionRole.Replica;

    /// <summary>The highest term it knows of.</summary>
    public Term Term => _ballot.Term;

    /// <summary>The primary it knows of in that term; null when it knows of none.</summary>
    public string? Primary { get; private set; }

    /// <summary>Whether it takes part.</summary>
    public Standing Standing => _ballot.Standing;

    /// <summary>The members, as the log says.</summary>
    public Roster Roster => _roster;

    /// <summary>The voters it waits for before an election in which every voter must take part; empty when it waits for none.</summary>
    public IEnumerable<string> Awaited => Primary is not null ? []
        : Standing == Standing.New ? _roster.Voters.Where(voter => voter != _settings.Self && !_seenNew.ContainsKey(voter))
        : Standing == Standing.Rebooted && Role == ElectionRole.PreCandidate ? _grants.Silent
        : [];

    /// <summary>When to give <see cref="ElectionInput.TimePassed"/> at the latest.</summary>
    public TimeSpan Deadline => _deadline;

    /// <summary>The term in which this node may stand.</summary>
    private Term NextTerm => Term > _ballot.NoVoteUpTo ? Term.Next : _ballot.NoVoteUpTo.Next;

    /// <summary>How a node stands that votes: new voters begin to take part with the first election; others when they have caught up with whom they elect.</summary>
    private Standing StandingOfVoter => Standing == Standing.New || IsAlone ? Standing.Full : Standing;

    /// <summary>Whether it waits for its primary to tell that it is one still.</summary>
    private bool IsAsking => Standing is Standing.New or Standing.BallotLost && _caughtUpIn == Term && _confirmedIn != Term;

    private bool HasMajority => Standing == Standing.Full && _grants.IsMajority;

    private bool IsAlone => IsVoter && _roster.Voters.Length == 1;

    private bool IsVoter => _roster.IsVoter(_settings.Self);

    /// <summary>The log's end has moved.</summary>
    public void LogMoved(Term lastTerm, Vlsn last) => (_lastTerm, _last) = (lastTerm, last);

    /// <summary>Takes one input.</summary>
    /// <param name="input">What happened.</param>
    /// <param name="now">The time, on a clock that never goes back.</param>
    /// <param name="effects">Where the effects go, in order.</param>
    public void Step(ElectionInput input, TimeSpan now, List<ElectionEffect> effects)
    {
        switch (input)
        {
            case ElectionInput.TimePassed passed:
                OnTime(passed.QuorumHeardAt, now, effects);
                break;
            case ElectionInput.PollReceived received:
                effects.Add(new ElectionEffect.Answer(received.Ticket, OnPoll(received, now, effects) with { IsStranger = IsStranger(received.Poll, now) }));
                break;
            case ElectionInput.PollAnswered answered:
                OnAnswer(answered, now, effects);
                break;
            case ElectionInput.PrimaryHeard heard:
                OnPrimary(heard.Term, heard.Primary, now, effects);
                break;
            case ElectionInput.TermSeen seen:
                if (seen.Term > Term) Adopt(seen.Term, votedFor: null, "a newer term was seen", now, effects);
                break;
            case ElectionInput.CaughtUp caught:
                OnCaughtUp(caught.Term, now, effects);
                break;
            case ElectionInput.RosterChanged changed:
                _votedUpTo = changed.VotedUpTo;
                OnRoster(changed.Roster, now, effects);
                break;
            case ElectionInput.HandOver over:
                OnHandOver(over.To, now, effects);
                break;
            case ElectionInput.Retired retired:
                if (Role == ElectionRole.Primary) effects.Add(new ElectionEffect.StepDown(retired.Reason));
                StopFollowing(effects);
                Role = ElectionRole.Retired;
                Primary = null;
                break;
            default:
                throw Invariant.Unreachable(input);
        }
    }

    private void OnTime(TimeSpan quorumHeardAt, TimeSpan now, List<ElectionEffect> effects)
    {
        if (Role == ElectionRole.Primary)
        {
            if (!_roster.IsSelfSufficient(_settings.Self) && now - quorumHeardAt > _settings.Timeout)
            {
                BecomeReplica($"no majority was heard for {_settings.Timeout.TotalSeconds:0.###} s", now, effects);
                return;
            }

            _deadline = now + _settings.Heartbeat;
            PollOthers(PollKind.Announce, Term, isBootstrap: false, effects);
            return;
        }

        // Whoever starts asks at once who the primary is, and need not wait to be found.
        if (!_hasLooked && now < _deadline && !IsAlone && Role == ElectionRole.Replica) PollOthers(PollKind.Look, Term, isBootstrap: false, effects);
        _hasLooked = true;
        if (now < _deadline || Role == ElectionRole.Retired) return;
        Primary = now - _heardAt < _settings.Timeout ? Primary : null;
        _grants.Clear();
        if (IsAlone && IsVoter) Stand(isBootstrap: false, PollKind.Vote, now, effects);
        else if (Standing is not (Standing.Full or Standing.Rebooted) || !IsVoter) Look(now, effects);
        else PreVote(now, effects);
    }

    private void Look(TimeSpan now, List<ElectionEffect> effects)
    {
        _deadline = now + _settings.Heartbeat + _jitter.PartOf(_settings.Heartbeat);
        PollOthers(PollKind.Look, Term, isBootstrap: false, effects);
    }

    private void PreVote(TimeSpan now, List<ElectionEffect> effects)
    {
        Role = ElectionRole.PreCandidate;
        _grants.Begin(Standing, _roster);
        _deadline = now + Patience();
        // Those who do not take part by themselves may help, if all do.
        PollOthers(PollKind.PreVote, NextTerm, isBootstrap: true, effects);
        // The designated one of two has waited for its primary as long as all do, and needs nobody.
        if (HasMajority) Stand(isBootstrap: false, PollKind.Vote, now, effects);
    }

    private void Stand(bool isBootstrap, PollKind kind, TimeSpan now, List<ElectionEffect> effects)
    {
        Role = ElectionRole.Candidate;
        Primary = null;
        StopFollowing(effects);
        _isBootstrap = isBootstrap;
        _stoodAt = now;
        _ballot = _ballot with { Term = NextTerm, VotedFor = _settings.Self, Standing = StandingOfVoter };
        _grants.Begin(Standing, _roster);
        effects.Add(new ElectionEffect.SaveBallot(_ballot));
        _deadline = now + Patience();
        PollOthers(kind, Term, isBootstrap, effects);
        WinIfElected(now, effects);
    }

    private void WinIfElected(TimeSpan now, List<ElectionEffect> effects)
    {
        // A new voter that lost its disk may have voted before, and forgotten it: only when all vote there is no room for another primary.
        if (_isBootstrap ? !_grants.AreAll : !_grants.IsMajority) return;
        if (Standing != Standing.Full) Save(_ballot with { Standing = Standing.Full }, effects); // Nobody has more than this log.
        Role = ElectionRole.Primary;
        Primary = _settings.Self;
        _deadline = now + _settings.Heartbeat;
        effects.Add(new ElectionEffect.BecomePrimary(Term));
        PollOthers(PollKind.Announce, Term, isBootstrap: false, effects);
    }

    private void OnAnswer(ElectionInput.PollAnswered answered, TimeSpan now, List<ElectionEffect> effects)
    {
        var answer = answered.Answer;
        if (Role == ElectionRole.Retired) return;
        if (answer.Term > Term && !(answered.Kind == PollKind.PreVote && answer.Granted))
            Adopt(answer.Term, votedFor: null, $"{answer.Name} knows of term {answer.Term}", now, effects);
        if (answered.Kind == PollKind.Look && answer.Granted && answer.Term == Term && answered.SentAt >= _asksFrom)
        {
            _confirmedIn = Term;
            TakePart(now, effects);
        }

        if (answer.Primary.Length > 0 && answer.PrimaryTerm == Term && answer.Primary != _settings.Self && Role != ElectionRole.Primary)
        {
            // Hearsay: it tells whom to follow, but does not count as hearing the primary.
            Learn(answer.Primary, effects);
            if (answer.Name == answer.Primary) _metAt = now;
            return;
        }

        if (!_roster.IsVoter(answer.Name)) return;
        _grants.Hear(answer.Name);
        switch (answered.Kind)
        {
            case PollKind.Look when Standing == Standing.New && IsVoter:
                NoteWhetherNew(answer, now);
                if (_seenNew.Count == _roster.Voters.Length - 1 && Role == ElectionRole.Replica && _last.IsNull) Stand(isBootstrap: true, PollKind.Vote, now, effects);
                break;
            // Not everybody who hears a primary is fed by it: a voter that fetches a full copy has no log yet that it could acknowledge.
            case PollKind.Announce when Role == ElectionRole.Primary && answer is { Granted: true, Standing: Standing.Full } && answered.Term == Term:
                effects.Add(new ElectionEffect.FollowedBy(answer.Name, answered.SentAt));
                break;
            case PollKind.PreVote when Role == ElectionRole.PreCandidate && answer.Granted && answered.Term == NextTerm:
                _grants.Add(answer);
                if (HasMajority || _grants.AreAll) Stand(isBootstrap: !HasMajority, PollKind.Vote, now, effects);
                break;
            case PollKind.Vote or PollKind.HandedVote when Role == ElectionRole.Candidate && answer.Granted && answered.Term == Term && now - _stoodAt <= _settings.Candidacy:
                _grants.Add(answer);
                WinIfElected(now, effects);
                break;
        }
    }

    private void NoteWhetherNew(PollAnswer answer, TimeSpan now)
    {
        if (answer.Standing == Standing.New) _seenNew[answer.Name] = now;
        else _seenNew.Remove(answer.Name);
        // That all are new must be true at one time: what was seen long ago counts no more.
        foreach (var (voter, at) in _seenNew)
        {
            if (now - at > _settings.Timeout) _seenNew.Remove(voter);
        }
    }

    private PollAnswer OnPoll(ElectionInput.PollReceived received, TimeSpan now, List<ElectionEffect> effects)
    {
        var poll = received.Poll;
        if (Role == ElectionRole.Retired) return Refuse("this node's disk failed", now);
        switch (poll.Kind)
        {
            case PollKind.Look:
                return Role == ElectionRole.Primary && received.HoldsLease ? Grant(now) : Refuse("only looked", now);
            case PollKind.Announce:
                OnPrimary(poll.Term, poll.Name, now, effects);
                return poll.Term == Term && Primary == poll.Name ? Grant(now) : Refuse($"the term is {Term}", now);
            case PollKind.PreVote:
                return WhyNot(poll, now) is { } objection ? Refuse(objection, now) : Grant(now);
            case PollKind.Vote or PollKind.HandedVote:
                return OnVote(poll, now, effects);
            case PollKind.TakeOver:
                return OnTakeOver(poll, now, effects);
            default:
                throw Invariant.Unreachable(poll.Kind);
        }
    }

    private PollAnswer OnVote(Poll poll, TimeSpan now, List<ElectionEffect> effects)
    {
        if (WhyNot(poll, now) is { } objection)
        {
            // A newer term is taken note of, unless the primary is there: then whoever asks has merely lost sight of it.
            if (poll.Term > Term && !HearsPrimary(now)) Adopt(poll.Term, votedFor: null, $"{poll.Name} stands in term {poll.Term}", now, effects);
            return Refuse(objection, now);
        }

        BecomeReplica($"{poll.Name} stands in term {poll.Term}", now, effects);
        if (poll.Term > Term)
        {
            Primary = null;
            StopFollowing(effects);
        }

        var vote = _ballot with { Term = poll.Term, VotedFor = poll.Name, Standing = StandingOfVoter };
        if (vote != _ballot) Save(vote, effects);
        _deadline = now + Patience();
        return Grant(now);
    }

    /// <summary>Why a poll gets no vote; null when it does.</summary>
    private string? WhyNot(Poll poll, TimeSpan now)
    {
        // It elects itself. Whoever was made a voter by a record that is lost here was never one: that record needed this node's flush. And one that lost its disk, and was told of nobody
        // else, would vote for others without knowing what it promised them.
        if (IsAlone) return "this node is the only voter, and elects itself";
        // A new voter has heard nobody when it starts.
        var isBootstrap = poll.IsBootstrap && Standing == Standing.New && _last.IsNull && poll.Last.IsNull;
        var isOneOfAll = isBootstrap || (poll.IsBootstrap && Standing == Standing.Rebooted);
        // Whose vote was taken away may be needed yet, by one that lacks the record which did so: with that record and all behind it this node was never counted, so they weigh nothing. Where
        // they are durable, whoever lacks them gets no majority without one of those that hold them and vote.
        var (endTerm, end) = !IsVoter && _votedUpTo is { } counted ? counted : (_lastTerm, _last);
        // Whether either votes the log says, and each may lack the record that made it a voter: then the candidate's log, which names both, is the longer one.
        if ((!IsVoter && _votedUpTo is null) || !_roster.IsVoter(poll.Name))
        {
            if ((poll.LastTerm, poll.Last).CompareTo((_lastTerm, _last)) <= 0) return IsVoter ? $"'{poll.Name}' is no voter of this group" : "this node is no voter";
        }

        if (Standing != Standing.Full && !isOneOfAll) return $"this node has not caught up yet ({Standing})";
        if (poll.Term < Term) return $"the term is {Term} already";
        // Who only asks beforehand is encouraged: the term in which there is no vote here must pass.
        if (poll.Kind != PollKind.PreVote && poll.Term <= _ballot.NoVoteUpTo) return $"this node votes in no term up to {_ballot.NoVoteUpTo}";
        // Without a record here the options alone say that this node votes, and with whom; who asks tells its own only where it knows no better.
        if ((isBootstrap || _last.IsNull) && poll.Roster != 0 && poll.Roster != _roster.Hash)
            return $"'{poll.Name}' was told of other members than this node: name the same ones, of the same kinds, in the options of each";
        var isHandedOver = poll.Kind == PollKind.HandedVote && Role != ElectionRole.Primary && poll.Term == Term.Next;
        if (HearsPrimary(now) && !isHandedOver && !(isBootstrap && Primary is null))
            return Primary is null ? "this node has just started or heard a primary" : $"this node hears the primary {Primary}";
        if ((poll.LastTerm, poll.Last).CompareTo((endTerm, end)) < 0)
            return $"its log ends at {poll.Last} of term {poll.LastTerm}, the one here at {end} of term {endTerm}";
        var isFree = poll.Term > Term || _ballot.VotedFor is null || _ballot.VotedFor == poll.Name;
        return isFree ? null : $"the vote of term {Term} went to {_ballot.VotedFor}";
    }

    /// <summary>The primary has stepped down for this node, which has all of its log: nobody need wait until it is missed.</summary>
    private PollAnswer OnTakeOver(Poll poll, TimeSpan now, List<ElectionEffect> effects)
    {
        var isMeant = Role == ElectionRole.Replica && poll.Term == Term && Primary == poll.Name && Standing == Standing.Full && IsVoter;
        if (!isMeant) return Refuse($"this node is not ready to take over term {poll.Term} from '{poll.Name}'", now);
        if ((poll.LastTerm, poll.Last).CompareTo((_lastTerm, _last)) > 0) return Refuse($"its log ends at {poll.Last}, the one here at {_last}", now);
        Stand(isBootstrap: false, PollKind.HandedVote, now, effects);
        return Grant(now);
    }

    private void OnHandOver(string to, TimeSpan now, List<ElectionEffect> effects)
    {
        if (Role != ElectionRole.Primary || !_roster.IsVoter(to) || to == _settings.Self) return;
        // No longer a primary first: from here on no lease of this node stands in the way of the next.
        BecomeReplica($"handing over to {to}", now, effects);
        effects.Add(new ElectionEffect.SendPoll(to, PollKind.TakeOver, Term, IsBootstrap: false));
    }

    private void OnRoster(Roster roster, TimeSpan now, List<ElectionEffect> effects)
    {
        var wasAlone = IsAlone;
        _roster = roster;
        _seenNew.Clear();
        // Alone it waits for nobody, as its options say at a start until the log is read: others may count on what it told their primary before.
        if (wasAlone && !IsAlone && Role == ElectionRole.Replica && Standing != Standing.New) _deadline = now + Patience();
        if (Role is not (ElectionRole.PreCandidate or ElectionRole.Candidate)) return;
        // Who was asked is not who decides now.
        _grants.Clear();
        Role = ElectionRole.Replica;
        _deadline = now + Patience();
    }

    private void OnPrimary(Term term, string primary, TimeSpan now, List<ElectionEffect> effects)
    {
        if (term < Term || Role == ElectionRole.Retired || primary == _settings.Self) return;
        Invariant.Holds(term > Term || Role != ElectionRole.Primary, $"'{primary}' and this node are both primaries of term {term}.");
        if (term > Term) Adopt(term, votedFor: null, $"{primary} is the primary of term {term}", now, effects);
        Role = ElectionRole.Replica;
        _heardAt = now;
        if (!IsAsking) _deadline = now + Patience();
        Learn(primary, effects);
    }

    private void Learn(string primary, List<ElectionEffect> effects)
    {
        if (Primary == primary) return;
        Invariant.Holds(Primary is null, $"'{Primary}' and '{primary}' are both primaries of term {Term}.");
        (Primary, _metAt) = (primary, null);
        // Nobody else is elected without the only voter, and it votes for nobody: its log is not the one that it once had, and its ballot neither. Its options named nobody, so it took itself
        // for the first.
        if (IsAlone && Standing == Standing.Full) Save(_ballot with { Standing = Standing.BallotLost }, effects);
        _isFollowing = true;
        effects.Add(new ElectionEffect.Follow(primary, Term));
    }

    private void OnCaughtUp(Term term, TimeSpan now, List<ElectionEffect> effects)
    {
        if (Standing == Standing.Full || term != Term || _caughtUpIn == term) return;
        _caughtUpIn = term;
        TakePart(now, effects);
        // It looks around then, and so often until the primary says so.
        if (IsAsking) _deadline = now > _asksFrom ? now : _asksFrom;
    }

    private void TakePart(TimeSpan now, List<ElectionEffect> effects)
    {
        if (Standing == Standing.Full || _caughtUpIn != Term || IsAsking) return;
        _deadline = now + Patience(); // Whoever looked around did so often; whoever takes part is patient.
        // With a forgotten ballot it may have voted already in the term that comes next.
        var noVoteUpTo = Standing == Standing.Rebooted ? _ballot.NoVoteUpTo : Term.Next;
        Save(_ballot with { Standing = Standing.Full, NoVoteUpTo = noVoteUpTo }, effects);
    }

    private void Adopt(Term term, string? votedFor, string reason, TimeSpan now, List<ElectionEffect> effects)
    {
        if (Role != ElectionRole.Retired) BecomeReplica(reason, now, effects);
        Primary = null;
        StopFollowing(effects);
        Save(_ballot with { Term = term, VotedFor = votedFor }, effects);
    }

    private void StopFollowing(List<ElectionEffect> effects)
    {
        if (!_isFollowing) return;
        _isFollowing = false;
        effects.Add(new ElectionEffect.StopFollowing());
    }

    private void BecomeReplica(string reason, TimeSpan now, List<ElectionEffect> effects)
    {
        if (Role == ElectionRole.Primary)
        {
            effects.Add(new ElectionEffect.StepDown(reason));
            Primary = null;
            _deadline = now + Patience();
        }

        Role = ElectionRole.Replica;
    }

    private void Save(Ballot ballot, List<ElectionEffect> effects)
    {
        _ballot = ballot;
        effects.Add(new ElectionEffect.SaveBallot(ballot));
    }

    private void PollOthers(PollKind kind, Term term, bool isBootstrap, List<ElectionEffect> effects)
    {
        foreach (var member in _roster.Members)
        {
            var isAsked = member.Votes || kind is PollKind.Announce or PollKind.Look;
            if (isAsked && member.Name != _settings.Self) effects.Add(new ElectionEffect.SendPoll(member.Name, kind, term, isBootstrap));
        }
    }

    /// <summary>Whether this node knows better than the asker that the asker is no member: it hears a primary, or its log is the longer one, and does not name it.</summary>
    private bool IsStranger(Poll poll, TimeSpan now) => !_roster.Contains(poll.Name)
        && ((Primary is not null && HearsPrimary(now)) || (poll.LastTerm, poll.Last).CompareTo((_lastTerm, _last)) < 0);

    private bool HearsPrimary(TimeSpan now) => Role == ElectionRole.Primary || now - _heardAt < _settings.Timeout;

    /// <summary>Whoever is less wanted as the primary waits longer, so that another comes first.</summary>
    private TimeSpan Patience() => _settings.Patience(_roster.RankOf(_settings.Self)) + _jitter.PartOf(_settings.Timeout / 2);

    private PollAnswer Grant(TimeSpan now) => Say(granted: true, "", now);

    private PollAnswer Refuse(string reason, TimeSpan now) => Say(granted: false, reason, now);

    private PollAnswer Say(bool granted, string reason, TimeSpan now)
    {
        // Only a primary that is heard, or has just answered, is told of: else two replicas would for ever point each other to one that is gone. One that answers only is that of a group which
        // has left this node behind, and maybe whoever asks.
        var primary = HearsPrimary(now) || now - _metAt < 2 * _settings.Timeout ? Primary : null;
        return new(_settings.Self, Term, granted, Standing, primary ?? "", primary is null ? Term.None : Term, reason);
    }
}
