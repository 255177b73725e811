using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Storage.Log;

/// <summary>The headers of a run of records that were read together: a walk backwards reads each stretch of the log once.</summary>
internal sealed class LogBlock
{
    private readonly List<(RecordHeader Header, Lsn Lsn)> _records = [];

    private Vlsn First => _records[0].Header.Vlsn;

    /// <summary>Forgets them.</summary>
    public void Clear() => _records.Clear();

    /// <summary>Adds the next record of the run.</summary>
    public void Add(in RecordHeader header, Lsn lsn) => _records.Add((header, lsn));

    /// <summary>Whether a record is among them.</summary>
    public bool Holds(Vlsn vlsn) => _records.Count > 0 && vlsn >= First && vlsn <= _records[^1].Header.Vlsn;

    /// <summary>Gives a record's header if it is among them.</summary>
    public bool TryGet(Vlsn vlsn, out RecordHeader header, out Lsn lsn)
    {
        (header, lsn) = Holds(vlsn) ? _records[(int)vlsn.DistanceFrom(First)] : default;
        return header.Length > 0;
    }

    /// <summary>The highest sync point among them at or below a record that is; and their first record.</summary>
    public (Vlsn Sync, Vlsn BlockStart) SyncPointAtOrBelow(Vlsn vlsn)
    {
        for (var i = (int)vlsn.DistanceFrom(First); i >= 0; i--)
        {
            if (_records[i].Header.IsSync) return (_records[i].Header.Vlsn, First);
        }

        return (Vlsn.Null, First);
    }
}
