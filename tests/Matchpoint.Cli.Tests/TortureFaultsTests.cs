using Matchpoint.Cli.Torture;

namespace Matchpoint.Cli.Tests;

/// <summary>What is done to whom in a torture.</summary>
public sealed class TortureFaultsTests
{
    private const int Draws = 1000;

    private static readonly string[] Names = ["a", "b", "e"];

    [Theory]
    [InlineData(nameof(TortureFault.Isolate), false)]
    [InlineData(nameof(TortureFault.Mute), false)]
    [InlineData(nameof(TortureFault.Deafen), false)]
    [InlineData(nameof(TortureFault.Delay), false)]
    [InlineData(nameof(TortureFault.Reset), false)]
    [InlineData(nameof(TortureFault.Kill), true)]
    [InlineData(nameof(TortureFault.Stop), true)]
    [InlineData(nameof(TortureFault.FailedFlush), true)]
    public void Links_are_broken_only_where_there_are_some(string fault, bool mayHitAll)
    {
        var random = new Random(1);
        var hit = Enumerable.Range(0, Draws).Select(_ => TortureFaults.Whom(random, Enum.Parse<TortureFault>(fault), primary: "e", Names, static name => name != "e")).Distinct().Order().ToList();
        Assert.Equal(mayHitAll ? ["a", "b", "e"] : ["a", "b"], hit);
    }
}
