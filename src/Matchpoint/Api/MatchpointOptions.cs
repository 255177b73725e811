using Microsoft.Extensions.Logging;

namespace Matchpoint;

/// <summary>A member of a group.</summary>
/// <param name="Name">Its name: unique in the group, and the same in every member's options.</param>
/// <param name="Address">Where it listens: HOST:PORT.</param>
/// <param name="Kind">What it is to the group.</param>
/// <param name="Priority">0 to 9: of several that could be the primary the one with the highest priority becomes it, and takes over again when it comes back.</param>
/// <param name="IsDesignated">
/// Whether it goes on by itself in a group of two while the other is away. What it then acknowledges is on one machine only, and <see cref="NodeStatus.Warnings"/> says so; the other counts again
/// once it has caught up. In a group of three or more nobody can be designated.
/// </param>
public sealed record GroupMember(string Name, string Address, MemberKind Kind = MemberKind.Voter, int Priority = 1, bool IsDesignated = false);

/// <summary>How a node is run. Only <see cref="Directory"/> is needed: then it is a group of its own.</summary>
public sealed record MatchpointOptions
{
    /// <summary>The directory that holds everything the node keeps. It is made when it is not there.</summary>
    public required string Directory { get; init; }

    /// <summary>The node's name in its group.</summary>
    public string Name { get; init; } = "node";

    /// <summary>The group's name. Nodes of different groups never mix.</summary>
    public string Group { get; init; } = "matchpoint";

    /// <summary>
    /// Every member of the group, this node included, the same on each. Empty for a node by itself. With these a group begins; once its members were changed
    /// (<see cref="MatchpointNode.AddMemberAsync"/> and its kin) the group's own log says who they are, and a node needs these only to find one that knows.
    /// </summary>
    public IReadOnlyList<GroupMember> Members { get; init; } = [];

    /// <summary>Where this node reaches other members, HOST:PORT by name, where that differs from their addresses in the group: another network, a tunnel, a proxy.</summary>
    public IReadOnlyDictionary<string, string> Routes { get; init; } = new Dictionary<string, string>();

    /// <summary>Where to listen, HOST:PORT, where that differs from this node's address in <see cref="Members"/>. Null with no members: nothing is listened to.</summary>
    public string? Listen { get; init; }

    /// <summary>
    /// How connections are secured. Null, and not secured, only where all addresses are this machine's own loopback: beyond it a node does not open without certificates, unless
    /// <see cref="SecurityOptions.AllowInsecure"/> asks for it.
    /// </summary>
    public SecurityOptions? Security { get; init; }

    /// <summary>The member to take the log from while it can be had; null for the primary itself.</summary>
    public string? PreferredFeeder { get; init; }

    /// <summary>What a commit waits for, where it does not say so itself. The same on every member.</summary>
    public Durability Durability { get; init; } = Durability.Full;

    /// <summary>How long a commit may wait for its acknowledgements.</summary>
    public TimeSpan CommitTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a read may wait to become as fresh as it was asked for.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a primary may be unheard of before another is elected: 50 ms to a minute. Shorter finds a dead primary sooner, and takes a busy
    /// machine's pause for a death more often. The same on every member, for linearizable reads count on it: change it while all are stopped.
    /// </summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How many bytes of undecided transactions are held in memory before writes wait: 1 MiB to 4 GiB. No transaction can be longer than a quarter of
    /// it, and while a large one is written no more than all of it may be added to the log. The same on every member: each keeps so much of its log below what its state holds.
    /// </summary>
    public long MaxTailBytes { get; init; } = 256 * 1024 * 1024;

    /// <summary>
    /// How many acknowledged commits a rollback may undo before it asks the operator instead; null: no commit is ever undone without being asked,
    /// acknowledged or not. They can only be commits with
    /// <see cref="AckPolicy.None"/>.
    /// </summary>
    public int? RollbackLimit { get; init; } = 10;

    /// <summary>
    /// How many bytes of log are kept at the most, give or take a segment, for members that are away or behind: 64 MiB or more, and not less than <see cref="MaxTailBytes"/>. One that needs more
    /// fetches a full copy. What no member needs goes beyond a reserve of 256 MiB (or <see cref="MaxTailBytes"/>, if that is more) for those that follow changes.
    /// </summary>
    public long LogKeepBytes { get; init; } = 4L * 1024 * 1024 * 1024;

    /// <summary>How old the log may be that is kept for members that are away or behind: a minute or more; null for any age, up to <see cref="LogKeepBytes"/>.</summary>
    public TimeSpan? LogKeepTime { get; init; }

    /// <summary>How many bytes a second a full copy may take that this node gives to another: 64 KiB or more; null for as many as commits bear, and as go where nobody commits.</summary>
    public long? CopyBytesPerSecond { get; init; }

    /// <summary>
    /// How many bytes a second the node reads again of its log and state, once a day, to find what its disk has lost before it is needed: 64 KiB or more; null for never.
    /// </summary>
    public long? ScrubBytesPerSecond { get; init; } = 8 * 1024 * 1024;

    /// <summary>How far the clocks of two members may be apart.</summary>
    public TimeSpan MaxClockSkew { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Memory for the blocks of the state that are read often: 1 MiB or more.</summary>
    public long CacheBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Where time comes from.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where the node logs what happens to it, in the category <c>Matchpoint.Node</c>; null for nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>Checks every option, as opening a node does first.</summary>
    /// <exception cref="OptionsException">Some cannot be used; it names each with its value and the rule.</exception>
    public void Validate() => Node.OptionsCheck.Require(this);
}
