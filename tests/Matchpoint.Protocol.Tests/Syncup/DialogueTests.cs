using System.Runtime.CompilerServices;
using System.Text;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>
/// Plays the dialogues in the text files beside this one; README.txt there says how to read them. With
/// MATCHPOINT_REWRITE=1 the expected parts are written anew, for the diff to be read.
/// </summary>
public sealed class DialogueTests
{
    private const string Rule = "----";

    public static TheoryData<string> Files =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Syncup"), "*.txt")
            .Select(Path.GetFileName).Where(name => name != "README.txt").Order().Select(name => name!)];

    [Theory]
    [MemberData(nameof(Files))]
    public void The_dialogue_is_as_written(string file)
    {
        var expected = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Syncup", file));
        var actual = Play(expected);
        if (Environment.GetEnvironmentVariable("MATCHPOINT_REWRITE") == "1")
        {
            File.WriteAllText(Path.Combine(SourceDirectory(), file), actual);
            return;
        }

        Assert.Equal(expected, actual);
    }

    private static string SourceDirectory([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;

    private static string Play(string text)
    {
        var actual = new StringBuilder();
        var scene = new Scene();
        var isExpectation = false;
        foreach (var line in text.Split('\n')[..^1])
        {
            if (isExpectation && line.Length > 0) continue;
            isExpectation = false;
            actual.Append(line).Append('\n');
            var direction = line.Split('#')[0].Trim();
            if (direction.Length == 0) continue;
            if (!scene.Direct(direction)) continue;
            actual.Append(Rule).Append('\n').Append(scene.Played).Append('\n');
            isExpectation = true;
        }

        return actual.ToString();
    }

    /// <summary>The state of a file: what its lines have set so far.</summary>
    private sealed class Scene
    {
        private TestLog _replica = new();
        private TestLog _feeder = new();
        private RunOptions _options = new();

        public string Played { get; private set; } = "";

        /// <summary>Follows a line; true when it played a dialogue.</summary>
        public bool Direct(string line)
        {
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            var (what, rest) = colon < 0 ? (line, "") : (line[..colon], line[(colon + 2)..]);
            var words = line.Split(' ');
            switch (what)
            {
                case "log replica":
                    _replica = Parse(rest, _options.ReplicaGroup);
                    return false;
                case "log feeder":
                    _feeder = Parse(rest, "group");
                    return false;
                case "append replica":
                    _replica.AppendText(rest);
                    return false;
                case "append feeder":
                    _feeder.AppendText(rest);
                    return false;
                case "durable on replica":
                    _replica.Durable = long.Parse(rest);
                    return false;
                case "limit":
                    _options = _options with { Limit = rest == "disabled" ? RollbackLimit.Disabled : RollbackLimit.AtMost(long.Parse(rest)) };
                    return false;
                case "the feeder is not confirmed":
                    _options = _options with { FeederPrimaryTerm = Term.None };
                    return false;
                case "the feeder loses its confirmation in between":
                    _options = _options with { IsStillConfirmed = false };
                    return false;
                case "the feeder is confirmed":
                    _options = _options with { FeederPrimaryTerm = new Term(100), IsStillConfirmed = true };
                    return false;
                case "the replica belongs to another group":
                    _options = _options with { ReplicaGroup = "another group" };
                    return false;
                case "the replica has the feeder's node id":
                    _options = _options with { SameNodeId = true };
                    return false;
                case "an operator joins the two offline":
                    _options = _options with { OwnNode = Protocol.Hello.OwnNodeRule.Admit };
                    return false;
                case "crash":
                    _options = _options with { Crash = Enum.Parse<Crash>(rest.Replace(" ", ""), ignoreCase: true) };
                    return false;
                case "the feeder dies after messages":
                    _options = _options with { FeederDiesAfter = int.Parse(rest) };
                    return false;
                case "the feeder is demoted after messages":
                    _options = _options with { FeederIsDemotedAfter = int.Parse(rest) };
                    return false;
                case "the replica follows":
                    _replica.Follow(_feeder);
                    Played = $"log replica: {_replica}";
                    return true;
                default:
                    Assert.True(words is ["syncup", "version", _, ..], $"Nobody knows what to do with the line: {line}");
                    Sync(ushort.Parse(words[2].TrimEnd(',')), goesOn: line.EndsWith(", and go on from there", StringComparison.Ordinal));
                    return true;
            }
        }

        private static TestLog Parse(string text, string group) => TestLog.Parse(text == "nothing" ? "" : text, group);

        private void Sync(ushort version, bool goesOn)
        {
            var replica = goesOn ? _replica : _replica.Clone();
            var reopened = "";
            if (replica.Intent is { } intent)
            {
                replica.CutAfter(intent);
                reopened = $"replica: opens again and finishes the cut after {intent}\n";
            }

            var run = SyncupRun.Of(replica, _feeder.Clone(), _options with { Version = version });
            Played = $"{reopened}{run.TraceText}\nlog replica: {replica}{(replica.Intent is { } left ? $", to be cut after {left}" : "")}";
            if (goesOn) _options = _options with { Crash = Crash.None, FeederDiesAfter = int.MaxValue, FeederIsDemotedAfter = int.MaxValue };
        }
    }
}
