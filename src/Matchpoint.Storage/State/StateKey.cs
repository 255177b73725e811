using System.Buffers.Binary;

namespace Matchpoint.Storage.State;

/// <summary>
/// A key of the state: the number of its database, most significant byte first, then the user's key. So databases lie behind each other, and in each
/// the keys keep their order as unsigned bytes.
/// </summary>
internal static class StateKey
{
    /// <summary>Bytes before the user's key.</summary>
    public const int PrefixSize = sizeof(ushort);

    /// <summary>The database that belongs to the store itself: its catalogue of names, and the position. No user's operation reaches it.</summary>
    public const ushort SystemDatabase = ushort.MaxValue;

    /// <summary>Behind every key.</summary>
    public static byte[] BehindAll { get; } = [0xff, 0xff, 0xff, 0xff];

    /// <summary>The length of the state's key for a user's key.</summary>
    public static int Size(int keyLength) => PrefixSize + keyLength;

    /// <summary>Writes a state's key; the span has exactly its size.</summary>
    public static void Write(Span<byte> stateKey, ushort database, ReadOnlySpan<byte> key)
    {
        BinaryPrimitives.WriteUInt16BigEndian(stateKey, database);
        key.CopyTo(stateKey[PrefixSize..]);
    }

    /// <summary>A state's key in an array of its own.</summary>
    public static byte[] Of(ushort database, ReadOnlySpan<byte> key)
    {
        var stateKey = new byte[Size(key.Length)];
        Write(stateKey, database, key);
        return stateKey;
    }

    /// <summary>The database of a state's key.</summary>
    public static ushort DatabaseOf(ReadOnlySpan<byte> stateKey) => BinaryPrimitives.ReadUInt16BigEndian(stateKey);

    /// <summary>The user's key in a state's key.</summary>
    public static ReadOnlySpan<byte> UserKey(ReadOnlySpan<byte> stateKey) => stateKey[PrefixSize..];
}
