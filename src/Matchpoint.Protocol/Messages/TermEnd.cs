using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>Where a log's records of one term end.</summary>
/// <param name="Term">The term; never none.</param>
/// <param name="Last">The last record held of it.</param>
/// <param name="Fingerprint">The chained hash there.</param>
internal readonly record struct TermEnd(Term Term, Vlsn Last, Fingerprint Fingerprint)
{
    /// <summary>Bytes of the encoded form.</summary>
    public const int Size = 24;
}
