using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Storage.Log;

/// <summary>Which of the last records are inner pieces of transactions, so that any record can be lowered to a sync point without reading the log. Guarded by the log's lock.</summary>
internal sealed class PieceRuns
{
    private readonly List<(Vlsn First, Vlsn Last)> _runs = [];

    /// <summary>Those behind the last sync point of a log that ends with a record.</summary>
    public PieceRuns(Vlsn lastSync, Vlsn last)
    {
        if (lastSync < last) _runs.Add((lastSync.Next, last));
    }

    /// <summary>A record was appended.</summary>
    public void Add(in RecordHeader header)
    {
        if (header.IsSync) return;
        if (_runs is [.., var run] && run.Last.Next == header.Vlsn) _runs[^1] = (run.First, header.Vlsn);
        else _runs.Add((header.Vlsn, header.Vlsn));
    }

    /// <summary>The records above one are gone.</summary>
    public void CutAfter(Vlsn last)
    {
        while (_runs is [.., var run] && run.Last > last)
        {
            _runs.RemoveAt(_runs.Count - 1);
            if (run.First <= last) _runs.Add((run.First, last));
        }
    }

    /// <summary>Nobody asks any more for records up to one.</summary>
    public void Forget(Vlsn upTo)
    {
        if (_runs is [var run, ..] && run.Last <= upTo) _runs.RemoveAll(old => old.Last <= upTo);
    }

    /// <summary>The highest sync point up to a record, as far as was not forgotten.</summary>
    public Vlsn SyncPointAtOrBelow(Vlsn vlsn)
    {
        for (var i = _runs.Count - 1; i >= 0 && vlsn <= _runs[i].Last; i--)
        {
            if (vlsn >= _runs[i].First) return _runs[i].First.Previous;
        }

        return vlsn;
    }
}
