using Matchpoint.Fuzz.Targets;

namespace Matchpoint.Fuzz;

/// <summary>Everything that takes bytes from outside.</summary>
internal static class FuzzTargets
{
    /// <summary>All targets.</summary>
    public static IReadOnlyList<IFuzzTarget> All { get; } =
    [
        new FrameTarget(), new MessageTarget(), new RecordTarget(), new DirectoryTarget(), new SyncupTarget(isReplica: true), new SyncupTarget(isReplica: false), new ElectionTarget(),
        new AckTarget(), new RosterTarget(), new BackupStoreTarget(), new RequestTarget(), new HelloTarget(), new CopyReceiverTarget(), new ClientServiceTarget(),
    ];
}
