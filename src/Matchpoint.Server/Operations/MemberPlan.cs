using Matchpoint.Protocol.Membership;
using Matchpoint.Server.Group;

namespace Matchpoint.Server.Operations;

/// <summary>How many decide.</summary>
/// <param name="Voters">The members that vote and count.</param>
/// <param name="Majority">So many of them must have a write, and elect a primary.</param>
/// <param name="Answering">So many of them answer now, as far as this node sees.</param>
internal sealed record Quorum(int Voters, int Majority, int Answering)
{
    /// <summary>How many may be lost before writes stop, in words.</summary>
    public string Spare => (Voters - Majority) switch
    {
        0 => "none may be lost before writes stop",
        var spare => $"{spare} may be lost before writes stop",
    };

    /// <summary>The quorum of a roster.</summary>
    public static Quorum Of(Roster roster, GroupView view) =>
        new(roster.Voters.Length, roster.Majority, roster.Voters.Count(voter => view.Members.Any(member => member.Name == voter && member.Answers)));
}

/// <summary>What a change would do, for whoever decides on it. Nothing is done.</summary>
/// <param name="Question">What is about to be done, as a question.</param>
/// <param name="Consequences">What it means, a sentence each.</param>
/// <param name="Danger">What speaks against it; null where nothing does.</param>
/// <param name="Refusal">Why it would not be done; null where it would.</param>
/// <param name="Before">How many decide now.</param>
/// <param name="After">How many decide when it is done, and whoever is taken in has caught up.</param>
internal sealed record MemberPlan(string Question, IReadOnlyList<string> Consequences, string? Danger, string? Refusal, Quorum Before, Quorum After)
{
    /// <summary>What a change of the members would do.</summary>
    /// <param name="change">The change.</param>
    /// <param name="now">The members as they are.</param>
    /// <param name="view">How they are.</param>
    public static MemberPlan Of(RosterChange change, Roster now, GroupView view)
    {
        var before = Quorum.Of(now, view);
        if (view.Verdict.Primary is not { } primary) return Refused(QuestionOf(change), "there is no primary now that could do it: wait some seconds, or see what the verdict says.", before);
        if (change.TryApply(now, primary, out var why) is not { } next) return Refused(QuestionOf(change), $"{why}.", before);
        var after = Quorum.Of(Admitted(next), view);
        return new MemberPlan(QuestionOf(change), [.. SentencesOf(change, now, next, view, before, after)], DangerOf(change, Quorum.Of(next, view)), Refusal: null, before, after);
    }

    /// <summary>What handing over would do.</summary>
    public static MemberPlan OfTransfer(string? to, Roster now, GroupView view)
    {
        var quorum = Quorum.Of(now, view);
        var question = to is null ? "Hand the primary over to the voter that is suited best?" : $"Make {to} the primary?";
        if (view.Verdict.Primary is not { } primary) return Refused(question, "there is no primary now that could hand over.", quorum);
        if (to == primary) return Refused(question, $"{to} is the primary already.", quorum);
        if (to is not null && !now.Contains(to)) return Refused(question, $"there is no member {to}.", quorum);
        if (to is not null && !now.IsVoter(to)) return Refused(question, $"{to} does not vote: only a voter that counts can be the primary.", quorum);
        var heir = view.Members.FirstOrDefault(member => member.Name == to);
        if (heir is { Answers: false }) return Refused(question, $"{to} does not answer.", quorum);
        if (to is null && quorum.Voters < 2) return Refused(question, $"{primary} is the only voter.", quorum);
        var lacking = heir is null ? "" : $" {to} lacks {Records(Lacking(heir, view))}.";
        return new MemberPlan(
            question,
            [
                $"{primary} lets it catch up, holds writes for a moment, and steps down for it; term {view.Verdict.Term} ends.{lacking}",
                "Nothing is lost. Writes that come meanwhile wait, and are then told who the primary is.",
                "Where it takes too long it is given up, and everything is as before.",
            ],
            Danger: null, Refusal: null, quorum, quorum);
    }

