using Matchpoint.Protocol.Identities;

namespace Matchpoint.Storage.Log;

/// <summary>What readers hold of a log: it is not removed under them, and they are told when it was cut. Guarded by the log's lock.</summary>
internal sealed class LogPins(Lock gate)
{
    private readonly HashSet<Pin> _pins = [];
    private Vlsn? _cutting;

    /// <summary>Holds the segments from the first one on.</summary>
    public Pin Add_Locked(Segment[] segments)
    {
        var pin = new Pin(this, segments is [var first, ..] ? first.Before.Vlsn : Vlsn.Null);
        _pins.Add(pin);
        // The segments may be those from before the cut.
        if (_cutting is { } last) pin.NoteCut(last);
        return pin;
    }

    /// <summary>The highest VLSN up to which records may go without touching what anybody holds.</summary>
    public Vlsn LowestBefore_Locked(Vlsn wanted)
    {
        foreach (var pin in _pins) wanted = Vlsn.Min(wanted, pin.Before);
        return wanted;
    }

    /// <summary>Tells the readers, those too that come until the cut is done, that the records above a VLSN are gone.</summary>
    public void BeginCut_Locked(Vlsn last)
    {
        _cutting = last;
        foreach (var pin in _pins) pin.NoteCut(last);
    }

    /// <summary>Readers that come now find the log as it is behind the cut.</summary>
    public void EndCut_Locked() => _cutting = null;

    /// <summary>One reader's hold.</summary>
    internal sealed class Pin(LogPins owner, Vlsn before) : IDisposable
    {
        private const long NotCut = long.MaxValue;

        private long _cutAfter = NotCut;

        /// <summary>The last record before those that are held.</summary>
        public Vlsn Before { get; private set; } = before;

        /// <summary>Throws when the log was cut below a record.</summary>
        /// <exception cref="LogCutException">It was.</exception>
        public void MustHold(Vlsn vlsn)
        {
            var cutAfter = Volatile.Read(ref _cutAfter);
            if (cutAfter == NotCut || vlsn.DistanceFrom(Vlsn.Null) <= cutAfter) return;
            throw new LogCutException($"Record {vlsn} is gone: the log was cut behind record {Vlsn.Null.Plus(cutAfter)} while it was read.");
        }

        /// <summary>Gives up the records up to a VLSN and holds those behind it.</summary>
        public void MoveTo(Vlsn before)
        {
            lock (owner.Gate) Before = Vlsn.Max(Before, before);
        }

        /// <summary>The log was cut.</summary>
        public void NoteCut(Vlsn last) => Volatile.Write(ref _cutAfter, Math.Min(_cutAfter, last.DistanceFrom(Vlsn.Null)));

        /// <summary>Holds nothing any more.</summary>
        public void Dispose()
        {
            lock (owner.Gate) owner._pins.Remove(this);
        }
    }

    private Lock Gate { get; } = gate;
}
