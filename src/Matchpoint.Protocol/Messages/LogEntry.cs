using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>What tells one record from another: enough to say whether two logs are the same up to here.</summary>
/// <param name="Vlsn">The record's number; never null.</param>
/// <param name="Lsn">Where the record begins.</param>
/// <param name="Fingerprint">The chained hash up to and including the record.</param>
/// <param name="IsSync">Whether a log may be cut behind the record.</param>
internal readonly record struct LogEntry(Vlsn Vlsn, Lsn Lsn, Fingerprint Fingerprint, bool IsSync)
{
    /// <summary>Bytes of the encoded form.</summary>
    public const int Size = 25;

    /// <summary>
    /// Whether both logs hold the same record here. The fingerprint alone would do for whole logs; the position guards
    /// against a log that was put together from parts.
    /// </summary>
    public bool IsSameRecordAs(in LogEntry other) =>
        Vlsn == other.Vlsn && Lsn == other.Lsn && Fingerprint == other.Fingerprint;

    /// <summary>The entry as a person reads it.</summary>
    public override string ToString() => $"{Vlsn} at {Lsn} {Fingerprint}{(IsSync ? " sync" : "")}";

    internal static LogEntry Read(ref MessageReader reader, string prefix = "") => new(
        reader.ReadVlsn(prefix + "vlsn"),
        new Lsn(reader.ReadUInt64(prefix + "lsn")),
        new Fingerprint(reader.ReadUInt64(prefix + "fingerprint")),
        reader.ReadFlag(prefix + "isSync"));

    internal void Write(ref MessageWriter writer)
    {
        Invariant.Holds(!Vlsn.IsNull, "an entry without a VLSN cannot be sent.");
        writer.WriteVlsn(Vlsn);
        writer.WriteUInt64(Lsn.Value);
        writer.WriteUInt64(Fingerprint.Value);
        writer.WriteFlag(IsSync);
    }
}
