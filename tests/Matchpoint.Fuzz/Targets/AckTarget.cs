using Matchpoint.Protocol;
using Matchpoint.Protocol.Durability;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Fuzz.Targets;

/// <summary>Acknowledgements in any order, from anybody: the levels are those that counting by hand gives, and never fall.</summary>
internal sealed class AckTarget : IFuzzTarget
{
    /// <inheritdoc/>
    public string Name => "acks";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds => [[3, 5, 0, 9, 9, 1, 9, 7, 2, 6, 6], [5, 1, 0, 3, 2, 4, 3, 3, 3, 2, 2, 9, 9, 9], [1, 2, 0, 4, 4]];

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var reader = new InputReader(input);
        string[] voters = [.. Enumerable.Range(0, 1 + reader.Below(7)).Select(static i => $"{(char)('a' + i)}")];
        var start = Vlsn.Of(1 + reader.Below(20));
        var tracker = new AckTracker(voters, "a", start, TimeSpan.Zero);
        var flushed = new long[voters.Length];
        while (reader.HasMore)
        {
            var (voter, appended, flush) = (reader.Below(voters.Length + 1), Vlsn.Of(1 + reader.Below(40)), Vlsn.Of(1 + reader.Below(40)));
            var before = tracker.Levels;
            if (voter == 0) tracker.OnLocal(appended, flush);
            else tracker.OnVoter(voter < voters.Length ? voters[voter] : "stranger", appended, flush, TimeSpan.FromSeconds(reader.Byte()));
            if (voter < voters.Length) flushed[voter] = Math.Max(flushed[voter], flush.Value);
            var holders = flushed.OrderDescending().ElementAt(voters.Length / 2);
            var expected = holders >= start.Value ? holders : 0;
            var found = tracker.Levels.FlushedByMajority;
            Invariant.Holds((found.IsNull ? 0 : found.Value) == expected, $"{found} is on the devices of a majority, and counting gives {expected}.");
            Invariant.Holds(found >= before.FlushedByMajority && tracker.Levels.AppendedByAll >= before.AppendedByAll, "a level fell.");
        }
    }
}
