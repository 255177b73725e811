namespace Matchpoint.Cli.Torture;

/// <summary>What a group says of itself, asked when it had come together: who is a member, who leads, who counts.</summary>
/// <param name="Primary">The name of the primary.</param>
/// <param name="Since">The record that made the members what they are; 0 for those of the options.</param>
/// <param name="Members">The members, the primary among them.</param>
internal sealed record GroupTruth(string Primary, long Since, IReadOnlyList<MemberStatus> Members)
{
    /// <summary>Nobody knows yet.</summary>
    public static GroupTruth None { get; } = new("", 0, []);

    /// <summary>The names of the members.</summary>
    public IEnumerable<string> Names => Members.Select(static member => member.Name);

    /// <summary>What the primary says; its own address is not among what it says.</summary>
    public static GroupTruth Of(NodeStatus primary)
    {
        var self = new MemberStatus(primary.Name, "", IsConnected: true, primary.Last, primary.Flushed, primary.Applied, 0, 0, 0, TimeSpan.Zero) { Kind = primary.Kind, IsPending = primary.IsPending };
        return new GroupTruth(primary.Name, primary.MembersAt, [.. primary.Members.Append(self).OrderBy(static member => member.Name, StringComparer.Ordinal)]);
    }

    /// <summary>A member; null when there is none of that name.</summary>
    public MemberStatus? Find(string name) => Members.FirstOrDefault(member => member.Name == name);

    /// <summary>How many members vote.</summary>
    public int Voting => Members.Count(static member => member.Kind != MemberKind.Secondary);

    /// <summary>
    /// Whether the data of a member may be lost, damaged, exchanged for an old backup, or left behind: what remains is a majority of those that vote, and of these one at least
    /// holds the data itself, not the log alone. That is what the product promises to survive; beyond it an acknowledged write could be gone rightly.
    /// </summary>
    public bool MayLose(string name)
    {
        var others = Members.Where(member => member.Name != name).ToList();
        return others.Count(static member => member.Kind != MemberKind.Secondary) > Voting / 2 && others.Exists(static member => member.Kind == MemberKind.Voter);
    }

    /// <summary>Whether a member's vote may be taken away for good: three that vote remain, two of them with data, so that the next round may lose one again.</summary>
    public bool MayTakeVote(string name)
    {
        if (Find(name) is not { } member || member.Kind == MemberKind.Secondary) return true;
        return Voting > 3 && Members.Count(other => other.Name != name && other.Kind == MemberKind.Voter) >= 2;
    }
}
