using System.Text.RegularExpressions;

namespace Matchpoint.House.Tests;

/// <summary>What a reader would stumble over.</summary>
public partial class TidyTests
{
    private const int LongestFile = 500;
    private const int LongestLine = 200;

    [Fact]
    public void No_file_is_longer_than_one_can_hold_in_the_head()
    {
        foreach (var file in Repository.Files(".cs"))
        {
            var lines = File.ReadLines(Path.Combine(Repository.Root, file)).Count();
            Assert.True(lines <= LongestFile, $"{file} has {lines} lines; split it along its concepts (at most {LongestFile}).");
        }
    }

    [Fact]
    public void No_line_of_code_runs_off_the_screen()
    {
        foreach (var file in Repository.Files(".cs"))
        {
            var number = 0;
            foreach (var line in File.ReadLines(Path.Combine(Repository.Root, file)))
            {
                number++;
                Assert.True(line.Length <= LongestLine, $"{file}:{number} has {line.Length} characters (at most {LongestLine}).");
            }
        }
    }

    [Fact]
    public void Nothing_is_left_unfinished()
    {
        foreach (var file in Repository.Files(".cs").Where(file => !file.EndsWith("TidyTests.cs", StringComparison.Ordinal)))
        {
            var text = Repository.Read(file);
            foreach (var word in new[] { "TODO", "FIXME", "HACK", "NotImplementedException", "Thread.Sleep" })
                Assert.False(text.Contains(word, StringComparison.Ordinal), $"{file} contains {word}.");
        }
    }

    [Fact]
    public void Namespaces_follow_folders()
    {
        foreach (var file in Repository.Files(".cs"))
        {
            var declared = Namespace().Match(Repository.Read(file));
            if (!declared.Success) continue;
            var folders = Path.GetDirectoryName(file)!.Split(Path.DirectorySeparatorChar)[1..];
            // What users see has one namespace, whichever room it lives in.
            var expected = folders is [.., "Api"] ? "Matchpoint" : string.Join('.', folders);
            Assert.Equal((file, expected), (file, declared.Groups["name"].Value));
        }
    }

    [Fact]
    public void Links_in_the_documents_lead_somewhere()
    {
        foreach (var file in Repository.Files(".md"))
        {
            foreach (Match link in Link().Matches(Repository.Read(file)))
            {
                var target = link.Groups["target"].Value.Split('#')[0];
                if (target.Length == 0 || target.Contains("://", StringComparison.Ordinal)) continue;
                var path = Path.Combine(Repository.Root, Path.GetDirectoryName(file)!, target);
                Assert.True(File.Exists(path) || Directory.Exists(path), $"{file} links to {target}, which is not there.");
            }
        }
    }

    [GeneratedRegex(@"^namespace (?<name>[\w.]+);", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Link();
}
