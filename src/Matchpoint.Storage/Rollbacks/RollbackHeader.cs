using Matchpoint.Protocol.Identities;

namespace Matchpoint.Storage.Rollbacks;

/// <summary>What an export tells about the rollback as a whole: its first line.</summary>
internal sealed record RollbackHeader
{
    /// <summary>The group whose log it was.</summary>
    public required GroupId Group { get; init; }

    /// <summary>The node that had to undo.</summary>
    public required NodeId Node { get; init; }

    /// <summary>The last record that stayed; null when none did.</summary>
    public required Vlsn Matchpoint { get; init; }

    /// <summary>The last record that was there.</summary>
    public required Vlsn Last { get; init; }

    /// <summary>The fingerprint of that record: which history it was.</summary>
    public required Fingerprint LastFingerprint { get; init; }

    /// <summary>Records above the matchpoint.</summary>
    public required long Records { get; init; }

    /// <summary>Commits among them.</summary>
    public required long Commits { get; init; }

    /// <summary>Commits among them whose client was told success.</summary>
    public required long Acknowledged { get; init; }

    /// <summary>Row of the decision table that decided.</summary>
    public required int Row { get; init; }

    /// <summary>The decision in words.</summary>
    public required string Reason { get; init; }

    /// <summary>When the export was written.</summary>
    public required DateTimeOffset ExportedAt { get; init; }
}

/// <summary>What became of an export.</summary>
internal enum RollbackState
{
    /// <summary>The operations were undone.</summary>
    Undone,

    /// <summary>The rollback was refused: the operations are still in the log, and an operator decides.</summary>
    Refused,

    /// <summary>The node stopped between export and cut: nothing was undone, and the next syncup decides anew.</summary>
    Pending,
}

/// <summary>One export on disk.</summary>
internal sealed record RollbackEntry(string Name, RollbackState State, RollbackHeader Header);

/// <summary>One operation of an export.</summary>
/// <param name="Vlsn">The record it stood in.</param>
/// <param name="Transaction">The first record of its transaction.</param>
/// <param name="Term">The reign it was written in.</param>
/// <param name="Time">When its primary wrote it.</param>
/// <param name="Committed">Whether its transaction was complete; pieces without their commit never took effect.</param>
/// <param name="Acknowledged">Whether its client was told success.</param>
/// <param name="Kind">put, delete or delete-range.</param>
/// <param name="Database">The database's number.</param>
/// <param name="Key">The key, or the first one of a range.</param>
/// <param name="Second">A put's value, a range's end; empty for a delete.</param>
internal sealed record UndoneOperation(
    Vlsn Vlsn, Vlsn Transaction, Term Term, DateTimeOffset Time, bool Committed, bool Acknowledged,
    string Kind, int Database, byte[] Key, byte[] Second);
