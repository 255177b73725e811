using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>Inputs and effects of an <see cref="Election"/> as short words, for traces and for tests that compare them.</summary>
internal static class InWords
{
    public static string Of(ElectionInput input) => input switch
    {
        ElectionInput.TimePassed => "time passed",
        ElectionInput.PollReceived received => Of(received.Poll),
        ElectionInput.PollAnswered answered => $"{answered.Kind} {answered.Term} answered: {Of(answered.Answer)}",
        ElectionInput.PrimaryHeard heard => $"heard primary {heard.Primary} {heard.Term}",
        ElectionInput.TermSeen seen => $"saw term {seen.Term}",
        ElectionInput.CaughtUp caught => $"caught up in {caught.Term}",
        ElectionInput.RosterChanged changed => $"members are {changed.Roster}",
        ElectionInput.HandOver over => $"hand over to {over.To}",
        ElectionInput.Retired => "retired",
        _ => throw Invariant.Unreachable(input),
    };

    public static string Of(ElectionEffect effect) => effect switch
    {
        ElectionEffect.SaveBallot save => $"save {Of(save.Ballot)}",
        ElectionEffect.SendPoll send => $"{send.Kind} {send.Term}{(send.IsBootstrap ? " bootstrap" : "")} to {send.To}",
        ElectionEffect.Answer answer => $"answer {Of(answer.Message)}",
        ElectionEffect.BecomePrimary become => $"primary of {become.Term}",
        ElectionEffect.StepDown down => $"step down: {down.Reason}",
        ElectionEffect.FollowedBy by => $"followed by {by.Voter} since {by.SentAt}",
        ElectionEffect.StopFollowing => "stop following",
        ElectionEffect.Follow follow => $"follow {follow.Primary} {follow.Term}",
        _ => throw Invariant.Unreachable(effect),
    };

    public static string Of(Ballot ballot)
    {
        var fence = ballot.NoVoteUpTo.Value == 0 ? "" : $", no vote up to {ballot.NoVoteUpTo}";
        return $"term {ballot.Term} vote {ballot.VotedFor ?? "-"} {ballot.Standing}{fence}";
    }

    private static string Of(Poll poll) =>
        $"{poll.Kind} {poll.Term}{(poll.IsBootstrap ? " bootstrap" : "")} from {poll.Name} with log {poll.LastTerm}/{poll.Last}";

    private static string Of(PollAnswer answer)
    {
        var primary = answer.Primary.Length == 0 ? "" : $", primary {answer.Primary} {answer.PrimaryTerm}";
        return $"{answer.Name} {(answer.Granted ? "yes" : "no")}, term {answer.Term} {answer.Standing}{primary}{(answer.Granted ? "" : $" ({answer.Reason})")}";
    }
}
