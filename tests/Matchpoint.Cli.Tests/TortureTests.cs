namespace Matchpoint.Cli.Tests;

/// <summary>A few rounds of what the command does for hours.</summary>
public sealed class TortureTests
{
    [Fact]
    public async Task A_tortured_group_loses_nothing_that_was_acknowledged()
    {
        var torture = await Tool.RunAsync("torture", "--rounds", "4", "--seed", "5");
        Assert.True(torture.ExitCode == 0, torture.Output + torture.Errors);
        Assert.Contains("Nothing acknowledged was lost, and all three hold the same.", torture.Output, StringComparison.Ordinal);
        Assert.Equal("", torture.Errors);
    }

    [Theory]
    [InlineData("--rounds", "0")]
    [InlineData("--minutes", "-1")]
    public async Task What_makes_no_sense_is_refused(string option, string value)
    {
        var torture = await Tool.RunAsync("torture", option, value);
        Assert.Equal(2, torture.ExitCode);
        Assert.Contains(option, torture.Errors, StringComparison.Ordinal);
    }
}
