using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Matchpoint.Hosting.Tests;

/// <summary>Options from configuration.</summary>
public class ConfigurationTests
{
    [Fact]
    public void Every_option_that_text_can_say_is_read()
    {
        var options = Read(new()
        {
            ["Directory"] = "data",
            ["Name"] = "a",
            ["Group"] = "shop",
            ["Members:0:Name"] = "a",
            ["Members:0:Address"] = "10.0.0.1:7001",
            ["Members:1:Name"] = "b",
            ["Members:1:Address"] = "10.0.0.2:7001",
            ["Listen"] = "0.0.0.0:7001",
            ["PreferredFeeder"] = "b",
            ["Durability:LocalFlush"] = "Write",
            ["Durability:ReplicaFlush"] = "Sync",
            ["Durability:Acks"] = "All",
            ["CommitTimeout"] = "00:00:03",
            ["ElectionTimeout"] = "00:00:00.500",
            ["MaxTailBytes"] = "1048576",
            ["RollbackLimit"] = "3",
            ["CopyBytesPerSecond"] = "1000000",
        });

        Assert.Equal("data", options.Directory);
        Assert.Equal("shop", options.Group);
        Assert.Equal([new GroupMember("a", "10.0.0.1:7001"), new GroupMember("b", "10.0.0.2:7001")], options.Members);
        Assert.Equal("0.0.0.0:7001", options.Listen);
        Assert.Equal("b", options.PreferredFeeder);
        Assert.Equal(new Durability(FlushPolicy.Write, FlushPolicy.Sync, AckPolicy.All), options.Durability);
        Assert.Equal(TimeSpan.FromSeconds(3), options.CommitTimeout);
        Assert.Equal(TimeSpan.FromMilliseconds(500), options.ElectionTimeout);
        Assert.Equal(1048576, options.MaxTailBytes);
        Assert.Equal(3, options.RollbackLimit);
        Assert.Equal(1_000_000, options.CopyBytesPerSecond);
        Assert.Equal(new MatchpointOptions { Directory = "data" }.ReadTimeout, options.ReadTimeout);
    }

    [Theory]
    [InlineData("Full")]
    [InlineData("Written")]
    [InlineData("Fast")]
    public void Durability_is_one_of_three_words(string word)
    {
        var expected = word switch
        {
            "Full" => Durability.Full,
            "Written" => Durability.Written,
            _ => Durability.Fast,
        };
        var options = Read(new() { ["Directory"] = "data", ["Durability"] = word, ["Members:0:Name"] = "node", ["Members:0:Address"] = "10.0.0.1:7001" });
        Assert.Equal(expected, options.Durability);
        Assert.Single(options.Members);
    }

    [Theory]
    [InlineData("Durability", "Perhaps", "expected Full, Written or Fast")]
    [InlineData("ElectionTimeuot", "00:00:01", "ElectionTimeuot")]
    [InlineData("MaxTailBytes", "much", "MaxTailBytes")]
    public void What_is_not_understood_is_named(string key, string value, string named)
    {
        var error = Assert.Throws<MatchpointException>(() => Read(new() { ["Directory"] = "data", [key] = value }));
        Assert.StartsWith("Matchpoint: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_program_has_the_last_word()
    {
        var services = new ServiceCollection().AddMatchpoint(Section(new() { ["Directory"] = "data", ["Group"] = "shop" }), options => options with { Directory = "elsewhere" });
        using var provider = services.BuildServiceProvider();
        var options = provider.GetRequiredService<IOptionsMonitor<MatchpointOptions>>().CurrentValue;
        Assert.Equal(("elsewhere", "shop"), (options.Directory, options.Group));
    }

    private static MatchpointOptions Read(Dictionary<string, string?> values)
    {
        using var provider = new ServiceCollection().AddMatchpoint(Section(values)).BuildServiceProvider();
        return provider.GetRequiredService<IOptionsMonitor<MatchpointOptions>>().CurrentValue;
    }

    private static IConfigurationSection Section(Dictionary<string, string?> values) => new ConfigurationBuilder()
        .AddInMemoryCollection(values.Select(pair => KeyValuePair.Create($"Matchpoint:{pair.Key}", pair.Value)))
        .Build()
        .GetSection("Matchpoint");
}
