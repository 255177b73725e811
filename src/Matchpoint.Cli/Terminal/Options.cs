using System.CommandLine;

namespace Matchpoint.Cli.Terminal;

/// <summary>What the tool's commands share.</summary>
internal static class Options
{
    /// <summary>Facts as JSON on standard output.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Print facts as JSON, for scripts." };

    /// <summary>A node's directory.</summary>
    public static Option<string> Data() => new("--data") { Description = "The data directory.", Required = true, HelpName = "DIR" };

    /// <summary>Runs a command; what goes wrong becomes a message and an exit code.</summary>
    public static async Task<int> RunAsync(bool json, Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (Exception error)
        {
            return Failure.Report(error, json);
        }
    }

    /// <inheritdoc cref="RunAsync(bool, Func{Task{int}})"/>
    public static Task<int> RunAsync(bool json, Func<int> run) => RunAsync(json, () => Task.FromResult(run()));
}
