using System.Globalization;
using System.Text;

namespace Matchpoint.Cli.Terminal;

/// <summary>Numbers and bytes as a person reads them.</summary>
internal static class Show
{
    /// <summary>A count in groups: 1,234,567.</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A number of bytes in its natural unit.</summary>
    public static string Bytes(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var unit = 0;
        while (bytes >= 1024 && unit < units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes:0.##} {units[unit]}");
    }

    /// <summary>Whether bytes are UTF-8 without control characters.</summary>
    public static bool IsText(ReadOnlySpan<byte> bytes) =>
        System.Text.Unicode.Utf8.IsValid(bytes) && bytes.IndexOfAnyInRange((byte)0, (byte)31) < 0;

    /// <summary>A key or value: as text where it is printable, else in hexadecimal; cut where it is long.</summary>
    public static string Text(ReadOnlySpan<byte> bytes, int most = 40)
    {
        var text = IsText(bytes) ? Encoding.UTF8.GetString(bytes) : "0x" + Convert.ToHexStringLower(bytes[..Math.Min(bytes.Length, most)]);
        return text.Length <= most ? text : text[..(most - 1)] + "…";
    }
}
