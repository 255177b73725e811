namespace Matchpoint.Protocol.Records;

/// <summary>What a record is.</summary>
internal enum RecordKind : byte
{
    /// <summary>A new primary's first record. Payload: the primary's <c>NodeId</c>, 16 bytes.</summary>
    TermStart = 1,

    /// <summary>A whole transaction, or the last piece of a large one. A sync point and a transaction's end.</summary>
    Commit = 2,

    /// <summary>An inner piece of a large transaction: the only kind of record at which a log may not be cut.</summary>
    Piece = 3,

    /// <summary>A change of the group's members. Its payload belongs to the group, not to any transaction.</summary>
    Membership = 4,
}
