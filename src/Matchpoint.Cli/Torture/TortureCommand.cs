using System.CommandLine;
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
        var kept = new TortureCase(directory, seed, keep);
        var run = new TortureRun(directory, seed, Tell) { OnViolation = kept.Save };
        var (result, brokenBy) = await kept.RunAsync(() => run.RunAsync(rounds, TimeSpan.FromMinutes(minutes), cancellation), cancellation);
        if (json) Json.Print(new { result, brokenBy, saved = kept.Saved });
        else if (result is not null) Print(result);
        if (!json && brokenBy is not null) Console.Out.WriteLine($"BROKEN: the torture of seed {seed} ended with {brokenBy}");
        if (!json && kept.Saved is not null) Console.Out.WriteLine(kept.Advice);
        return result is { Violations.Count: 0 } ? ExitCode.Success : ExitCode.Failed;

        void Tell(string line)
        {
            kept.Note(line);
            if (!json) Console.Out.WriteLine(line);
        }
    }

    private static void Print(TortureResult result)
    {
        var faults = string.Join(", ", result.Faults.Select(static made => $"{made.Key} {made.Value}"));
        Console.Out.WriteLine($"{Show.Count(result.Rounds)} rounds of seed {result.Seed} in {result.Seconds:0} s; {faults}; {Show.Count(result.CopiesSeen)} full copies seen");
        foreach (var (fault, why) in result.Impossible) Console.Out.WriteLine($"not done here: {fault} ({why})");
        Console.Out.WriteLine($"{Show.Count(result.Acknowledged)} transactions acknowledged, {Show.Count(result.Unknown)} of unknown outcome, {Show.Count(result.Reads)} linearizable reads");
        foreach (var violation in result.Violations) Console.Out.WriteLine($"BROKEN: {violation}");
        if (result.Violations.Count == 0) Console.Out.WriteLine("Nothing acknowledged was lost, and all members hold the same.");
    }
}
