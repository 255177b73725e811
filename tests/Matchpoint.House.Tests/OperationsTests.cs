using System.Text.RegularExpressions;

namespace Matchpoint.House.Tests;

/// <summary>docs/operations.md says of every state and every exit code what it means and what to do.</summary>
public partial class OperationsTests
{
    private const string Page = "docs/operations.md";

    [Fact]
    public void Every_state_of_a_node_stands_on_the_page_with_what_to_do()
    {
        var states = Member().Matches(Body("src/Matchpoint/Api/NodeStatus.cs", "public enum NodeState")).Select(static state => state.Groups["name"].Value).ToArray();
        Assert.Contains("Primary", states);
        Assert.Equal(states.Order(StringComparer.Ordinal), Rows("## States").Select(static row => row[0].Trim('`')).Order(StringComparer.Ordinal));
        // Nothing is to be done about a node that was closed.
        Assert.All(Rows("## States").Where(static row => row[0] != "`Closed`"), static row => Assert.NotEmpty(row[2]));
    }

    [Fact]
    public void Every_exit_code_of_the_tool_stands_on_the_page_with_what_to_do()
    {
        var codes = Constant().Matches(Repository.Read("src/Matchpoint.Cli/Terminal/ExitCode.cs")).Select(static code => code.Groups["value"].Value).ToArray();
        Assert.Contains("0", codes);
        Assert.Equal(codes, Rows("## Exit codes of the tool").Select(static row => row[0]));
        Assert.All(Rows("## Exit codes of the tool").Skip(1), static row => Assert.NotEmpty(row[2]));
    }

    [Fact]
    public void Every_field_of_the_status_stands_on_the_page()
    {
        var fields = Property().Matches(Body("src/Matchpoint/Api/NodeStatus.cs", "public sealed record NodeStatus")).Select(static field => field.Groups["name"].Value).ToArray();
        Assert.Contains("Durable", fields);
        var page = string.Join('\n', Rows("## Fields of the status").Select(static row => row[0]));
        Assert.All(fields, field => Assert.Contains($"`{field}`", page, StringComparison.Ordinal));
    }

    /// <summary>The cells of the first table below a heading.</summary>
    private static List<string[]> Rows(string heading)
    {
        var page = Repository.Read(Page);
        var at = page.IndexOf($"{heading}\n", StringComparison.Ordinal);
        Assert.True(at >= 0, $"{Page} has no heading '{heading}'.");
        return [.. page[at..].Split('\n')
            .SkipWhile(static line => !line.StartsWith('|'))
            .TakeWhile(static line => line.StartsWith('|'))
            .Skip(2)
            .Select(static line => line.Split('|', StringSplitOptions.TrimEntries)[1..^1])];
    }

    /// <summary>What stands between the braces of a type.</summary>
    private static string Body(string file, string declaration)
    {
        var source = Repository.Read(file);
        var at = source.IndexOf(declaration, StringComparison.Ordinal);
        Assert.True(at >= 0, $"{file} has no '{declaration}'.");
        return source[at..source.IndexOf("\n}", at, StringComparison.Ordinal)];
    }

    [GeneratedRegex(@"^    (?<name>[A-Z]\w*),?\s*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Member();

    [GeneratedRegex(@"const int \w+ = (?<value>\d+);", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Constant();

    [GeneratedRegex(@"^    public .*?(?<name>\w+) \{ get; init; \}", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Property();
}
