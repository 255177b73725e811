using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>What happened: the only way in for a syncup machine. Each one that answers an effect names it.</summary>
internal abstract record SyncupInput
{
    private SyncupInput()
    {
    }

    /// <summary>The hellos were checked; the machine may begin.</summary>
    public sealed record Started : SyncupInput;

    /// <summary>A frame came from the peer. The machine decodes it: garbled bytes are its business too.</summary>
    public sealed record FrameReceived(ReadOnlyMemory<byte> Frame) : SyncupInput;

    /// <summary>Answers <see cref="SyncupEffect.ReadEntries"/>: one entry per VLSN asked for, in that order.</summary>
    public sealed record EntriesRead(ImmutableArray<LogEntry> Entries) : SyncupInput;

    /// <summary>Answers <see cref="SyncupEffect.FindSyncPoint"/>: the sync point, or null when there is none.</summary>
    public sealed record SyncPointFound(Vlsn Vlsn) : SyncupInput;

    /// <summary>Answers <see cref="SyncupEffect.FindCommonTerm"/>: the own end of the newest common term, if there is one.</summary>
    public sealed record CommonTermFound(TermEnd? Own) : SyncupInput;

    /// <summary>Answers <see cref="SyncupEffect.CountAbove"/>.</summary>
    public sealed record Counted(UndoneCount Undone) : SyncupInput;

    /// <summary>Answers <see cref="SyncupEffect.ConfirmFeeder"/>.</summary>
    public sealed record FeederChecked(bool IsConfirmed) : SyncupInput;

    /// <summary>Answers <see cref="SyncupEffect.ExportUndone"/>: the export is on disk, flushed.</summary>
    public sealed record ExportDurable : SyncupInput;

    /// <summary>Answers <see cref="SyncupEffect.CutAfter"/>: the cut is on disk, flushed, and finished at open after a crash.</summary>
    public sealed record CutDurable : SyncupInput;

    /// <summary>The log could not do what the last effect asked for: a record cannot be read, a disk failed.</summary>
    public sealed record LogFaulted(string Reason) : SyncupInput;

    /// <summary>Nothing but time passed.</summary>
    public sealed record TimePassed : SyncupInput;

    /// <summary>The connection is gone.</summary>
    public sealed record ConnectionLost(string Reason) : SyncupInput;

    /// <summary>This feeder may no longer feed.</summary>
    public sealed record Demoted(string Reason) : SyncupInput;
}
