using System.CommandLine;
using Matchpoint.Cli.Terminal;

namespace Matchpoint.Cli.Demo;

/// <summary><c>matchpoint demo</c>.</summary>
internal static class DemoCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var keep = new Option<string?>("--keep") { Description = "Keep the nodes' directories: make them in this new directory.", HelpName = "DIR" };
        var command = new Command("demo", "Watch three real processes lose their primary, go on, and take it back: nothing acknowledged is lost.") { keep };
        command.SetAction((parsed, cancellation) => Options.RunAsync(json: false, () => RunAsync(parsed.GetValue(keep), cancellation)));
        return command;
    }

    private static async Task<int> RunAsync(string? keep, CancellationToken cancellation)
    {
        if (keep is not null && (Directory.Exists(keep) || File.Exists(keep))) throw new UsageException($"--keep: {keep} is there already; name a new directory");
        var directory = keep ?? Directory.CreateTempSubdirectory("matchpoint-demo-").FullName;
        try
        {
            return await new DemoStory(directory, new DemoStage()).RunAsync(cancellation);
        }
        finally
        {
            if (keep is null) Directory.Delete(directory, recursive: true);
        }
    }
}
