using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Elections;

/// <summary>What happens to an election.</summary>
internal abstract record ElectionInput
{
    private ElectionInput()
    {
    }

    /// <summary>Time has passed.</summary>
    /// <param name="QuorumHeardAt">On a primary: the time at which what a majority has answered was sent.</param>
    public sealed record TimePassed(TimeSpan QuorumHeardAt) : ElectionInput;

    /// <summary>Somebody asks for a vote, for news, or tells that it is the primary.</summary>
    /// <param name="Poll">What was asked.</param>
    /// <param name="Ticket">Goes into the <see cref="ElectionEffect.Answer"/>.</param>
    /// <param name="HoldsLease">On a primary: whether a majority has followed it so lately that nobody else can have been elected by now.</param>
    public sealed record PollReceived(Poll Poll, long Ticket, bool HoldsLease = false) : ElectionInput;

    /// <summary>A voter answered a poll of ours.</summary>
    /// <param name="Kind">What it was asked.</param>
    /// <param name="Term">The term of the poll.</param>
    /// <param name="Answer">What it said.</param>
    /// <param name="SentAt">When the poll was sent, or earlier.</param>
    public sealed record PollAnswered(PollKind Kind, Term Term, PollAnswer Answer, TimeSpan SentAt) : ElectionInput;

    /// <summary>The primary of a term was heard on the stream.</summary>
    public sealed record PrimaryHeard(Term Term, string Primary) : ElectionInput;

    /// <summary>A peer knows of a term.</summary>
    public sealed record TermSeen(Term Term) : ElectionInput;

    /// <summary>The log has all that the primary of a term had when this node joined it, on the device.</summary>
    public sealed record CaughtUp(Term Term) : ElectionInput;

    /// <summary>The log says that the members are others now; or again those of before, when it was cut.</summary>
    /// <param name="Roster">They.</param>
    /// <param name="VotedUpTo">Where the record that says so took away this node's vote: the record before it, with its term.</param>
    public sealed record RosterChanged(Roster Roster, (Term Term, Vlsn Last)? VotedUpTo = null) : ElectionInput;

    /// <summary>This primary gives up its reign to a voter that has all of its log, all of it durable.</summary>
    /// <param name="To">Its name.</param>
    public sealed record HandOver(string To) : ElectionInput;

    /// <summary>This node can take no more part: its disk failed.</summary>
    /// <param name="Reason">Why.</param>
    public sealed record Retired(string Reason) : ElectionInput;
}

/// <summary>What an election wants done, in this order: an effect behind a <see cref="SaveBallot"/> may run only when the ballot is on the device.</summary>
internal abstract record ElectionEffect
{
    private ElectionEffect()
    {
    }

    /// <summary>Writes the ballot and flushes it. When that fails the node must stop: nothing behind this effect may happen.</summary>
    public sealed record SaveBallot(Ballot Ballot) : ElectionEffect;

    /// <summary>
    /// Whom this node follows is not its primary any more: when this is done nothing more comes from there, and nothing more is acknowledged. A vote behind this effect
    /// holds only for the log that it was weighed against: when that has moved meanwhile, the vote must not be given.
    /// </summary>
    public sealed record StopFollowing : ElectionEffect;

    /// <summary>Asks one voter.</summary>
    public sealed record SendPoll(string To, PollKind Kind, Term Term, bool IsBootstrap) : ElectionEffect;

    /// <summary>Answers a poll.</summary>
    public sealed record Answer(long Ticket, PollAnswer Message) : ElectionEffect;

    /// <summary>This node is the primary of a term: its first record is to be appended.</summary>
    public sealed record BecomePrimary(Term Term) : ElectionEffect;

    /// <summary>This node is no longer the primary: nothing more may be appended.</summary>
    public sealed record StepDown(string Reason) : ElectionEffect;

    /// <summary>A voter that takes part hears this node as the primary of its term: until a time-out after this was sent it helps nobody else.</summary>
    /// <param name="Voter">Its name.</param>
    /// <param name="SentAt">When what it has heard was sent.</param>
    public sealed record FollowedBy(string Voter, TimeSpan SentAt) : ElectionEffect;

    /// <summary>Another node is the primary of a term: its log is the one to follow.</summary>
    public sealed record Follow(string Primary, Term Term) : ElectionEffect;
}
