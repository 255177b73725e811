using Matchpoint.Protocol.Membership;

namespace Matchpoint.Protocol.Elections;

/// <summary>What an election depends on beside what happens.</summary>
/// <param name="Self">This node's name.</param>
/// <param name="Roster">The members as the node knows them when it starts.</param>
/// <param name="Timeout">How long a primary may be unheard of before others stand; and how long one that hears no majority stays.</param>
/// <param name="Heartbeat">How often a primary makes itself heard.</param>
/// <param name="Seed">Where the random part of time-outs comes from: it must differ from node to node.</param>
internal sealed record ElectionSettings(string Self, Roster Roster, TimeSpan Timeout, TimeSpan Heartbeat, ulong Seed)
{
    /// <summary>So many levels of others are waited for; half a time-out each.</summary>
    private const int MostRanks = 4;

    /// <summary>
    /// How long a primary may serve reads after a majority last heard it. Those that heard it grant no vote for the whole time-out; the rest is slack for clocks
    /// that do not run equally fast.
    /// </summary>
    public TimeSpan Lease => Timeout * 0.8;

    /// <summary>
    /// How long a candidate counts votes. One that was given by a node which has lost its disk since is worth nothing by the time that node counts again, see <see cref="Forgetting"/>.
    /// </summary>
    public TimeSpan Candidacy => Timeout;

    /// <summary>How long whoever has forgotten what it promised waits before it asks whether it may count: no candidate counts a vote of before any more, be its clock that much slower.</summary>
    public TimeSpan Forgetting => Candidacy / 0.8;

    /// <summary>How long at least a node waits for a primary before it stands.</summary>
    /// <param name="rank">How many levels of others are wanted as the primary before it.</param>
    public TimeSpan Patience(int rank) => Timeout + (Timeout * (Math.Min(rank, MostRanks) * 0.5));
}
