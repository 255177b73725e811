using System.Text.RegularExpressions;

namespace Matchpoint.House.Tests;

/// <summary>docs/guarantees.md names the tests that show what it promises: they must be there.</summary>
public partial class GuaranteesTests
{
    private const string Page = "docs/guarantees.md";

    [Fact]
    public void Every_test_that_the_guarantees_name_stands_in_its_file()
    {
        var named = NamedTest().Matches(Repository.Read(Page));
        Assert.NotEmpty(named);
        foreach (Match test in named)
        {
            var (file, method) = (test.Groups["file"].Value, test.Groups["method"].Value);
            Assert.True(File.Exists(Path.Combine(Repository.Root, file)), $"{Page} names a test in {file}, which is not there.");
            var isThere = Regex.IsMatch(
                Repository.Read(file), $@"\[(Fact|Theory)[^\n]*\](\s*(\[|//)[^\n]*)*\s*public (async Task|Task|void) {method}\(", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
            Assert.True(isThere, $"{Page} names the test {method}, which is not in {file}: name the test that shows it now.");
        }
    }

    [Fact]
    public void Every_failure_has_a_row_that_says_which_test_shows_it()
    {
        var page = Repository.Read(Page);
        var failures = Failures(page, "## What happens to my writes when ...");
        Assert.NotEmpty(failures);
        Assert.Equal(failures, Failures(page, "### Which test shows it"));
    }

    /// <summary>The first column of the table below a heading, without its own heading.</summary>
    private static string[] Failures(string page, string heading)
    {
        var at = page.IndexOf($"{heading}\n", StringComparison.Ordinal);
        Assert.True(at >= 0, $"{Page} has no heading '{heading}'.");
        return [.. page[at..].Split('\n')
            .SkipWhile(static line => !line.StartsWith('|'))
            .TakeWhile(static line => line.StartsWith('|'))
            .Skip(2)
            .Select(static line => line.Split('|')[1].Trim())];
    }

    [GeneratedRegex(@"\]\(\.\./(?<file>tests/[^)\s]+\.cs)\) `(?<method>\w+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NamedTest();
}
