namespace Matchpoint.Cli.Tests;

/// <summary>A few rounds of what the command does for hours.</summary>
public sealed class TortureTests
{
    /// <summary>It takes 20 to 25 s; a machine that does much else starts the processes far more slowly.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task A_tortured_group_loses_nothing_that_was_acknowledged_and_a_new_member_and_a_lost_disk_come_back_by_a_full_copy()
    {
        // What this seed draws first: a machine becomes a voter, somebody's disk is emptied, and the primary is handed over.
        var torture = await Tool.RunAsync(Deadline, input: "", ["torture", "--rounds", "2", "--seed", "2111"]);
        Assert.True(torture.ExitCode == 0, torture.Output + torture.Errors);
        Assert.Contains("Nothing acknowledged was lost, and all members hold the same.", torture.Output, StringComparison.Ordinal);
        Assert.Contains("AddVoter d (copy from ", torture.Output, StringComparison.Ordinal);
        Assert.Contains("EmptyDisk a (copy from ", torture.Output, StringComparison.Ordinal);
        Assert.Contains("Transfer ", torture.Output, StringComparison.Ordinal);
        Assert.Contains("2 full copies seen", torture.Output, StringComparison.Ordinal);
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
