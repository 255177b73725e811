using System.CommandLine;
using System.Globalization;
using Matchpoint.Cli.Terminal;

namespace Matchpoint.Cli.Torture;

/// <summary><c>matchpoint torture</c>.</summary>
internal static class TortureCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var rounds = new Option<int>("--rounds") { Description = "How many rounds of faults.", DefaultValueFactory = _ => 20 };
        rounds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1) result.AddError("--rounds: expected 1 or more");
        });
        var minutes = new Option<double>("--minutes") { Description = "End after so many minutes, however many rounds there were.", DefaultValueFactory = _ => 24 * 60 };
        minutes.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (> 0 and <= 7 * 24 * 60)) result.AddError("--minutes: expected more than 0, at most a week");
        });
        var seed = new Option<int>("--seed") { Description = "What the faults are drawn from. When they hit is up to the machine.", DefaultValueFactory = _ => 1 };
        var keep = new Option<string?>("--keep") { Description = "Where the case goes when something is broken; a directory that is made.", HelpName = "DIR" };
        var json = Options.Json();
        var command = new Command("torture", "Break a group of real processes in every way this machine permits, and change its members meanwhile: nothing acknowledged must be lost.")
        {
            rounds, minutes, seed, keep, json,
        };
        command.SetAction((parsed, cancellation) => Options.RunAsync(
            parsed.GetValue(json),
            () => RunAsync(parsed.GetValue(rounds), parsed.GetValue(minutes), parsed.GetValue(seed), parsed.GetValue(keep), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static async Task<int> RunAsync(int rounds, double minutes, int seed, string? keep, bool json, CancellationToken cancellation)
    {
        if (keep is not null && (Directory.Exists(keep) || File.Exists(keep))) throw new UsageException($"--keep: {keep} is there already; name a new directory");
        var directory = Directory.CreateTempSubdirectory("matchpoint-torture-").FullName;
        var lines = new List<string>();
        string? saved = null;
        try
        {
            var result = await new TortureRun(directory, seed, Tell) { OnViolation = Save }.RunAsync(rounds, TimeSpan.FromMinutes(minutes), cancellation);
            if (json) Json.Print(new { result, saved });
            else Print(result, saved);
            return result.Violations.Count == 0 ? ExitCode.Success : ExitCode.Failed;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        void Tell(string line)
        {
            lines.Add(line);
            if (!json) Console.Out.WriteLine(line);
        }

        void Save(IEnumerable<string> said)
        {
            saved = keep ?? Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"matchpoint-torture-case-{seed}-{Environment.ProcessId}"));
            CopyAll(directory, saved);
            File.WriteAllLines(Path.Combine(saved, "rounds.txt"), lines);
            File.WriteAllLines(Path.Combine(saved, "members.txt"), said);
        }
    }

    private static void CopyAll(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private static void Print(TortureResult result, string? saved)
    {
        var faults = string.Join(", ", result.Faults.Select(static made => $"{made.Key} {made.Value}"));
        Console.Out.WriteLine($"{Show.Count(result.Rounds)} rounds of seed {result.Seed} in {result.Seconds:0} s; {faults}; {Show.Count(result.CopiesSeen)} full copies seen");
        foreach (var (fault, why) in result.Impossible) Console.Out.WriteLine($"not done here: {fault} ({why})");
        Console.Out.WriteLine($"{Show.Count(result.Acknowledged)} transactions acknowledged, {Show.Count(result.Unknown)} of unknown outcome, {Show.Count(result.Reads)} linearizable reads");
        foreach (var violation in result.Violations) Console.Out.WriteLine($"BROKEN: {violation}");
        Console.Out.WriteLine(result.Violations.Count == 0 ? "Nothing acknowledged was lost, and all members hold the same." : $"The case is in {saved}.");
    }
}
