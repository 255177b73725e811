using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>What a syncup machine wants done. Performed in order; the answers come back as inputs.</summary>
internal abstract record SyncupEffect
{
    private protected SyncupEffect()
    {
    }
}

/// <summary>Send a message to the peer.</summary>
internal sealed record Send(SyncupMessage Message) : SyncupEffect;

/// <summary>Read records of the own log, all inside the range; answered by <see cref="EntriesRead"/>.</summary>
internal sealed record ReadEntries(Vlsn[] Vlsns) : SyncupEffect;

/// <summary>Find the highest own sync point at or below a record; answered by <see cref="SyncPointFound"/>.</summary>
internal sealed record FindSyncPoint(Vlsn AtOrBelow) : SyncupEffect;

/// <summary>Count what the own log holds above a record; answered by <see cref="Counted"/>.</summary>
internal sealed record CountAbove(Vlsn Matchpoint) : SyncupEffect;

/// <summary>Write every operation above the matchpoint into a file and flush it; answered by <see cref="Exported"/>.</summary>
/// <param name="Matchpoint">Null: everything.</param>
/// <param name="Refused">The operations will not be undone: the export is all that happens.</param>
/// <param name="Row">The deciding row, for the export's header.</param>
/// <param name="Reason">The decision in words, for the export's header.</param>
/// <param name="Counts">What the export will hold.</param>
internal sealed record ExportAbove(Vlsn Matchpoint, bool Refused, int Row, string Reason, UndoneCounts Counts) : SyncupEffect;

/// <summary>Cut the own log behind the matchpoint, durably. Only after the export is durable. Answered by <see cref="CutDurable"/>.</summary>
/// <param name="Matchpoint">Null: everything goes.</param>
/// <param name="Export">The export that becomes final with the cut.</param>
internal sealed record CutAfter(Vlsn Matchpoint, string Export) : SyncupEffect;

/// <summary>Tell whoever watches how far it is.</summary>
internal sealed record Tell(SyncupStep Step, string Text) : SyncupEffect;

/// <summary>The machine has finished: close the connection, unless the outcome goes on with the stream.</summary>
internal sealed record Finish(SyncupOutcome Outcome) : SyncupEffect;

/// <summary>Where a syncup is.</summary>
internal enum SyncupStep
{
    /// <summary>Asking the feeder which records it holds.</summary>
    Comparing,

    /// <summary>The matchpoint is known; deciding what to do about what lies above it.</summary>
    Deciding,

    /// <summary>Writing what will be undone into a file.</summary>
    Exporting,

    /// <summary>Cutting the log durably.</summary>
    Cutting,

    /// <summary>Asking for the stream.</summary>
    Starting,

    /// <summary>Finished.</summary>
    Done,
}
