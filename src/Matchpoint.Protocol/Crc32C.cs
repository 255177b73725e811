using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Matchpoint.Protocol;

/// <summary>CRC-32C (Castagnoli, RFC 3720) with the processor's instruction, eight bytes at a time.</summary>
internal static class Crc32C
{
    /// <summary>The checksum of some bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => ~Carry(uint.MaxValue, bytes);

    /// <summary>Carries the raw register, which begins as all ones and is inverted at the end, over more bytes.</summary>
    public static uint Carry(uint register, ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
        {
            register = BitOperations.Crc32C(
                register, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        }

        foreach (var last in bytes[(words.Length * sizeof(ulong))..]) register = BitOperations.Crc32C(register, last);
        return register;
    }
}
