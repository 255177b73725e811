using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Verification;

/// <summary>What a verification of a node's directory found.</summary>
internal sealed record DirectoryReport
{
    /// <summary>What was found in the log; null when it could not be looked at.</summary>
    public VerifyReport? Log { get; init; }

    /// <summary>The record that the state stands at; null where there is none.</summary>
    public Vlsn Applied { get; init; }

    /// <summary>Files of the state that were read.</summary>
    public int StateFiles { get; init; }

    /// <summary>Exports of undone transactions that were read.</summary>
    public int Exports { get; init; }

    /// <summary>Every damaged place.</summary>
    public required IReadOnlyList<StorageException> Damage { get; init; }

    /// <summary>What is not damage but worth knowing.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}
