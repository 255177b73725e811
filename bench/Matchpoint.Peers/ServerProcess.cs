using System.Collections.Concurrent;
using System.Diagnostics;

namespace Matchpoint.Peers;

/// <summary>A server that was started for the bench, and ends with it.</summary>
internal sealed class ServerProcess : IDisposable
{
    private const int KeptLines = 50;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentQueue<string> _lines = new();
    private readonly Process _process;
    private readonly string _program;

    private ServerProcess(Process process, string program)
    {
        _process = process;
        _program = program;
    }

    /// <summary>Its number.</summary>
    public int Id => _process.Id;

    /// <summary>Starts it.</summary>
    public static ServerProcess Start(string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        var server = new ServerProcess(Process.Start(start)!, program);
        server._process.OutputDataReceived += (_, line) => server.Keep(line.Data);
        server._process.ErrorDataReceived += (_, line) => server.Keep(line.Data);
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        return server;
    }

    /// <summary>What is to be done before a program can be started; null when nothing is.</summary>
    public static string? Missing(string program, string package)
    {
        var directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        return directories.Any(directory => File.Exists(Path.Combine(directory, program))) ? null : $"{program} is not installed: apt-get install {package}";
    }

    /// <summary>Waits until something is so; says what the server said when it does not come to be.</summary>
    public async Task UntilAsync(string what, TimeSpan patience, Func<Task<bool>> isSo, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (_process.HasExited) throw new InvalidOperationException($"{_program} ended with {_process.ExitCode} before {what}.{Said()}");
            if (await isSo()) return;
            if (TimeProvider.System.GetElapsedTime(start) > patience) throw new TimeoutException($"{_program}: not {what} within {patience.TotalSeconds:0} s.{Said()}");
            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private string Said() => _lines.IsEmpty ? " It said nothing." : $" It said:{Environment.NewLine}{string.Join(Environment.NewLine, _lines)}";

    private void Keep(string? line)
    {
        if (line is null) return;
        _lines.Enqueue(line);
        while (_lines.Count > KeptLines) _lines.TryDequeue(out _);
    }
}
