namespace Matchpoint.Server.Group;

/// <summary>Says how a group is: what an operator at night must see in a second.</summary>
internal static class Judge
{
    private static readonly TimeSpan FarBehind = TimeSpan.FromSeconds(10);

    /// <summary>How a group is.</summary>
    /// <param name="members">Its members as this node sees them.</param>
    /// <param name="self">The status of the node itself.</param>
    public static Verdict Of(IReadOnlyList<MemberView> members, NodeStatus self)
    {
        var primary = members.Where(static member => member is { Answers: true, Overview.Status.State: NodeState.Primary }).MaxBy(static member => member.Overview!.Status.Term)?.Overview!.Status;
        var findings = new List<Finding>();
        var voters = members.Where(static member => member.Kind != MemberKind.Secondary).ToList();
        var majority = (voters.Count / 2) + 1;
        var silent = members.Where(static member => !member.Answers).ToList();
        var answering = voters.Count(static member => member.Answers);
        if (primary is null) findings.Add(NoPrimary(voters, answering, majority, self));
        foreach (var member in silent)
        {
            var spare = answering - majority;
            var cost = spare switch
            {
                > 0 => $"{spare} more may be lost before writes stop.",
                0 => "The loss of one more stops writes.",
                _ => "Writes wait for it.",
            };
            var error = member.Error is { } why ? $" ({why.TrimEnd('.')})" : "";
            findings.Add(new Finding(member.Name, Health.Attention, $"{member.Name} does not answer.", $"Start it, or find out why it is not reached{error}. {cost}"));
        }

        foreach (var member in members.Where(static member => member.Answers && member.Overview is not null)) Examine(member.Overview!.Status, findings);
        findings.Sort(static (a, b) => b.Health.CompareTo(a.Health));
        var health = findings.Count == 0 ? Health.Well : findings[0].Health;
        var term = primary?.Term ?? members.Max(static member => member.Overview?.Status.Term ?? 0);
        return new Verdict(health, HeadlineOf(health), SentenceOf(primary, members, silent.Count), primary?.Name, term, findings);
    }

    private static string HeadlineOf(Health health) => health switch
    {
        Health.Well => "All is well",
        Health.Attention => "Writes go on; something needs attention",
        Health.Down => "No primary: writes wait",
        _ => throw Protocol.Invariant.Unreachable(health),
    };

    private static string SentenceOf(NodeStatus? primary, IReadOnlyList<MemberView> members, int silent)
    {
        if (members.Count == 1) return primary is null ? $"{members[0].Name} is by itself and takes no writes." : $"{primary.Name} is by itself and takes writes.";
        var following = members.Count(static member => member is { Answers: true, Overview.Status.State: NodeState.Following });
        var rest = silent == 0 ? "" : $"; {silent} {(silent == 1 ? "does" : "do")} not answer";
        return primary is null
            ? $"{members.Count - silent} of {members.Count} members answer."
            : $"{primary.Name} is the primary of term {primary.Term}; {following} of {members.Count - 1} others {(following == 1 ? "follows" : "follow")}{rest}.";
    }

    private static Finding NoPrimary(List<MemberView> voters, int answering, int majority, NodeStatus self)
    {
        if (answering < majority)
        {
            var missing = string.Join(", ", voters.Where(static member => !member.Answers).Select(static member => member.Name));
            return new Finding(
                null, Health.Down, $"From {self.Name} {answering} of {voters.Count} voters answer, and {majority} are needed for a primary.",
                $"Start {missing}, or mend the network between them and {self.Name}.");
        }

        return new Finding(
            null, Health.Down, $"There is no primary now. {self.Name}: {self.Step}.",
            "An election takes a second or two: wait. If it stays, see whether the members reach each other, and read their warnings.");
    }

    private static void Examine(NodeStatus status, List<Finding> findings)
    {
        var (what, action) = status.State switch
        {
            NodeState.Opening => ("is opening its directory", "Wait: a long log may have to be read."),
            NodeState.AwaitingMembers => ($"waits: {status.Step}", "Start the members that are named."),
            NodeState.Electing => ($"looks for a primary: {status.Step}", "Wait some seconds."),
            NodeState.SyncingUp => ("finds out where its log and its feeder's part", "Wait: it takes a second or so."),
            NodeState.AwaitingOperator => ("holds commits that the group went on without, and a rollback was refused", "Decide: its warning says how. Every operation is in the export below."),
            NodeState.NeedsCopy => ($"fetches a full copy: {status.Step}", "Wait until it is whole; it reads meanwhile."),
            NodeState.Failed => ($"has failed: {status.Step}", "Mend the cause and start it again."),
            NodeState.Closed => ("was closed", "Start it again."),
            NodeState.Repairing => ($"mends its disk: {status.Step}", "Wait; then look at the disk."),
            NodeState.Removed => ("is no member any more", "Stop it, or take it in again."),
            NodeState.Following when status.Lag > FarBehind => ($"is {status.Lag.Value.TotalSeconds:0} s behind", "Look at its disk and its network."),
            NodeState.Following or NodeState.Primary => ("", ""),
            _ => throw Protocol.Invariant.Unreachable(status.State),
        };
        if (what.Length > 0) findings.Add(new Finding(status.Name, Health.Attention, $"{status.Name} {what.TrimEnd('.')}.", action));
        findings.AddRange(status.Warnings.Select(warning => new Finding(status.Name, Health.Attention, $"{status.Name}: {warning}", "See what it says; docs/operations.md lists every warning.")));
    }
}
