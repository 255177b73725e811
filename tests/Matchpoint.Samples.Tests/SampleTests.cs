using Matchpoint.Packages.Tests;

namespace Matchpoint.Samples.Tests;

/// <summary>The samples run as a user runs them, end by themselves, and say what they promise.</summary>
public class SampleTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    [Theory]
    [InlineData("Counter", "opened again, the counter is 200: exact")]
    [InlineData("HostedNode", "2 greetings, and the price was made 1 time")]
    [InlineData("OrleansManyGroups", "all 200 keys are there")]
    [InlineData("ThreeNodes", "all three hold the same")]
    [InlineData("WorkQueue", "20 jobs put, 20 done, 20 of them once")]
    public async Task A_sample_ends_by_itself_with_what_it_promises(string sample, string lastLine)
    {
        var printed = await Dotnet.RunAsync("dotnet", AppContext.BaseDirectory, [Checkout.Built(sample)], Deadline);
        Assert.Equal(lastLine, printed.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1]);
    }

    [Fact]
    public void Every_sample_is_run_here()
    {
        var run = GetType().GetMethod(nameof(A_sample_ends_by_itself_with_what_it_promises))!.GetCustomAttributes(typeof(InlineDataAttribute), inherit: false)
            .Select(data => ((InlineDataAttribute)data).Data[0] as string);
        var there = Directory.EnumerateFiles(Path.Combine(Checkout.Root, "samples"), "*.csproj", SearchOption.AllDirectories)
            .Select(path => Path.GetFileNameWithoutExtension(path)).Where(name => name != "ReadmeSnippets");
        Assert.Equal(there.Order(StringComparer.Ordinal), run.Order(StringComparer.Ordinal));
    }
}
