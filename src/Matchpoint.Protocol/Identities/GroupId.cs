using System.IO.Hashing;
using System.Text;

namespace Matchpoint.Protocol.Identities;

/// <summary>Which group a log belongs to. Logs of two groups share nothing: the group is the seed of the fingerprint chain.</summary>
internal readonly record struct GroupId(Guid Value)
{
    /// <summary>Bytes of the encoded form.</summary>
    internal const int Size = 16;

    /// <summary>The group of a name: the same name gives the same group on every machine.</summary>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static GroupId FromName(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Span<byte> hash = stackalloc byte[Size];
        XxHash128.Hash(Encoding.UTF8.GetBytes(name), hash);
        return new GroupId(new Guid(hash, bigEndian: true));
    }

    /// <summary>The fingerprint that stands before the first record of this group's log.</summary>
    internal Fingerprint Genesis
    {
        get
        {
            Span<byte> bytes = stackalloc byte[Size];
            Value.TryWriteBytes(bytes, bigEndian: true, out _);
            return new Fingerprint(XxHash3.HashToUInt64(bytes));
        }
    }

    /// <summary>The identity in hexadecimal groups.</summary>
    public override string ToString() => Value.ToString("D");
}
