using System.Text.Json;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Tests;

/// <summary>What the README shows works as it stands there.</summary>
public sealed class ReadmeTests : IDisposable
{
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task The_example_for_the_shell_runs_and_ends_with_equal_logs()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("The example is for a POSIX shell.");
        var readme = await File.ReadAllTextAsync(Path.Combine(Root(), "README.md"));
        var start = readme.IndexOf("```sh\n", StringComparison.Ordinal) + "```sh\n".Length;
        var example = readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)];
        // The example's port may be taken here, and its pause is for a person's machine; the feeder is awaited by trying again.
        example = example.Replace("7000", $"{LoopbackPorts.Take(1)[0]}", StringComparison.Ordinal).Replace("sleep 2", "", StringComparison.Ordinal);
        var script = $$"""
            set -e
            matchpoint() { dotnet {{Tool.Assembly}} "$@"; }
            again() { for i in $(seq 50); do "$@" && return; done; return 1; }
            {{example.Replace("matchpoint syncup join", "again matchpoint syncup join", StringComparison.Ordinal)}}
            """;
        var result = await Tool.RunProgramAsync("bash", ["-c", script], _work.Path, deadline: Tool.ManyStarts);
        Assert.True(result.ExitCode == 0, result.Output + result.Errors);
        Assert.EndsWith("equal\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("put color red", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("log", "append.nosync append.sync64 append.alloc verify open.clean open.killed")]
    [InlineData("syncup", "v2.terms.roundtrips v2.probe.roundtrips v2.terms.decision v2.probe.decision v1.roundtrips cut")]
    public async Task A_bench_prints_its_stable_names(string bench, string names)
    {
        var result = await Tool.RunAsync("bench", bench, "--runs", "1", "--scale", "0.01", "--dir", _work.Path, "--json");
        Assert.True(result.ExitCode == 0, result.Errors);
        using var json = JsonDocument.Parse(result.Output);
        Assert.True(json.RootElement.GetProperty("machine").GetProperty("processors").GetInt32() > 0);
        var found = json.RootElement.GetProperty("figures").EnumerateArray().Select(figure => figure.GetProperty("name").GetString()).ToHashSet();
        Assert.All(names.Split(' '), name => Assert.Contains(name, found));
    }

    private static string Root()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Matchpoint.slnx"))) return directory.FullName;
        }

        throw new InvalidOperationException("The repository's root was not found.");
    }
}
