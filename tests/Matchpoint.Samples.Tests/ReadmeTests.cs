namespace Matchpoint.Samples.Tests;

/// <summary>What the README shows in C# compiles.</summary>
public class ReadmeTests
{
    [Fact]
    public void Every_piece_of_CSharp_stands_in_the_snippets_that_are_compiled()
    {
        var snippets = Plain(File.ReadAllText(Path.Combine(Checkout.Root, "samples", "ReadmeSnippets", "Program.cs")));
        var readme = File.ReadAllText(Path.Combine(Checkout.Root, "README.md")).ReplaceLineEndings("\n");
        var blocks = readme.Split("```csharp\n")[1..].Select(text => text[..text.IndexOf("```", StringComparison.Ordinal)]);
        Assert.NotEmpty(blocks);
        Assert.All(blocks, block => Assert.Contains(Plain(block), snippets, StringComparison.Ordinal));
    }

    /// <summary>Without indentation, and without what a block ends with.</summary>
    private static string Plain(string code) => string.Join('\n', code.ReplaceLineEndings("\n").Split('\n').Select(line => line.Trim())).Trim();
}
