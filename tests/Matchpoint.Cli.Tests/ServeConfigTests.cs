using Matchpoint.Cli.Node;

namespace Matchpoint.Cli.Tests;

/// <summary>What a node is run with, from a file and from flags.</summary>
public sealed class ServeConfigTests : IDisposable
{
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData("", null, 8_388_608L)]
    [InlineData(", \"scrubBytesPerSecond\": 1000000", null, 1_000_000L)]
    [InlineData(", \"scrubBytesPerSecond\": 0", null, null)]
    [InlineData(", \"scrubBytesPerSecond\": 0", 2_000_000L, 2_000_000L)]
    [InlineData("", 0L, null)]
    public async Task How_fast_the_disk_is_read_again_is_said_by_the_file_and_the_flag_wins(string key, long? flag, long? expected)
    {
        await File.WriteAllTextAsync(_work.At("node.json"), $$"""{ "data": "x"{{key}} }""", TestContext.Current.CancellationToken);
        var config = new ServeConfig { ScrubBytesPerSecond = flag }.Over(ServeConfig.Read(_work.At("node.json")));
        Assert.Equal(expected, config.ToOptions(security: null).ScrubBytesPerSecond);
    }

    [Fact]
    public async Task A_rate_that_would_never_end_is_refused()
    {
        var serve = await Tool.RunAsync("serve", "--data", _work.At("x"), "--scrub-bytes-per-second", "10");
        Assert.Equal((2, true), (serve.ExitCode, serve.Errors.Contains("ScrubBytesPerSecond", StringComparison.Ordinal)));
    }
}
