using System.Diagnostics;

namespace Matchpoint.Cli.Torture;

/// <summary>A disk of its own for one member, in memory and small, that can be filled.</summary>
internal sealed class SmallDisk : IDisposable
{
    private const int Mebibytes = 1024;
    private const string Ballast = "ballast";

    private readonly string _path;

    private SmallDisk(string member, string path, string? why)
    {
        Member = member;
        _path = path;
        WhyNot = why;
    }

    /// <summary>The member that has it.</summary>
    public string Member { get; }

    /// <summary>Why there is none; null when there is one.</summary>
    public string? WhyNot { get; }

    /// <summary>Mounts one where a member's directory will be, if this machine permits it.</summary>
    public static SmallDisk Mount(string directory, string member)
    {
        var path = Path.Combine(directory, member);
        if (!OperatingSystem.IsLinux()) return new SmallDisk(member, path, "small disks are made with Linux's tmpfs");
        Directory.CreateDirectory(path);
        var (exitCode, said) = Run("mount", "-t", "tmpfs", "-o", $"size={Mebibytes}m", "matchpoint-torture", path);
        return new SmallDisk(member, path, exitCode == 0 ? null : $"a small disk cannot be mounted: {said}");
    }

    /// <summary>Writes until there is no room.</summary>
    public void Fill()
    {
        var block = new byte[1024 * 1024];
        try
        {
            using var file = new FileStream(Path.Combine(_path, Ballast), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            for (var i = 0; i <= Mebibytes; i++) file.Write(block);
        }
        catch (IOException)
        {
            return; // That is what was wanted.
        }

        throw new InvalidOperationException($"the disk of {Member} took more than {Mebibytes} MiB, and must have less room");
    }

    /// <summary>There is room again.</summary>
    public void MakeRoom() => File.Delete(Path.Combine(_path, Ballast));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (WhyNot is null) Run("umount", "-l", _path);
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Its exit code, or -1 where it cannot be run, and what it said on standard error.</returns>
    public static (int ExitCode, string Said) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        try
        {
            using var process = Process.Start(start)!;
            var said = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, said.Trim());
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            return (-1, $"{program}: {error.Message}");
        }
    }
}
