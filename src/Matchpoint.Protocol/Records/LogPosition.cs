using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Records;

/// <summary>Where a log stands behind a record: all that the next record must continue.</summary>
/// <param name="Vlsn">The record's number; null before the first.</param>
/// <param name="End">The byte position behind it.</param>
/// <param name="Fingerprint">The chained hash up to and including it.</param>
/// <param name="Term">The reign it was written in.</param>
internal readonly record struct LogPosition(Vlsn Vlsn, Lsn End, Fingerprint Fingerprint, Term Term)
{
    /// <summary>Before the first record of a group's log.</summary>
    public static LogPosition Start(GroupId group) => new(Vlsn.Null, Lsn.Zero, group.Genesis, Term.None);

    /// <summary>Behind a record that continues this position.</summary>
    public LogPosition After(in RecordHeader header) =>
        new(header.Vlsn, End.Plus(header.Length), header.Fingerprint, header.Term);

    /// <summary>
    /// Proves that the bytes begin with a sound record that continues the log here.
    /// </summary>
    /// <returns>Null when they do; else what is wrong. A fault that <see cref="RecordFault.IsTruncated"/> only says that
    /// there are too few bytes.</returns>
    public RecordFault? TryAdvance(ReadOnlySpan<byte> bytes, out RecordHeader header, out LogPosition next)
    {
        next = this;
        var fault = RecordCodec.TryReadHeader(bytes, out header);
        if (fault is not null) return fault;
        if (bytes.Length < header.Length) return RecordFault.Truncated(bytes.Length, header.Length);
        fault = RecordCodec.Check(bytes[..header.Length], header, Vlsn.Next, Fingerprint);
        if (fault is not null) return fault;
        if (header.Term < Term) return RecordFault.Field("term", $"{Term} or higher", (long)header.Term.Value);
        next = After(header);
        return null;
    }
}
