using Matchpoint.Simulation.Clients;

namespace Matchpoint.Simulation.Checks;

/// <summary>What each register held behind every record of a history.</summary>
internal sealed class RegisterVersions
{
    private const long Never = long.MaxValue;

    private readonly (long[] From, int[] Values)[] _registers = new (long[], int[])[SimulatedClient.Registers];

    /// <summary>Takes them from a history.</summary>
    public RegisterVersions(Fold fold)
    {
        for (var register = 0; register < _registers.Length; register++)
        {
            var versions = fold.VersionsOf(Fold.NameOf(0, SimulatedClient.RegisterKey(register)));
            var (from, values) = (new long[versions.Count], new int[versions.Count]);
            for (var i = 0; i < versions.Count; i++)
                (from[i], values[i]) = (versions[i].At.DistanceFrom(Protocol.Identities.Vlsn.Null), SimulatedClient.ToValue(versions[i].Value));
            _registers[register] = (from, values);
        }
    }

    /// <summary>Whether a register ever held a value; 0 for nothing, which all held in the beginning.</summary>
    public bool EverHeld(int register, int value) => value == 0 || _registers[register].Values.Contains(value);

    /// <summary>The first record behind which some registers that are neighbours held what was found, all of them at once.</summary>
    /// <param name="register">The first of them.</param>
    /// <param name="found">What was found in each; 0 for nothing.</param>
    /// <param name="from">The first record that comes into question; 0 for before the first of all.</param>
    /// <param name="to">The last one.</param>
    /// <returns>The number of that record; null if there is none.</returns>
    public long? Earliest(int register, ReadOnlySpan<int> found, long from, long to)
    {
        while (true)
        {
            var at = from;
            for (var i = 0; i < found.Length; i++)
            {
                at = Next(register + i, found[i], at);
                if (at == Never || at > to) return null;
            }

            if (at == from) return at;
            from = at;
        }
    }

    /// <summary>The first record from one on behind which a register held a value, or never.</summary>
    private long Next(int register, int value, long at)
    {
        var (from, values) = _registers[register];
        // The last version of those that one transaction made is the one that counts.
        var next = UpperBound(from, at);
        if ((next == 0 ? 0 : values[next - 1]) == value) return at;
        for (; next < from.Length; next++)
        {
            var isLastOfItsRecord = next + 1 == from.Length || from[next + 1] != from[next];
            if (isLastOfItsRecord && values[next] == value) return from[next];
        }

        return Never;
    }

    private static int UpperBound(long[] sorted, long value)
    {
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (sorted[middle] <= value) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>In words: from which record on a register held a value, and up to which.</summary>
    public string Describe(int register, int value)
    {
        var (from, values) = _registers[register];
        var spans = new List<string>();
        for (var i = -1; i < from.Length; i++)
        {
            if ((i < 0 ? 0 : values[i]) == value) spans.Add($"{(i < 0 ? 0 : from[i])}-{(i + 1 < from.Length ? from[i + 1] - 1 : "")}");
        }

        return $"r{register} = {value} in {(spans.Count == 0 ? "none" : string.Join(", ", spans))}";
    }
}
