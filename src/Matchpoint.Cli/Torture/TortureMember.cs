using System.Diagnostics;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Torture;

/// <summary>A machine of the torture: one that is a member from the beginning, or a spare one.</summary>
internal sealed class TortureMember(string name, string place, Endpoint listen) : IDisposable
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>Its disk.</summary>
    public string Place { get; } = place;

    /// <summary>Its data directory, on its disk: a directory of its own, for a disk that is mounted cannot be moved aside.</summary>
    public string Data { get; } = Path.Combine(place, "data");

    /// <summary>Where it listens, and where its group reaches it unless a link leads there.</summary>
    public Endpoint Listen { get; set; } = listen;

    /// <summary>What it is to its group, or is about to be.</summary>
    public MemberKind Kind { get; set; }

    /// <summary>Whether it is to run: it is a member, or may be one.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Whether it holds data for clients.</summary>
    public bool HoldsData => Kind != MemberKind.Arbiter;

    /// <summary>How it is written on the command line.</summary>
    public string Text => $"{Name}={Listen}{(Kind == MemberKind.Voter ? "" : "," + Kind.ToString().ToLowerInvariant())}";

    /// <summary>Its process; null before the first.</summary>
    public Process? Process { get; set; }

    /// <summary>Whether its process runs.</summary>
    public bool IsRunning => Process is { HasExited: false };

    /// <summary>Its disk is empty, as a new one is. Its process does not run.</summary>
    public void Empty()
    {
        if (Directory.Exists(Data)) Directory.Delete(Data, recursive: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Process is null) return;
        if (!Process.HasExited) Process.Kill();
        Process.WaitForExit();
        Process.Dispose();
    }
}
