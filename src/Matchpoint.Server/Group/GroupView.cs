using Matchpoint.Journal;

namespace Matchpoint.Server.Group;

/// <summary>How well a group is.</summary>
internal enum Health
{
    /// <summary>Everything is as it should be.</summary>
    Well,

    /// <summary>Writes go on; something is to be looked at.</summary>
    Attention,

    /// <summary>No writes.</summary>
    Down,
}

/// <summary>Something that is not as it should be.</summary>
/// <param name="Member">Whom it concerns; null for the group.</param>
/// <param name="Health">How bad it is.</param>
/// <param name="What">What it is, in a sentence.</param>
/// <param name="Action">What to do.</param>
internal sealed record Finding(string? Member, Health Health, string What, string Action);

/// <summary>How a group is, in one sentence, and what is to be done.</summary>
/// <param name="Health">How well it is.</param>
/// <param name="Headline">In a few words.</param>
/// <param name="Sentence">In a sentence.</param>
/// <param name="Primary">Who takes writes; null when nobody does, as far as this node sees.</param>
/// <param name="Term">That one's term; otherwise the highest term known.</param>
/// <param name="Findings">What is not as it should be, the worst first.</param>
internal sealed record Verdict(Health Health, string Headline, string Sentence, string? Primary, long Term, IReadOnlyList<Finding> Findings);

/// <summary>A member as this node sees it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Address">Where it listens; null where it does not.</param>
/// <param name="Kind">What it is to the group.</param>
/// <param name="IsSelf">Whether it is the node that was asked.</param>
/// <param name="Answers">Whether it answers.</param>
/// <param name="Error">Why it does not, in words.</param>
/// <param name="SeenAt">When it answered last; null when it never did.</param>
/// <param name="Overview">What it said last; null when it never said anything.</param>
internal sealed record MemberView(string Name, string? Address, MemberKind Kind, bool IsSelf, bool Answers, string? Error, DateTimeOffset? SeenAt, NodeOverview? Overview);

/// <summary>What the group did in a second.</summary>
/// <param name="At">When it ended, in milliseconds since 1970.</param>
/// <param name="Commits">Commits a second.</param>
/// <param name="Reads">Reads of single keys a second.</param>
/// <param name="Bytes">Bytes of log a second, on the member that wrote most.</param>
/// <param name="P50">The latency that half of the commits did not exceed, in milliseconds; null where there were none.</param>
/// <param name="P99">The latency that 99 of 100 did not exceed.</param>
internal sealed record Sample(long At, double Commits, double Reads, double Bytes, double? P50, double? P99);

/// <summary>A group as one of its nodes sees it.</summary>
/// <param name="Group">The group's name.</param>
/// <param name="Self">The node that was asked.</param>
/// <param name="At">When.</param>
/// <param name="Verdict">How it is.</param>
/// <param name="Members">Its members, by name.</param>
/// <param name="Samples">What it did lately, second by second, oldest first.</param>
internal sealed record GroupView(string Group, string Self, DateTimeOffset At, Verdict Verdict, IReadOnlyList<MemberView> Members, IReadOnlyList<Sample> Samples);
