using System.Text;
using Matchpoint.Server.Problems;

namespace Matchpoint.Server.Data;

/// <summary>Bytes in JSON: as text where they are UTF-8 without control characters, otherwise in base64, so that nothing is lost and most can be read.</summary>
internal static class ItemText
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Bytes as text, or as base64: one of the two is null.</summary>
    public static (string? Text, byte[]? Base64) Of(ReadOnlySpan<byte> bytes) =>
        System.Text.Unicode.Utf8.IsValid(bytes) && bytes.IndexOfAnyInRange((byte)0, (byte)31) < 0 && !bytes.Contains((byte)127)
            ? (Encoding.UTF8.GetString(bytes), null)
            : (null, bytes.ToArray());

    /// <summary>The bytes of a text or of base64; null where neither is given.</summary>
    public static byte[]? Bytes(string? text, byte[]? base64, string where)
    {
        if (text is not null && base64 is not null) throw RequestException.Bad(where, $"{where} or {where}Base64", "both");
        if (text is null) return base64;
        try
        {
            return Strict.GetBytes(text);
        }
        catch (EncoderFallbackException)
        {
            throw RequestException.Bad(where, "a text that has a UTF-8 form", "half of a surrogate pair");
        }
    }
}