    private static MemberPlan Refused(string question, string why, Quorum now) => new(question, [], Danger: null, why, now, now);

    private static string QuestionOf(RosterChange change) => change switch
    {
        RosterChange.Add add => $"Take {add.Member.Name} in?",
        RosterChange.Remove remove => $"Remove {remove.Name}?",
        RosterChange.Set set => $"Change {set.Member.Name}?",
        _ => throw Protocol.Invariant.Unreachable(change),
    };

    private static IEnumerable<string> SentencesOf(RosterChange change, Roster now, Roster next, GroupView view, Quorum before, Quorum after)
    {
        switch (change)
        {
            case RosterChange.Add { Member: var member }:
                var last = view.Members.Max(static one => one.Overview?.Status.Last ?? 0);
                yield return $"{member.Name} becomes {Words(member.Kind)} at {member.Address}. Its node must run there, with an empty directory, naming the members and itself.";
                yield return member.Kind == MemberKind.Secondary
                    ? $"It fetches what the group has, up to record {last:N0}, and follows. It neither votes nor counts."
                    : $"It fetches what the group has, up to record {last:N0}, and neither votes nor counts until it has caught up.";
                break;
            case RosterChange.Remove { Name: var name }:
                yield return $"{name}, {Words(now.Find(name)!.Kind)}, is told and takes no part any more. What it has stays where it is, and grows old.";
                break;
            case RosterChange.Set { Member: var member }:
                foreach (var sentence in Differences(now.Find(member.Name)!, next.Find(member.Name)!)) yield return sentence;
                break;
            default:
                throw Protocol.Invariant.Unreachable(change);
        }

        yield return (after.Voters, after.Majority) == (before.Voters, before.Majority)
            ? $"It stays so: {before.Majority} of {before.Voters} voters must have a write, and {before.Spare}."
            : $"Now {before.Majority} of {before.Voters} voters must have a write, and {before.Spare}. Then {after.Majority} of {after.Voters} must, and {after.Spare}.";
    }

    private static IEnumerable<string> Differences(Member before, Member after)
    {
        var any = false;
        foreach (var (what, was, becomes) in new[]
        {
            ("address", before.Address, after.Address), ("kind", Words(before.Kind), Words(after.Kind)), ("priority", $"{before.Priority}", $"{after.Priority}"),
            ("designation", before.IsDesignated ? "designated" : "none", after.IsDesignated ? "designated" : "none"),
        })
        {
            if (was == becomes) continue;
            any = true;
            yield return $"Its {what}: {(was.Length == 0 ? "none" : was)} now, {becomes} then.";
        }

        if (!any) yield return "Nothing of it would be different.";
        if (after.IsPending && !before.IsPending) yield return "It counts once it has caught up.";
        if (after.IsDesignated && !before.IsDesignated) yield return "It goes on by itself while the other is away: what it then acknowledges is on one machine only.";
    }

    /// <summary>A majority that does not answer stops writes.</summary>
    private static string? DangerOf(RosterChange change, Quorum next)
    {
        if (next.Answering >= next.Majority) return null;
        var (which, answer) = (change is RosterChange.Remove ? "that would be left" : "that there would be", next.Answering == 1 ? "answers" : "answer");
        return $"Of the {next.Voters} voters {which} {next.Answering} {answer} now, and {next.Majority} are needed: writes would wait until more of them run.";
    }

    private static long Lacking(MemberView member, GroupView view) => Math.Max(0, view.Members.Max(static one => one.Overview?.Status.Last ?? 0) - (member.Overview?.Status.Last ?? 0));

    private static string Records(long count) => count == 1 ? "1 record" : $"{count:N0} records";

    private static Roster Admitted(Roster roster) => Roster.Of(roster.Members.Select(static member => member with { IsPending = false }));

    private static string Words(MemberKind kind) => kind switch
    {
        MemberKind.Voter => "a voter",
        MemberKind.Secondary => "a copy without a vote",
        MemberKind.Arbiter => "an arbiter, a vote without a copy",
        _ => throw Protocol.Invariant.Unreachable(kind),
    };
}
