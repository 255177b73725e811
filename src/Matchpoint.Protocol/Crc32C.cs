using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Matchpoint.Protocol;

/// <summary>CRC-32C (Castagnoli, RFC 3720) with the processor's instruction, eight bytes at a time.</summary>
internal static class Crc32C
{
    /// <summary>The checksum of some bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => ~Carry(uint.MaxValue, bytes);

    /// <summary>
    /// The checksum of a file or of its header where the four bytes at 12 hold the checksum itself: it covers all the other bytes, the
    /// format version included, so that a flipped version is not taken for a newer format.
    /// </summary>
    public static uint AroundItself(ReadOnlySpan<byte> bytes) => ~Carry(Carry(uint.MaxValue, bytes[..12]), bytes[16..]);

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
