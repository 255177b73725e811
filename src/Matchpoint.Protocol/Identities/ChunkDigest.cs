using System.Globalization;
using System.IO.Hashing;

namespace Matchpoint.Protocol.Identities;

/// <summary>
/// A 128-bit hash (XxHash3) of a chunk of a copy: equal digests mean equal bytes. It tells accidents apart, not forgeries: who sends copies is a member of the group.
/// </summary>
internal readonly record struct ChunkDigest(UInt128 Value)
{
    /// <summary>Bytes of the encoded form.</summary>
    public const int Size = 16;

    /// <summary>The digest of some bytes.</summary>
    public static ChunkDigest Of(ReadOnlySpan<byte> bytes) => new(XxHash128.HashToUInt128(bytes));

    /// <summary>Thirty-two hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x32", CultureInfo.InvariantCulture);
}
