using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Matchpoint.Cli.Tests;

/// <summary>What a run of the tool left.</summary>
internal sealed record ToolResult(int ExitCode, string Output, string Errors);

/// <summary>Runs the tool as a user does: as a process of its own.</summary>
internal static class Tool
{
    public static readonly string Assembly = Path.Combine(AppContext.BaseDirectory, "Matchpoint.Cli.dll");

    /// <summary>Milliseconds of an election time-out: so long a primary goes on without the others, be it cut off from them or on a machine that stands still.</summary>
    public const int LongElection = 6000;

    /// <summary>How long a run may take that starts many processes, one after another: on a machine that does much else each of them takes seconds to start.</summary>
    public static readonly TimeSpan ManyStarts = TimeSpan.FromMinutes(3);

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    /// <summary>Runs it to its end.</summary>
    public static Task<ToolResult> RunAsync(params string[] arguments) => RunAsync(input: "", arguments);

    /// <summary>Runs it to its end with something on standard input.</summary>
    public static Task<ToolResult> RunAsync(string input, string[] arguments) => RunAsync(Deadline, input, arguments);

    /// <summary>Runs it to its end, which may take as long as is said.</summary>
    public static async Task<ToolResult> RunAsync(TimeSpan deadline, string input, string[] arguments)
    {
        using var process = Start("dotnet", [Assembly, .. arguments]);
        await GiveAsync(process, input);
        return await EndAsync(process, deadline);
    }

    /// <summary>Runs another program to its end.</summary>
    public static async Task<ToolResult> RunProgramAsync(string program, string[] arguments, string? directory = null, string input = "", TimeSpan? deadline = null)
    {
        using var process = Start(program, arguments, directory);
        await GiveAsync(process, input);
        return await EndAsync(process, deadline ?? Deadline);
    }

    /// <summary>What all members say at one time at which each of them answers and one is the primary: one that stands still for a moment is asked again.</summary>
    /// <param name="arguments">Whom to ask, and what else.</param>
    public static async Task<JsonDocument> AllAnswerAsync(params string[] arguments)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var status = await RunAsync(["status", "--all", "--json", .. arguments]);
            if (status.ExitCode == 0)
            {
                var json = JsonDocument.Parse(status.Output);
                if (json.RootElement.EnumerateArray().Count(static node => node.GetProperty("status").GetProperty("state").GetString() == "primary") == 1) return json;
                json.Dispose();
            }

            Assert.True(TimeProvider.System.GetElapsedTime(start) < Deadline, $"not all answered with one primary: {status.Output}{status.Errors}");
        }
    }

    /// <summary>Starts it; the caller ends it.</summary>
    public static Process Start(string program, string[] arguments, string? directory = null)
    {
        var start = new ProcessStartInfo(program)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory ?? "",
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>Gives it its input. A tool that refuses ends before it has read all of it: then the rest has nowhere to go.</summary>
    private static async Task GiveAsync(Process process, string input)
    {
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            Assert.True(process.WaitForExit(Deadline), "the tool closed its input and does not end");
        }
    }

    private static async Task<ToolResult> EndAsync(Process process, TimeSpan deadline)
    {
        using var late = new CancellationTokenSource(deadline);
        var output = process.StandardOutput.ReadToEndAsync(late.Token);
        var errors = process.StandardError.ReadToEndAsync(late.Token);
        try
        {
            await process.WaitForExitAsync(late.Token);
            return new ToolResult(process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException tooLate)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{process.StartInfo.FileName} {string.Join(' ', process.StartInfo.ArgumentList)} did not end within {deadline}.", tooLate);
        }
    }
}

/// <summary>A directory of a test, gone with it.</summary>
internal sealed class Workplace : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("matchpoint-cli-").FullName;

    public string At(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>A feeder process, stopped with the test.</summary>
internal sealed class Feeder : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<string> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Feeder(Process process) => _process = process;

    public string Endpoint { get; private set; } = "";

    public string Output
    {
        get
        {
            lock (_output) return _output.ToString();
        }
    }

    public static async Task<Feeder> StartAsync(string data, params string[] more)
    {
        var feeder = new Feeder(Tool.Start("dotnet", [Tool.Assembly, "syncup", "feed", "--data", data, "--listen", "127.0.0.1:0", .. more]));
        var process = feeder._process;
        process.OutputDataReceived += (_, line) => feeder.Note(line.Data);
        process.ErrorDataReceived += (_, line) => feeder.Note(line.Data);
        process.Exited += (_, _) => feeder._listening.TrySetException(new InvalidOperationException($"the feeder ended: {feeder.Output}"));
        process.EnableRaisingEvents = true;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        feeder.Endpoint = await feeder._listening.Task.WaitAsync(TimeSpan.FromSeconds(30));
        return feeder;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private void Note(string? line)
    {
        if (line is null) return;
        lock (_output) _output.AppendLine(line);
        if (line.StartsWith("feeding records", StringComparison.Ordinal)) _listening.TrySetResult(line.Split(' ')[^1]);
    }
}
