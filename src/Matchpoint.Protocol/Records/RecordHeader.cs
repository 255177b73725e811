using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Records;

/// <summary>Everything about a record but its payload, as it stands on disk and on the wire.</summary>
/// <param name="Length">Bytes of the whole record, header included.</param>
/// <param name="Vlsn">The record's number.</param>
/// <param name="Term">The reign it was written in.</param>
/// <param name="Fingerprint">The chained hash up to and including this record.</param>
/// <param name="Timestamp">When its primary wrote it, in microseconds since 1970-01-01 UTC.</param>
/// <param name="Kind">What it is.</param>
/// <param name="AckPolicy">Whose acknowledgement its client waits for; <see cref="AckPolicy.None"/> for all but commits.</param>
internal readonly record struct RecordHeader(
    int Length, Vlsn Vlsn, Term Term, Fingerprint Fingerprint, long Timestamp, RecordKind Kind, AckPolicy AckPolicy)
{
    /// <summary>Bytes of the encoded header.</summary>
    public const int Size = 44;

    /// <summary>Bytes of the payload behind the header.</summary>
    public int PayloadLength => Length - Size;

    /// <summary>Whether a log may be cut behind this record.</summary>
    public bool IsSync => Kind != RecordKind.Piece;

    /// <summary>Whether this record ends a transaction.</summary>
    public bool IsTransactionEnd => Kind == RecordKind.Commit;

    /// <summary>The timestamp as a time.</summary>
    public DateTimeOffset Time => DateTimeOffset.UnixEpoch.AddMicroseconds(Timestamp);
}
