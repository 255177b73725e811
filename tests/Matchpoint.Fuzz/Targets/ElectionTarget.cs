using Matchpoint.Protocol;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// One voter's election and whatever happens to it, in any order. Its term never falls, it votes once per term, it leads no term without having voted for itself, and says
/// nothing of a vote before the ballot is saved; it votes for no log that is worse than what its own vote is weighed against, and for nobody where it is the only voter.
/// What no correct group can bring about, two primaries of one term, is not given to it.
/// </summary>
internal sealed class ElectionTarget : IFuzzTarget
{
    private static readonly string[] Others = ["b", "c", "d", "e"];

    /// <inheritdoc/>
    public string Name => "election";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds =>
    [
        [0, 0, 200, 0, 200, 2, 0, 1, 0, 3, 2, 1, 1, 0, 3],
        [0, 1, 1, 3, 0, 2, 1, 3, 1, 5, 0, 250],
        [1, 0, 200, 2, 2, 0, 1, 2, 2, 1, 1, 6, 1],
        [3, 0, 200, 0, 200, 4, 2, 5, 3, 7],
        // Its vote is taken away behind the record before the last one, and it is asked for it.
        [2, 2, 0, 0, 0, 0, 0, 1, 0, 0, 6, 0, 0, 1, 0, 0, 1, 0, 0, 2, 1, 0, 255, 0, 1, 0, 2, 0, 1, 1, 0],
        [2, 2, 0, 0, 1, 2, 1, 2, 0, 6, 0, 0, 1, 0, 0, 1, 3, 0, 255, 0, 1, 0, 2, 1, 1, 1, 0],
        [0, 0, 200, 1, 1, 6, 0, 1, 2, 1, 0, 3, 0, 200, 2, 0, 1, 7, 2, 1, 2, 4, 1, 3],
    ];

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var reader = new InputReader(input);
        var (lastTerm, last) = (new Term((ulong)reader.Below(3)), reader.Below(3) is var number && number == 0 ? Vlsn.Null : Vlsn.Of(number));
        if (last.IsNull) lastTerm = Term.None;
        var ballot = last.IsNull ? Ballot.New : new Ballot(lastTerm, null, (Standing)reader.Below(4), Term.None);
        var settings = new ElectionSettings("a", Roster.OfVoters(["a", .. Others]), TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(200), 7);
        var now = TimeSpan.Zero;
        var election = new Election(settings, ballot, lastTerm, last, now);
        var check = new ElectionPromises(election, ballot, (lastTerm, last));
        var effects = new List<ElectionEffect>();
        while (reader.HasMore)
        {
            now += TimeSpan.FromMilliseconds(reader.Byte() * 10);
            if (Draw(ref reader, election, check, (lastTerm, last), now) is not { } next) continue;
            effects.Clear();
            election.Step(next, now, effects);
            check.Look(next, effects);
        }
    }

    private static ElectionInput? Draw(ref InputReader reader, Election election, ElectionPromises check, (Term Term, Vlsn Last) log, TimeSpan now)
    {
        var other = Others[reader.Below(Others.Length)];
        var term = new Term(Math.Max(1, election.Term.Value + (ulong)reader.Below(4)) - (ulong)(reader.Below(3) == 0 && election.Term.Value > 0 ? 1 : 0));
        var (lastTerm, last) = (new Term((ulong)reader.Below(4)), Vlsn.Of(1 + reader.Below(5)));
        switch (reader.Below(9))
        {
            case 0:
                return new ElectionInput.TimePassed(now - TimeSpan.FromMilliseconds(reader.Byte() * 10));
            case 1:
                var kind = (PollKind)reader.Below(Enum.GetValues<PollKind>().Length);
                if (!Enum.IsDefined(kind) || (kind == PollKind.Announce && !check.MayLead(other, term))) return null;
                var poll = new Poll(SampleLog.Identity.Group, SampleLog.Identity.Node, other, kind, reader.Below(2) == 1, term, lastTerm, last);
                return new ElectionInput.PollReceived(poll, 1, HoldsLease: last.Value % 2 == 0);
            case 2:
                var asked = reader.Below(4) switch { 0 => PollKind.PreVote, 1 => PollKind.Vote, 2 => PollKind.Look, _ => PollKind.Announce };
                // Whoever names a primary grants nothing to others, and nobody is elected where another leads.
                var grants = reader.Below(2) == 1 && (asked != PollKind.Vote || check.MayWin);
                var primary = !grants && reader.Below(3) == 0 && check.MayLead(other, term) ? other : "";
                var answer = new PollAnswer(other, term, grants, (Standing)reader.Below(4), primary, primary.Length == 0 ? Term.None : term, "");
                return new ElectionInput.PollAnswered(asked, election.Term, answer, now);
            case 3:
                return check.MayLead(other, term) ? new ElectionInput.PrimaryHeard(term, other) : null;
            case 4:
                return new ElectionInput.TermSeen(term);
            case 5:
                return new ElectionInput.CaughtUp(election.Term);
            case 6:
                return DrawRoster(ref reader, election, term, log);
            case 7:
                return new ElectionInput.HandOver(other);
            default:
                return reader.Below(8) == 0 ? new ElectionInput.Retired("fuzzed") : null;
        }
    }

    /// <summary>Other members. Where they take this node's vote, which they do to no primary, that counts from a record of its own log on.</summary>
    private static ElectionInput.RosterChanged? DrawRoster(ref InputReader reader, Election election, Term term, (Term Term, Vlsn Last) log)
    {
        var members = new List<Member> { new("a", "") };
        foreach (var name in Others.Where((_, i) => i % 2 == 0 || term.Value % 2 == 0))
            members.Add(new Member(name, "", (MemberKind)reader.Below(3), (byte)reader.Below(10), IsPending: reader.Below(4) == 0));
        var (taken, at) = (reader.Below(4), reader.Below(4));
        if (election.Role == ElectionRole.Primary || log.Last.IsNull) taken = 0;
        if (taken == 1) members[0] = members[0] with { Kind = MemberKind.Secondary };
        if (taken == 2) members.RemoveAt(0);
        if (taken == 3) members[0] = members[0] with { IsPending = true };
        if (Roster.TryCreate(members, out _) is not { } roster) return null;
        if (roster.IsVoter("a") || at == 3) return new ElectionInput.RosterChanged(roster);
        // The record before the one that took it, which lies at the log's end or below.
        var before = at == 0 || log.Last == Vlsn.First ? Vlsn.Null : log.Last.Previous;
        return new ElectionInput.RosterChanged(roster, (before.IsNull ? Term.None : log.Term, before));
    }

    /// <summary>What one voter must hold to.</summary>
    private sealed class ElectionPromises
    {
        private readonly Dictionary<Term, string> _votes = [];
        private readonly Dictionary<Term, string> _primaries = [];
        private readonly Election _election;
        private readonly Term _first;
        private readonly (Term Term, Vlsn Last) _log;
        private (Term Term, Vlsn Last)? _votedUpTo;
        private Ballot _saved;
        private Term _term;

        public ElectionPromises(Election election, Ballot ballot, (Term Term, Vlsn Last) log) =>
            (_election, _first, _saved, _term, _log) = (election, ballot.Term, ballot, election.Term, log);

        /// <summary>Whether a node can be the primary of a term: no other is, and this one is not.</summary>
        public bool MayLead(string other, Term term)
        {
            if (term == _election.Term && _election.Role is ElectionRole.Primary) return false;
            if (_primaries.TryAdd(term, other)) return true;
            return _primaries[term] == other;
        }

        /// <summary>Whether this node can be elected in its term: no other is the primary.</summary>
        public bool MayWin => !_primaries.TryGetValue(_election.Term, out var primary) || primary == "a";

        public void Look(ElectionInput input, List<ElectionEffect> effects)
        {
            if (input is ElectionInput.RosterChanged changed) _votedUpTo = changed.VotedUpTo;
            Invariant.Holds(_election.Term >= _term, $"the term fell from {_term} to {_election.Term}.");
            _term = _election.Term;
            foreach (var effect in effects)
            {
                switch (effect)
                {
                    case ElectionEffect.SaveBallot save:
                        Invariant.Holds(save.Ballot.Term >= _saved.Term, $"the ballot's term fell from {_saved.Term} to {save.Ballot.Term}.");
                        if (save.Ballot.VotedFor is { } candidate && !_votes.TryAdd(save.Ballot.Term, candidate))
                            Invariant.Holds(_votes[save.Ballot.Term] == candidate, $"a second vote in term {save.Ballot.Term}.");
                        _saved = save.Ballot;
                        break;
                    case ElectionEffect.BecomePrimary become:
                        Invariant.Holds(_saved.Term == become.Term && _saved.VotedFor == "a" && _saved.Standing == Standing.Full, $"primary of term {become.Term} with the ballot {_saved}.");
                        if (!_primaries.TryAdd(become.Term, "a")) Invariant.Holds(_primaries[become.Term] == "a", $"a second primary of term {become.Term}.");
                        break;
                    case ElectionEffect.FollowedBy by:
                        Invariant.Holds(_election.Role == ElectionRole.Primary, $"{by.Voter} follows {_election.Role}.");
                        break;
                    case ElectionEffect.Answer answer:
                        Invariant.Holds(answer.Message.Term <= _saved.Term || answer.Message.Term == _first, $"term {answer.Message.Term} is told of before it is saved: {_saved}.");
                        if (answer.Message.Granted) MayGrant(((ElectionInput.PollReceived)input).Poll);
                        break;
                }
            }
        }

        private void MayGrant(Poll poll)
        {
            if (poll.Kind is not (PollKind.PreVote or PollKind.Vote or PollKind.HandedVote)) return;
            var roster = _election.Roster;
            var isVoter = roster.IsVoter("a");
            Invariant.Holds(!isVoter || roster.Voters.Length > 1, $"the only voter of {roster} helps {poll.Name}.");
            Invariant.Holds(
                poll.Kind == PollKind.PreVote || (_saved.VotedFor == poll.Name && _saved.Term == poll.Term), $"a vote for {poll.Name} in term {poll.Term} is told of, and saved is {_saved}.");
            var theirs = (poll.LastTerm, poll.Last);
            var weighed = isVoter ? _log : _votedUpTo ?? _log;
            Invariant.Holds(theirs.CompareTo(weighed) >= 0, $"a vote for a log that ends at {theirs}, weighed against {weighed}.");
            // Whose vote nobody counted, and who asks without being a voter here: the log that says so must be the longer one.
            if ((!isVoter && _votedUpTo is null) || !roster.IsVoter(poll.Name))
                Invariant.Holds(theirs.CompareTo(_log) > 0, $"{poll.Name} is helped with {theirs} against {_log}, and {roster} does not say that both vote.");
        }
    }
}
