using System.Globalization;
using Matchpoint.Client;

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

    /// <summary>It is asked to stop: a primary hands over first.</summary>
    Leave,

    /// <summary>The primary is handed over, to it or to whoever is suited best.</summary>
    Transfer,

    /// <summary>All that it had is gone.</summary>
    EmptyDisk,

    /// <summary>It is away until the group does not keep the log any more that it lacks.</summary>
    StayAway,

    /// <summary>It comes back with an old backup.</summary>
    OldBackup,

    /// <summary>A byte of its log is not what was written.</summary>
    Damage,

    /// <summary>A byte of its state is not what was written.</summary>
    DamageState,

    /// <summary>A machine becomes a voter.</summary>
    AddVoter,

    /// <summary>A machine becomes a secondary.</summary>
    AddSecondary,

    /// <summary>A machine becomes an arbiter.</summary>
    AddArbiter,

    /// <summary>A secondary becomes a voter.</summary>
    Promote,

    /// <summary>A voter becomes a secondary.</summary>
    Demote,

    /// <summary>A member is one no more.</summary>
    Remove,

    /// <summary>A member gets another address.</summary>
    Move,

    /// <summary>The receiver or the donor of a full copy is killed.</summary>
    CutCopy,
}

/// <summary>Makes faults in a group of real processes, and takes them back: those that pass, and take nothing from anybody.</summary>
internal sealed class TortureFaults(TortureGroup group, SmallDisk disk)
{
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan TransferPatience = TimeSpan.FromSeconds(5);

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
    public (TortureFault Fault, string Member) Draw(Random random, string primary)
    {
        TortureFault fault;
        do fault = (TortureFault)random.Next((int)TortureFault.EmptyDisk);
        while (Impossible.ContainsKey(fault) || (fault == TortureFault.FullDisk && !group[disk.Member].IsWanted));
        if (fault == TortureFault.FullDisk) return (fault, disk.Member);
        return (fault, Whom(random, fault, primary, group.Names, group.IsLinked));
    }

    /// <summary>Draws a member for a fault: often the primary, and for one of links a member that has some.</summary>
    public static string Whom(Random random, TortureFault fault, string primary, IReadOnlyList<string> names, Func<string, bool> isLinked)
    {
        var member = random.Next(2) == 0 ? primary : names[random.Next(names.Count)];
        if (!IsOfLinks(fault) || isLinked(member)) return member;
        var linked = names.Where(isLinked).ToList();
        return linked[random.Next(linked.Count)];
    }

    /// <summary>Whether a fault is made in a member's links.</summary>
    private static bool IsOfLinks(TortureFault fault) => fault is TortureFault.Isolate or TortureFault.Mute or TortureFault.Deafen or TortureFault.Delay or TortureFault.Reset;

    /// <summary>Makes a fault, and lets it last for a while.</summary>
    /// <returns>Whether it struck: the primary may refuse to hand over, or nobody lead.</returns>
    public async Task<bool> MakeAsync(Random random, TortureFault fault, string member, CancellationToken cancellation)
    {
        var struck = true;
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
            case TortureFault.Leave:
                await group.StopAsync(member, StopPatience, cancellation);
                break;
            case TortureFault.Transfer:
                // It may be refused, or fail in the middle: then another is elected.
                var to = random.Next(2) == 0 ? null : member;
                var transfer = new ClientRequest { Op = "transfer", Name = to, TimeoutMilliseconds = (int)TransferPatience.TotalMilliseconds / 2 };
                struck = (await group.AskPrimaryAsync(transfer, TransferPatience, cancellation)).Answer is not null;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault, "expected one that passes");
        }

        await WaitAsync(random.Next(100, 1500), cancellation);
        return struck;
    }

    /// <summary>Takes everything back: all links pass on, all disks have room, all members run.</summary>
    public void Heal()
    {
        disk.MakeRoom();
        foreach (var name in group.Names)
        {
            group.Isolate(name, isCut: false);
            if (group[name].IsRunning) group.Signal(name, "CONT");
            else group.Start(name);
        }
    }

    private static Task WaitAsync(int milliseconds, CancellationToken cancellation) => Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System, cancellation);
}
