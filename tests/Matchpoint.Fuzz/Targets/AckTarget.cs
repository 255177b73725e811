using Matchpoint.Protocol;
using Matchpoint.Protocol.Durability;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// Acknowledgements in any order, beyond the log, going back, of voters and of others, while the members change: what a majority holds and when it was last heard is what counting says, and
/// falls only where others count. A primary without which nobody can be elected is followed at any time; it makes no copy more.
/// </summary>
internal sealed class AckTarget : IFuzzTarget
{
    private const int MostRecords = 40;

    private static readonly string[] Names = ["a", "b", "c", "d", "e", "f", "g"];

    /// <inheritdoc/>
    public string Name => "acks";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds =>
    [
        [3, 5, 0, 9, 9, 1, 9, 7, 2, 6, 6], [5, 1, 0, 3, 2, 4, 3, 3, 3, 2, 2, 9, 9, 9], [1, 2, 0, 4, 4], [0, 0, 0, 12, 9, 7, 3, 10, 1, 14, 14, 0, 14, 10],
        // A primary that is enough by itself from the beginning, that is so no more, and that is so again.
        [129, 0, 0, 12, 9, 1, 5, 5, 3, 7, 2, 10, 9, 1, 14, 14, 20, 7, 3, 12, 30, 1, 15, 15, 40],
    ];

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var reader = new InputReader(input);
        var first = reader.Byte();
        string[] voters = [.. Names.Take(1 + (first % Names.Length))];
        var isSelfSufficient = first >= 128;
        var quorum = TimeSpan.Zero;
        var start = Vlsn.Of(1 + reader.Below(20));
        var membersAt = Vlsn.Null;
        var tracker = new AckTracker(voters, Names[0], start, quorum, isSelfSufficient: isSelfSufficient);
        var said = Names.ToDictionary(static name => name, static _ => (Appended: 0L, Flushed: 0L, Heard: TimeSpan.MinValue), StringComparer.Ordinal);
        while (reader.HasMore)
        {
            var who = reader.Below(Names.Length + 1);
            var before = tracker.Levels;
            if (who == Names.Length)
            {
                var mask = reader.Byte();
                voters = [.. Names.Where((_, i) => i == 0 || ((mask >> i) & 1) == 1)];
                membersAt = Vlsn.Of(1 + reader.Below(MostRecords));
                (isSelfSufficient, quorum) = ((mask & 1) == 1, TimeSpan.FromSeconds(reader.Byte()));
                tracker.Reconfigure(voters, membersAt, isSelfSufficient, quorum);
                before = default;
            }
            else
            {
                var (appended, flushed, heard) = (Vlsn.Of(1 + reader.Below(MostRecords)), Vlsn.Of(1 + reader.Below(MostRecords)), TimeSpan.FromSeconds(who == 0 ? 0 : reader.Byte()));
                if (who == 0) tracker.OnLocal(appended, flushed);
                else tracker.OnVoter(Names[who], appended, flushed, heard);
                var old = said[Names[who]];
                said[Names[who]] = (Math.Max(old.Appended, appended.Value), Math.Max(old.Flushed, flushed.Value), who > 0 && heard > old.Heard ? heard : old.Heard);
                // Whoever is enough by itself was heard by no majority: should that end, it has until a while after then.
                var followed = tracker.FollowedAt;
                if (!isSelfSufficient && voters.Length > 1 && said[Names[who]].Heard > old.Heard && voters.Contains(Names[who]) && followed > quorum) quorum = followed;
            }

            Compare(tracker, [.. voters.Select(voter => said[voter])], start.Value, membersAt.IsNull ? 0 : membersAt.Value, isSelfSufficient);
            Invariant.Holds(tracker.QuorumHeardAt == quorum, $"a majority was heard at {tracker.QuorumHeardAt}, and it was at {quorum}.");
            var levels = tracker.Levels;
            Invariant.Holds(
                levels.FlushedByMajority >= before.FlushedByMajority && levels.AppendedByMajority >= before.AppendedByMajority && levels.AppendedByAll >= before.AppendedByAll
                    && levels.FlushedByAll >= before.FlushedByAll,
                "a level fell.");
        }
    }

    private static void Compare(AckTracker tracker, (long Appended, long Flushed, TimeSpan Heard)[] voters, long start, long membersAt, bool isSelfSufficient)
    {
        // The first one is the primary.
        var most = voters[0].Flushed >= membersAt ? long.MaxValue : membersAt - 1;
        AreEqual("in the memory of a majority", OfReign(Math.Min(HeldByMajority(voters.Select(static voter => voter.Appended)), OfReign(most))), tracker.Levels.AppendedByMajority);
        AreEqual("on the devices of a majority", OfReign(HeldByMajority(voters.Select(static voter => voter.Flushed))), tracker.Levels.FlushedByMajority);
        AreEqual("in the memory of all", OfReign(voters.Min(static voter => voter.Appended)), tracker.Levels.AppendedByAll);
        AreEqual("on the devices of all", OfReign(voters.Min(static voter => voter.Flushed)), tracker.Levels.FlushedByAll);
        var heard = isSelfSufficient ? TimeSpan.MaxValue : HeldByMajority(voters.Select(static (voter, i) => i == 0 ? TimeSpan.MaxValue : voter.Heard));
        Invariant.Holds(tracker.FollowedAt == heard, $"a majority was heard at {tracker.FollowedAt}, and counting gives {heard}.");

        long OfReign(long record) => record >= start ? record : 0;
    }

    private static T HeldByMajority<T>(IEnumerable<T> voters)
    {
        var all = voters.OrderDescending().ToList();
        return all[all.Count / 2];
    }

    private static void AreEqual(string what, long expected, Vlsn found) =>
        Invariant.Holds((found.IsNull ? 0 : found.Value) == expected, $"{found} is {what}, and counting gives {expected}.");
}
