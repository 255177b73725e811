using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Matchpoint.Peers.Measuring;

/// <summary>Counts flushes with <c>strace</c>, attached while one client writes.</summary>
internal static partial class FlushCounter
{
    private const int Writes = 300;
    private const int WritesAtOnce = 0x1000; // O_DSYNC, which O_SYNC includes.

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>What is to be done before flushes can be counted; null when nothing is.</summary>
    public static string? Missing() => ServerProcess.Missing("strace", "strace");

    /// <summary>Counts.</summary>
    public static async Task<FlushCount> CountAsync(IOpenPeer peer, string directory, CancellationToken cancellation)
    {
        var load = new PeerLoad(peer);
        await load.WriteAsync(10, cancellation);
        var output = Path.Combine(directory, "strace.txt");
        List<string> arguments = ["-f", "-q", "-e", "trace=fsync,fdatasync,msync,sync_file_range,syncfs,sync,write,pwrite64,pwritev,pwritev2,writev", "-y", "-o", output];
        foreach (var process in peer.Processes) arguments.AddRange(["-p", process.ToString(CultureInfo.InvariantCulture)]);
        var tracers = await FollowedAsync(peer, arguments, cancellation);
        try
        {
            await load.WriteAsync(Writes, cancellation);
            var synced = peer.Processes.SelectMany(SyncedFiles).Distinct(StringComparer.Ordinal).ToList();
            // SIGINT: strace lets its processes go on, and ends.
            using var interrupt = Process.Start("kill", ["-INT", tracers.Id.ToString(CultureInfo.InvariantCulture)]);
            await interrupt.WaitForExitAsync(cancellation).WaitAsync(Patience, TimeProvider.System, cancellation);
            await tracers.WaitForExitAsync(cancellation).WaitAsync(Patience, TimeProvider.System, cancellation);
            var calls = new Dictionary<string, int>(StringComparer.Ordinal);
            foreach (var line in File.ReadLines(output)) Add(calls, Call().Match(line), synced);
            return new FlushCount(Writes, calls, [.. synced.Select(static path => Path.GetFileName(path)).Distinct(StringComparer.Ordinal)]);
        }
        finally
        {
            if (!tracers.HasExited) tracers.Kill();
            tracers.Dispose();
        }
    }

    private static void Add(Dictionary<string, int> calls, Match call, List<string> synced)
    {
        if (!call.Success) return; // The second half of an interrupted call, or a signal.
        var name = call.Groups["name"].Value;
        if (name.Contains("write", StringComparison.Ordinal))
        {
            if (!synced.Contains(call.Groups["path"].Value)) return;
            name = "synced write";
        }

        calls[name] = calls.GetValueOrDefault(name) + 1;
    }

    /// <summary>Starts strace, and waits until every thread is followed.</summary>
    private static async Task<Process> FollowedAsync(IOpenPeer peer, List<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("strace") { UseShellExecute = false, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        var strace = Process.Start(start)!;
        strace.BeginErrorReadLine();
        var began = TimeProvider.System.GetTimestamp();
        while (!peer.Processes.All(IsFollowed))
        {
            if (strace.HasExited || TimeProvider.System.GetElapsedTime(began) > Patience)
            {
                if (!strace.HasExited) strace.Kill();
                strace.Dispose();
                throw new InvalidOperationException("strace could not follow the processes: ptrace must be allowed here (root, or kernel.yama.ptrace_scope=0)");
            }

            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }

        return strace;
    }

    private static bool IsFollowed(int process) => Directory.EnumerateDirectories($"/proc/{process}/task").All(static thread =>
    {
        try
        {
            return File.ReadLines(Path.Combine(thread, "status")).Any(static line => line.StartsWith("TracerPid:", StringComparison.Ordinal) && !line.EndsWith("\t0", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return true; // The thread has ended.
        }
    });

    private static IEnumerable<string> SyncedFiles(int process)
    {
        foreach (var info in Directory.EnumerateFiles($"/proc/{process}/fdinfo"))
        {
            string? path = null;
            try
            {
                var flags = File.ReadLines(info).First(static line => line.StartsWith("flags:", StringComparison.Ordinal)).Split('\t')[^1];
                if ((Convert.ToInt64(flags, 8) & WritesAtOnce) != 0) path = File.ResolveLinkTarget($"/proc/{process}/fd/{Path.GetFileName(info)}", returnFinalTarget: false)?.FullName;
            }
            catch (IOException)
            {
                // It was closed meanwhile.
            }

            if (path is not null && File.Exists(path)) yield return path;
        }
    }

    [GeneratedRegex(@"^\d+\s+(?<name>\w+)\((?:\d+<(?<path>[^>]*)>)?", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Call();
}
