using System.Diagnostics;

namespace Matchpoint.Packages.Tests;

/// <summary>Runs a program to its end.</summary>
internal static class Dotnet
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Runs <c>dotnet</c>; it must succeed.</summary>
    public static Task<string> RunAsync(string directory, params string[] arguments) => RunAsync("dotnet", directory, arguments);

    /// <summary>Runs a program in a directory; it must succeed.</summary>
    /// <param name="program">The program.</param>
    /// <param name="directory">Where it runs.</param>
    /// <param name="arguments">What it is told.</param>
    /// <param name="within">How long it may take; five minutes where not given.</param>
    /// <returns>What it printed, but for errors.</returns>
    public static async Task<string> RunAsync(string program, string directory, string[] arguments, TimeSpan? within = null)
    {
        var deadline = within ?? Patience;
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = directory, UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        // What the test's own build was told is not for those that it starts.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList()) start.Environment.Remove(name);
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        using var process = Process.Start(start)!;
        using var late = new CancellationTokenSource(deadline);
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            await process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} {string.Join(' ', arguments)} did not end within {deadline}:\n{await output}{await errors}");
        }

        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with exit code {process.ExitCode}:\n{await output}{await errors}");
        return await output;
    }
}
