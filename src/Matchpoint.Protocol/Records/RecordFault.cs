using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Records;

/// <summary>What is wrong with the bytes of a record, in words. A sound record has none: null.</summary>
internal sealed class RecordFault
{
    private RecordFault(string field, string expected, string found, bool isTruncated = false)
    {
        FieldName = field;
        Expected = expected;
        Found = found;
        IsTruncated = isTruncated;
    }

    /// <summary>Whether the bytes end before the record does: not a fault where more bytes may follow.</summary>
    public bool IsTruncated { get; }

    /// <summary>Which part of the record is wrong.</summary>
    public string FieldName { get; }

    /// <summary>What should stand there.</summary>
    public string Expected { get; }

    /// <summary>What stands there.</summary>
    public string Found { get; }

    /// <summary>The bytes end before the record does.</summary>
    public static RecordFault Truncated(long have, long need) =>
        new("length", $"{need} bytes", $"{have} bytes", isTruncated: true);

    /// <summary>No record has this length.</summary>
    public static RecordFault Length(uint found) => new("length", $"{RecordHeader.Size} to {Limits.RecordBytes}", $"{found}");

    /// <summary>A field has a value that it cannot have.</summary>
    public static RecordFault Field(string name, string expected, long found) => new(name, expected, $"{found}");

    /// <summary>The checksum does not fit the bytes.</summary>
    public static RecordFault Checksum(uint computed, uint stored) => new("CRC-32C", $"{computed:x8}", $"{stored:x8}");

    /// <summary>Another record stands here.</summary>
    public static RecordFault Order(Vlsn expected, Vlsn found) => new("VLSN", $"{expected}", $"{found}");

    /// <summary>The record does not continue the chain before it.</summary>
    public static RecordFault Broken(Fingerprint computed, Fingerprint stored) =>
        new("fingerprint", $"{computed}", $"{stored}");

    /// <summary>The fault as part of a sentence: <c>CRC-32C: expected 1a2b3c4d, found 00000000</c>.</summary>
    public override string ToString() => $"{FieldName}: expected {Expected}, found {Found}";
}
