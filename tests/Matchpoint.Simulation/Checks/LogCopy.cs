using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Log;

namespace Matchpoint.Simulation.Checks;

/// <summary>What a node's log holds, as it was seen after every event. It begins where the log began when it was first seen; what is removed there later stays in it.</summary>
internal sealed class LogCopy
{
    private readonly List<Remembered> _records = [];

    /// <summary>The first record.</summary>
    public Vlsn First { get; private set; } = Vlsn.First;

    /// <summary>The fingerprint before the first record.</summary>
    public Fingerprint Before { get; private set; }

    /// <summary>The last record; the one before the first where there is none.</summary>
    public Vlsn Last => First.Previous.Plus(_records.Count);

    /// <summary>A record.</summary>
    public Remembered this[Vlsn vlsn] => _records[(int)vlsn.DistanceFrom(First)];

    /// <summary>Whether a record is in it.</summary>
    public bool Holds(Vlsn vlsn) => vlsn >= First && vlsn <= Last;

    /// <summary>Forgets all, and begins anew.</summary>
    public void Clear()
    {
        _records.Clear();
        First = Vlsn.First;
    }

    /// <summary>Takes what is behind a record away.</summary>
    public List<Remembered> CutAfter(Vlsn vlsn)
    {
        var keep = (int)Math.Max(0, vlsn.DistanceFrom(First.Previous));
        var removed = _records[keep..];
        _records.RemoveRange(keep, removed.Count);
        return removed;
    }

    /// <summary>Takes over what a log holds beyond.</summary>
    /// <exception cref="Storage.DamageException">It is damaged.</exception>
    public void Extend(LogView view)
    {
        if (view.Last.IsNull || view.Last <= Last) return;
        if (_records.Count == 0) (First, Before) = (view.First, view.Segments.First().Before.Fingerprint);
        using var reader = view.ReadFrom(Last.Next);
        while (reader.MoveNext())
            _records.Add(new Remembered(reader.Header.Fingerprint, reader.Header.Term, reader.Header.Kind, reader.Payload.ToArray()));
    }
}
