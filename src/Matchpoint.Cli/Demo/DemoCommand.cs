using System.CommandLine;
using Matchpoint.Cli.Terminal;

namespace Matchpoint.Cli.Demo;

/// <summary><c>matchpoint demo</c>.</summary>
internal static class DemoCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var keep = new Option<string?>("--keep") { Description = "Make the two logs in this new directory and leave them there.", HelpName = "DIR" };
        var command = new Command("demo", "Watch two real logs that have grown apart find their matchpoint over TCP and become equal.") { keep };
        command.SetAction((parsed, cancellation) => Options.RunAsync(json: false, () => RunAsync(parsed.GetValue(keep), cancellation)));
        return command;
    }

    private static async Task<int> RunAsync(string? keep, CancellationToken cancellation)
    {
        if (keep is not null && (Directory.Exists(keep) || File.Exists(keep))) throw new UsageException($"--keep: {keep} is there already; name a new directory");
        var directory = keep ?? Directory.CreateTempSubdirectory("matchpoint-demo-").FullName;
        try
        {
            return await new DemoStory(directory, new DemoStage(isKept: keep is not null)).RunAsync(cancellation);
        }
        finally
        {
            if (keep is null) Directory.Delete(directory, recursive: true);
        }
    }
}
