using System.Buffers.Binary;

namespace Matchpoint.Peers;

/// <summary>The keys of all loads: 16 bytes, in no order.</summary>
internal static class Keys
{
    /// <summary>How long each is.</summary>
    public const int Bytes = 16;

    /// <summary>How long every value is.</summary>
    public const int ValueBytes = 100;

    /// <summary>How many keys are written before anything is read; the reads are of these.</summary>
    public const int Filled = 2000;

    /// <summary>A key.</summary>
    public static byte[] Of(int client, long number)
    {
        var key = new byte[Bytes];
        BinaryPrimitives.WriteUInt64BigEndian(key, (ulong)number * 0x9E3779B97F4A7C15);
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(8), client);
        return key;
    }

    /// <summary>A key as a number.</summary>
    public static UInt128 Number(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt128BigEndian(key);
}
