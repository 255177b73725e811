using System.Diagnostics;

namespace Matchpoint.Storage.Tests.Files;

/// <summary>The probe program, run as a process of its own, plain or under a tool that breaks its system calls.</summary>
internal sealed class ProbeProcess : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    private ProbeProcess(Process process) => _process = process;

    /// <summary>The program's path.</summary>
    public static string Path { get; } =
        System.IO.Path.Combine(AppContext.BaseDirectory, "Matchpoint.Storage.Probe" + (OperatingSystem.IsWindows() ? ".exe" : ""));

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Its exit code, and all it said.</returns>
    public static async Task<(int ExitCode, string Said)> RunAsync(string program, params string[] arguments)
    {
        using var probe = Start(program, arguments);
        using var deadline = new CancellationTokenSource(Deadline);
        var errors = probe._process.StandardError.ReadToEndAsync(deadline.Token);
        var said = await probe._process.StandardOutput.ReadToEndAsync(deadline.Token);
        said += await errors;
        await probe._process.WaitForExitAsync(deadline.Token);
        return (probe._process.ExitCode, said);
    }

    /// <summary>Runs the probe with an injected failure: <c>fsync:error=EIO</c>. Skips the test where that cannot be done.</summary>
    public static async Task<(int ExitCode, string Said)> RunInjectedAsync(string injection, string path, params string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Failures are injected with strace, which is Linux's.");
        Assert.SkipUnless(Exists("strace"), "SKIPPED, NOT PASSED: strace is not installed, so failing system calls went untested.");
        var check = await RunAsync("strace", "-qq", "-o", "/dev/null", "true");
        Assert.SkipUnless(check.ExitCode == 0, $"SKIPPED, NOT PASSED: strace may not trace here: {check.Said}");
        // Only calls on this path fail, so that the runtime's own do not.
        return await RunAsync("strace", ["-f", "-qq", "-o", "/dev/null", "-P", path, "-e", $"inject={injection}", Path, .. arguments]);
    }

    /// <summary>Starts the probe and waits for its first line.</summary>
    public static async Task<(ProbeProcess Process, string? Said)> StartAsync(params string[] arguments)
    {
        var probe = Start(Path, arguments);
        using var deadline = new CancellationTokenSource(Deadline);
        return (probe, await probe._process.StandardOutput.ReadLineAsync(deadline.Token));
    }

    public static bool Exists(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(System.IO.Path.PathSeparator).Any(directory => File.Exists(System.IO.Path.Combine(directory, program)));

    /// <summary>The next line that it says; null when it said its last.</summary>
    public async Task<string?> ReadLineAsync()
    {
        using var deadline = new CancellationTokenSource(Deadline);
        return await _process.StandardOutput.ReadLineAsync(deadline.Token);
    }

    /// <summary>Ends it at once, as <c>kill -9</c> does.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: true);
        using var deadline = new CancellationTokenSource(Deadline);
        await _process.WaitForExitAsync(deadline.Token);
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private static ProbeProcess Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new ProbeProcess(Process.Start(start)!);
    }
}
