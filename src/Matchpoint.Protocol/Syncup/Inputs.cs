using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>What happened, as a syncup machine hears of it.</summary>
internal abstract record SyncupInput
{
    private protected SyncupInput()
    {
    }
}

/// <summary>A message of the peer came in.</summary>
internal sealed record MessageReceived(SyncupMessage Message) : SyncupInput;

/// <summary>The peer sent what it may not send: garbage, or a message that has no place here.</summary>
internal sealed record GarbageReceived(string What) : SyncupInput;

/// <summary>The own log's records, in the order asked for.</summary>
internal sealed record EntriesRead(LogEntry[] Entries) : SyncupInput;

/// <summary>The own disk failed: a record inside the range could not be read, or an export or a cut could not be written.</summary>
internal sealed record ReadFailed(string What) : SyncupInput;

/// <summary>The highest own sync point at or below what was asked for; null when there is none.</summary>
internal sealed record SyncPointFound(Vlsn Vlsn) : SyncupInput;

/// <summary>How much lies above the matchpoint.</summary>
internal sealed record Counted(UndoneCounts Counts) : SyncupInput;

/// <summary>The export is written and flushed.</summary>
internal sealed record Exported(string Name) : SyncupInput;

/// <summary>The cut is durable.</summary>
internal sealed record CutDurable : SyncupInput;

/// <summary>The connection is gone, or the peer closed it.</summary>
internal sealed record ConnectionLost(string Why) : SyncupInput;

/// <summary>This feeder is not what it was when the handshake began (no longer primary, or shutting down).</summary>
internal sealed record Demoted(string Why) : SyncupInput;

/// <summary>Time has passed.</summary>
internal sealed record TimePassed : SyncupInput;
