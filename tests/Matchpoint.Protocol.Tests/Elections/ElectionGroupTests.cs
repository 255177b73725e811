using System.Globalization;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>Many histories of whole groups. MATCHPOINT_SEEDS says how many, MATCHPOINT_FIRST_SEED from where.</summary>
public sealed class ElectionGroupTests
{
    [Fact]
    public void Whatever_happens_to_a_group_it_keeps_its_promises_and_elects_a_primary_when_it_can()
    {
        var first = Number("MATCHPOINT_FIRST_SEED", 1);
        var count = Number("MATCHPOINT_SEEDS", 2000);
        var broken = new List<(int Seed, string Promise)>();
        Parallel.For(first, first + count, seed =>
        {
            if (Try(seed, isTraced: false) is not { } failure) return;
            lock (broken) broken.Add((seed, failure.Promise));
        });

        if (broken.Count == 0) return;
        var (lowest, promise) = broken.Min();
        var others = string.Join('\n', broken.GroupBy(one => one.Promise[..Math.Min(one.Promise.Length, 20)])
            .Select(kind => $"{kind.Count()} times, first in seed {kind.Min().Seed}: {kind.Min().Promise}"));
        Assert.Fail($"{broken.Count} of {count} seeds:\n{others}\nSeed {lowest}: {promise}\n{Try(lowest, isTraced: true)?.Trace}");
    }

    private static (string Promise, string Trace)? Try(int seed, bool isTraced)
    {
        var group = new ElectionGroup(seed, isTraced);
        try
        {
            group.Run();
            return null;
        }
        catch (Exception error) when (error is PromiseBrokenException or InvariantException)
        {
            return (error.Message, group.TraceText);
        }
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
