namespace Matchpoint.House.Tests;

/// <summary>A room uses only the rooms below it.</summary>
public class LayeringTests
{
    // Top first; each may use what stands behind it.
    private static readonly Dictionary<string, string[]> Below = new()
    {
        ["Matchpoint.Cli"] = ["Matchpoint.Server", "Matchpoint", "Matchpoint.Transport", "Matchpoint.Storage", "Matchpoint.Protocol"],
        ["Matchpoint.Server"] = ["Matchpoint", "Matchpoint.Transport", "Matchpoint.Storage", "Matchpoint.Protocol"],
        ["Matchpoint.Hosting"] = ["Matchpoint"],
        ["Matchpoint.OpenTelemetry"] = ["Matchpoint"],
        ["Matchpoint.Caching"] = ["Matchpoint"],
        ["Matchpoint.Orleans"] = ["Matchpoint"],
        ["Matchpoint"] = ["Matchpoint.Transport", "Matchpoint.Storage", "Matchpoint.Protocol"],
        ["Matchpoint.Transport"] = ["Matchpoint.Protocol"],
        ["Matchpoint.Storage"] = ["Matchpoint.Protocol"],
        ["Matchpoint.Protocol"] = [],
    };

    // What would bring I/O, a clock, threads or chance into the core.
    private static readonly string[] NotInTheCore =
    [
        "System.IO;", "System.IO.Pipelines", "System.Net", "System.Threading", "TimeProvider", "DateTime.", "Stopwatch", "Random",
        "Task<", "ValueTask", "async ", "ILogger", "Environment.",
    ];

    [Fact]
    public void Every_room_has_its_place() => Assert.Equal(Below.Keys.Order(), Repository.SourceProjects.Keys.Order());

    [Fact]
    public void A_room_refers_only_to_rooms_below_it()
    {
        foreach (var (room, below) in Below)
        {
            var forbidden = Repository.References(room).Except(below);
            Assert.True(!forbidden.Any(), $"{room} must not refer to {string.Join(", ", forbidden)}.");
        }
    }

    [Fact]
    public void The_core_knows_no_input_output_no_clock_no_threads_and_no_chance()
    {
        foreach (var file in Repository.Files(".cs").Where(file => file.StartsWith(Path.Combine("src", "Matchpoint.Protocol"), StringComparison.Ordinal)))
        {
            var text = Repository.Read(file);
            foreach (var word in NotInTheCore)
                Assert.False(text.Contains(word, StringComparison.Ordinal), $"{file} contains \"{word}\", which the core must not know.");
        }
    }

    [Fact]
    public void The_core_needs_nothing_but_the_hash()
    {
        Assert.Equal(["System.IO.Hashing"], Repository.Packages("Matchpoint.Protocol"));
    }
}
