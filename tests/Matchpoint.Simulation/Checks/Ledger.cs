using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Simulation.Checks;

/// <summary>One record as the simulation remembers it.</summary>
/// <param name="Fingerprint">Its fingerprint, which stands for all records up to it.</param>
/// <param name="Term">Its reign.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Payload">What it says.</param>
internal readonly record struct Remembered(Fingerprint Fingerprint, Term Term, RecordKind Kind, byte[] Payload);

/// <summary>The one true history: all records that some node ever knew to be durable, in order.</summary>
internal sealed class Ledger
{
    private readonly List<Remembered> _records = [];

    /// <summary>The last record of it.</summary>
    public Vlsn Last => Vlsn.Null.Plus(_records.Count);

    /// <summary>The record that ends the last transaction of it.</summary>
    public Vlsn LastTransaction { get; private set; }

    /// <summary>A record of it.</summary>
    public Remembered this[Vlsn vlsn] => _records[(int)vlsn.DistanceFrom(Vlsn.First)];

    /// <summary>All of it, in order.</summary>
    public IReadOnlyList<Remembered> Records => _records;

    /// <summary>The next record of it.</summary>
    public void Add(in Remembered record)
    {
        _records.Add(record);
        if (record.Kind == RecordKind.Commit) LastTransaction = Last;
    }
}
