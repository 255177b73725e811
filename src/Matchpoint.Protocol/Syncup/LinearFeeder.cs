using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>Version 1: one record per request; requests descend, so there are at most as many as there are records.</summary>
internal sealed class LinearFeeder(LogRange range) : FeederSyncup(range)
{
    private long _exchanges;
    private Vlsn _lastRequested;
    private Vlsn _confirmed;
    private bool _answeredNotFound;
    private bool _sentEntryOne;

    /// <inheritdoc/>
    protected override void OnMessage(SyncupMessage message, List<SyncupEffect> effects)
    {
        switch (message)
        {
            case EntryRequest request:
                OnRequest(request, effects);
                break;
            case StartStream start when IsConfirmed(start.Vlsn):
                StreamFrom(start.Vlsn, effects);
                break;
            case StartStream start:
                Fault($"the replica asks for the stream from {start.Vlsn}; {Confirmed()}", effects);
                break;
            case RestoreRequest when _exchanges > 0:
                GrantRestore(effects);
                break;
            default:
                Fault($"the replica sent {message}, which has no place here", effects);
                break;
        }
    }

    /// <inheritdoc/>
    protected override void OnEntries(SyncupMessage question, LogEntry[] entries, List<SyncupEffect> effects)
    {
        var entry = entries[0];
        _confirmed = entry.Vlsn;
        _sentEntryOne |= entry.Vlsn == Vlsn.First;
        var asked = ((EntryRequest)question).Vlsn;
        effects.Add(new Send(entry.Vlsn == asked ? new Entry(entry) : new AlternateMatchpoint(entry)));
    }

    private void OnRequest(EntryRequest request, List<SyncupEffect> effects)
    {
        if (_answeredNotFound)
        {
            Fault($"the replica asks for {request.Vlsn} after it was told that there is nothing more", effects);
            return;
        }

        if (_exchanges > 0 && request.Vlsn >= _lastRequested)
        {
            Fault($"requests must descend, and the replica asks for {request.Vlsn} after {_lastRequested}", effects);
            return;
        }

        var isFirst = _exchanges++ == 0;
        _lastRequested = request.Vlsn;
        if (Range.Holds(request.Vlsn)) Read(request, [request.Vlsn], effects);
        else if (isFirst && request.Vlsn > Range.Last && !Range.LastSync.IsNull) Read(request, [Range.LastSync], effects);
        else
        {
            _answeredNotFound = true;
            effects.Add(new Send(new EntryNotFound()));
        }
    }

    /// <summary>A stream starts right behind the record just answered for, or at 1 when record 1 was.</summary>
    private bool IsConfirmed(Vlsn start) =>
        (!_confirmed.IsNull && !_answeredNotFound && start.Previous == _confirmed) || (start == Vlsn.First && _sentEntryOne);

    private string Confirmed() => _confirmed.IsNull ? "no record was compared" : $"the record last compared is {_confirmed}";
}
