using System.Globalization;
using Matchpoint.Cli.Node;

namespace Matchpoint.Cli.Torture;

/// <summary>What can be done to a member, or to all.</summary>
internal enum TortureFault
{
    /// <summary>SIGKILL.</summary>
    Kill,

    /// <summary>SIGKILL of all members at once.</summary>
    KillAll,

    /// <summary>SIGSTOP, and SIGCONT after a while.</summary>
    Stop,

    /// <summary>All its connections are dropped, and no new ones come to be.</summary>
    Isolate,

    /// <summary>Nothing that it says arrives, and nobody is told.</summary>
    Mute,

    /// <summary>Nothing arrives that is said to it, and nobody is told.</summary>
    Deafen,

    /// <summary>Everything takes longer.</summary>
    Delay,

    /// <summary>Its connections are dropped, again and again.</summary>
    Reset,

    /// <summary>Its disk is full.</summary>
    FullDisk,

    /// <summary>A flush of its disk fails with EIO.</summary>
    FailedFlush,
}

/// <summary>Makes faults in a group of real processes, and takes them back.</summary>
internal sealed class TortureFaults(ProcessGroup group, SmallDisk disk, Random random)
{
    private static readonly TimeSpan Mending = TimeSpan.FromSeconds(1);

    /// <summary>What cannot be done on this machine, and why.</summary>
    public Dictionary<TortureFault, string> Impossible { get; } = [];

    /// <summary>Finds out whether calls of the system can be made to fail.</summary>
    public static string? WhyNoStrace()
    {
        if (!OperatingSystem.IsLinux()) return "failing flushes are made with Linux's strace";
        var (exitCode, said) = SmallDisk.Run("strace", "-qq", "-o", "/dev/null", "true");
        return exitCode == 0 ? null : $"strace cannot be used: {said}";
    }

    /// <summary>Draws a fault that is possible, and a member for it: often the primary.</summary>
    public (TortureFault Fault, string Member) Draw(string primary)
    {
        TortureFault fault;
        do fault = (TortureFault)random.Next(Enum.GetValues<TortureFault>().Length);
        while (Impossible.ContainsKey(fault));
        if (fault == TortureFault.FullDisk) return (fault, disk.Member);
        var member = random.Next(2) == 0 ? primary : group.Names.ElementAt(random.Next(group.Names.Count));
        return (fault, member);
    }

    /// <summary>Makes a fault, and lets it last for a while.</summary>
    public async Task MakeAsync(TortureFault fault, string member, CancellationToken cancellation)
    {
        switch (fault)
        {
            case TortureFault.Kill:
                group.Kill(member);
                break;
            case TortureFault.KillAll:
                foreach (var name in group.Names) group.Kill(name);
                break;
            case TortureFault.Stop:
                group.Signal(member, "STOP");
                break;
            case TortureFault.Isolate:
                group.Isolate(member, isCut: true);
                break;
            case TortureFault.Mute:
                foreach (var (link, isFrom) in group.LinksOf(member)) link.Stall(isBack: !isFrom);
                break;
            case TortureFault.Deafen:
                foreach (var (link, isFrom) in group.LinksOf(member)) link.Stall(isBack: isFrom);
                break;
            case TortureFault.Delay:
                foreach (var (link, _) in group.LinksOf(member)) link.Delay(TimeSpan.FromMilliseconds(random.Next(1, 200)));
                break;
            case TortureFault.Reset:
                for (var i = 0; i < 5; i++)
                {
                    foreach (var (link, _) in group.LinksOf(member)) link.Reset();
                    await WaitAsync(100, cancellation);
                }

                break;
            case TortureFault.FullDisk:
                disk.Fill();
                break;
            case TortureFault.FailedFlush:
                group.Kill(member);
                var when = string.Create(CultureInfo.InvariantCulture, $"when={random.Next(1, 60)}");
                group.Start(member, ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", $"inject=fsync,fdatasync:error=EIO:{when}"]);
                await WaitAsync(1500, cancellation);
                break;
        }

        await WaitAsync(random.Next(100, 1500), cancellation);
    }

    /// <summary>Takes everything back: all links pass on, all disks have room, all members run.</summary>
    public void Heal()
    {
        disk.MakeRoom();
        foreach (var name in group.Names)
        {
            group.Isolate(name, isCut: false);
            if (group.IsRunning(name)) group.Signal(name, "CONT");
            else group.Start(name);
        }
    }

    /// <summary>Waits for something that has its own deadline, and meanwhile starts members again that end late, because of what was done to them before.</summary>
    public async Task MendUntilAsync(Task done, CancellationToken cancellation)
    {
        while (await Task.WhenAny(done, Task.Delay(Mending, TimeProvider.System, cancellation)) != done)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var name in group.Names.Where(name => !group.IsRunning(name))) group.Start(name);
        }

        await done;
    }

    private static Task WaitAsync(int milliseconds, CancellationToken cancellation) => Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System, cancellation);
}
