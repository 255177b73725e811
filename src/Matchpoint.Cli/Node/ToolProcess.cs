using System.Diagnostics;
using Matchpoint.Cli.Terminal;

namespace Matchpoint.Cli.Node;

/// <summary>This tool, run once more as a process of its own.</summary>
internal static class ToolProcess
{
    /// <summary>Starts it.</summary>
    /// <param name="arguments">What follows <c>matchpoint</c>.</param>
    /// <param name="under">A program, with its arguments, that runs it; null for none.</param>
    /// <param name="hear">Hears every line that it says; errors begin with <c>error:</c>.</param>
    public static Process Start(IEnumerable<string> arguments, IReadOnlyList<string>? under, Action<string> hear)
    {
        var start = new ProcessStartInfo { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        // These are on loopback, and for a group of their own.
        start.Environment.Remove(SecurityFlags.Variable);
        var assembly = typeof(ToolProcess).Assembly.Location;
        var tool = Path.ChangeExtension(assembly, OperatingSystem.IsWindows() ? ".exe" : null);
        var isTool = string.Equals(Environment.ProcessPath, tool, StringComparison.Ordinal);
        string[] command = [.. under ?? [], .. isTool ? [tool] : new[] { "dotnet", assembly }, .. arguments];
        start.FileName = command[0];
        foreach (var argument in command[1..]) start.ArgumentList.Add(argument);

        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Pass(line.Data, "");
        process.ErrorDataReceived += (_, line) => Pass(line.Data, "error: ");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;

        void Pass(string? line, string before)
        {
            if (line is not null) hear(before + line);
        }
    }

    /// <summary>Runs it to its end.</summary>
    /// <exception cref="TimeoutException">It did not end in time; it was killed.</exception>
    public static async Task<(int ExitCode, string Said)> RunAsync(IReadOnlyList<string> arguments, TimeSpan patience, CancellationToken cancellation)
    {
        var lines = new List<string>();
        using var process = Start(arguments, under: null, line =>
        {
            lock (lines) lines.Add(line);
        });
        try
        {
            await process.WaitForExitAsync(cancellation).WaitAsync(patience, TimeProvider.System, cancellation);
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"matchpoint {string.Join(' ', arguments)} did not end within {patience.TotalSeconds:0} s", late);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }

        lock (lines) return (process.ExitCode, string.Join(Environment.NewLine, lines));
    }
}
