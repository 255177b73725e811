using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>Version 1: one entry per question, descending, and a stream only behind the entry just given.</summary>
internal sealed class EntryDialogue(LogRange log, long replicaRecords) : FeederDialogue(log)
{
    // Each candidate is held by both; the last request may be for VLSN 1, and the first for what only the replica holds.
    private readonly long _most = Math.Min(log.Records, replicaRecords) + 2;
    private long _requests;
    private Vlsn _requested;
    private LogEntry? _confirmed;

    /// <inheritdoc/>
    public override ImmutableArray<Vlsn> Take(IMessage question)
    {
        if (question is not EntryRequest(var vlsn))
            throw new ProtocolException($"{question.Opcode}", "turn", nameof(EntryRequest), $"{question.Opcode}");
        if (_requests > 0 && vlsn >= _requested)
            throw new ProtocolException(nameof(EntryRequest), "vlsn", $"below {_requested}, requests descend", $"{vlsn}");
        if (_requests == _most)
            throw new ProtocolException(nameof(EntryRequest), "count", $"{_most} at most, there are no more candidates", $"{_most + 1}");

        _requests++;
        _requested = vlsn;
        if (Log.Holds(vlsn)) return [vlsn];
        var isAbove = vlsn > Log.Last;
        return isAbove && _requests == 1 && !Log.LastSync.IsNull ? [Log.LastSync] : [];
    }

    /// <inheritdoc/>
    public override IMessage Answer(ImmutableArray<LogEntry> entries)
    {
        _confirmed = entries.IsEmpty ? null : entries[0];
        if (_confirmed is not { } entry) return new EntryNotFound();
        return entry.Vlsn == _requested ? new Entry(entry) : new AlternateMatchpoint(entry);
    }

    /// <inheritdoc/>
    public override Vlsn TakeStart(Vlsn start)
    {
        var isBehindConfirmed = _confirmed is { IsSync: true } confirmed && start.Previous == confirmed.Vlsn;
        var isFromFirst = start == Vlsn.First && _requested == Vlsn.First && _confirmed?.Vlsn == Vlsn.First;
        return isBehindConfirmed || isFromFirst
            ? Vlsn.Null
            : throw new ProtocolException(nameof(StartStream), "startVlsn", "the VLSN behind a sync point just confirmed", $"{start}");
    }

    /// <inheritdoc/>
    public override void TakeRestore()
    {
        if (_requests == 0) throw new ProtocolException(nameof(RestoreRequest), "turn", "an EntryRequest before it", "none");
    }
}
