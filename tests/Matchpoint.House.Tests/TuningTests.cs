using System.Text.RegularExpressions;

namespace Matchpoint.House.Tests;

/// <summary>docs/tuning.md says of every option when to change it.</summary>
public partial class TuningTests
{
    [Fact]
    public void Every_option_stands_on_the_page()
    {
        var source = Repository.Read("src/Matchpoint/Api/MatchpointOptions.cs");
        var options = Option().Matches(source).Select(static option => option.Groups["name"].Value).ToArray();
        Assert.NotEmpty(options);
        var firstColumns = Repository.Read("docs/tuning.md").Split('\n').Where(static line => line.StartsWith("| `", StringComparison.Ordinal)).Select(static line => line.Split('|')[1]);
        var page = string.Join('\n', firstColumns);
        Assert.All(options, option => Assert.Contains($"`{option}`", page, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"^    public .*?(?<name>\w+) \{ get; init; \}", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Option();
}
