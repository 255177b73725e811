using System.Globalization;

namespace Matchpoint.Protocol.Identities;

/// <summary>A 64-bit hash of a record chained with the fingerprint before it: equal fingerprints at a VLSN mean equal logs
/// up to there. It tells accidents apart, not forgeries: it is not a cryptographic hash.</summary>
internal readonly record struct Fingerprint(ulong Value)
{
    /// <summary>Sixteen hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}
