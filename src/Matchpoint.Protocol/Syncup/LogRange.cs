using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Syncup;

/// <summary>What a log holds, as a handshake sees it: fixed and pinned from before it is read until the handshake ends.</summary>
/// <param name="First">The oldest record; null in an empty log.</param>
/// <param name="Last">The newest record; null in an empty log.</param>
/// <param name="LastSync">The newest sync point held; null when there is none.</param>
/// <param name="LastTransactionEnd">The newest commit held; null when there is none.</param>
/// <param name="Durable">The highest VLSN this node ever knew to be durable.</param>
internal readonly record struct LogRange(Vlsn First, Vlsn Last, Vlsn LastSync, Vlsn LastTransactionEnd, Vlsn Durable)
{
    /// <summary>Whether a record lies in it.</summary>
    public bool Holds(Vlsn vlsn) => !First.IsNull && vlsn >= First && vlsn <= Last;

    /// <summary>
    /// Whether nothing committed can ever have been held here: no commit, and no head removed that may have held one. Only then may everything be
    /// undone and the stream start at 1.
    /// </summary>
    public bool NeverHeldACommit => LastTransactionEnd.IsNull && (First.IsNull || First == Vlsn.First);
}

/// <summary>How much lies above a matchpoint.</summary>
/// <param name="Records">All records.</param>
/// <param name="Commits">Those that are commits.</param>
/// <param name="Acknowledged">Commits whose client was told success.</param>
internal readonly record struct UndoneCounts(long Records, long Commits, long Acknowledged);
