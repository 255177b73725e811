namespace Matchpoint.Simulation.Faults;

/// <summary>What can go wrong.</summary>
internal enum FaultKind
{
    /// <summary>A process is killed.</summary>
    Kill,

    /// <summary>A machine loses power.</summary>
    PowerCut,

    /// <summary>All machines lose power at once.</summary>
    PowerCutOfAll,

    /// <summary>A process dies at one of its next effects on the disk.</summary>
    CrashAtEffect,

    /// <summary>Whoever becomes the primary next dies in the first moments of its reign, several times in a row.</summary>
    ShortReigns,

    /// <summary>A process stands still for a while.</summary>
    Pause,

    /// <summary>The primary stands still for a while, cut off, and is still cut off when it goes on.</summary>
    Strand,

    /// <summary>A node is stopped and started again, as an operator does.</summary>
    Restart,

    /// <summary>The network falls into parts.</summary>
    Partition,

    /// <summary>One way between two machines is blocked.</summary>
    OneWay,

    /// <summary>Two machines do not reach each other, and all others reach both.</summary>
    PartialPartition,

    /// <summary>A machine is cut off from all others.</summary>
    Isolate,

    /// <summary>Ways open and close again and again.</summary>
    Flap,

    /// <summary>Connections of a machine are reset.</summary>
    Reset,

    /// <summary>The network is slow.</summary>
    SlowNetwork,

    /// <summary>A disk is slow.</summary>
    SlowDisk,

    /// <summary>A disk is full for a while.</summary>
    FullDisk,

    /// <summary>A write fails.</summary>
    FailedWrite,

    /// <summary>A flush fails.</summary>
    FailedFlush,

    /// <summary>A write lands elsewhere.</summary>
    MisdirectedWrite,

    /// <summary>A bit turns over in a file.</summary>
    BitFlip,

    /// <summary>A disk is lost and replaced by an empty one.</summary>
    LostDisk,

    /// <summary>A backup is put back.</summary>
    OldBackup,

    /// <summary>A wall clock jumps.</summary>
    ClockJump,
}
