using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Matchpoint.Transport;

/// <summary>Where a node listens: a name or an address, and a port.</summary>
/// <param name="Host">A host name, an IPv4 address, or an IPv6 address without brackets.</param>
/// <param name="Port">0 to 65535; 0 lets the system choose when listening.</param>
internal readonly record struct Endpoint(string Host, int Port)
{
    private const int HighestPort = 65535;
    private const int LongestName = 253;

    private static readonly SearchValues<char> NotInNames = SearchValues.Create(" \t\r\n/[]@\\");

    /// <summary>Reads HOST:PORT; an IPv6 address stands in brackets.</summary>
    /// <exception cref="FormatException">The text is something else.</exception>
    public static Endpoint Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 0 || text.EndsWith(']')) throw Wrong(text, "there is no port");
        var host = text[..colon];
        if (host.Length == 0) throw Wrong(text, "there is no host before the port");
        if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port > HighestPort)
            throw Wrong(text, $"the port \"{text[(colon + 1)..]}\" is not a number from 0 to {HighestPort}");
        if (host is ['[', .., ']'])
        {
            host = host[1..^1];
            if (!IPAddress.TryParse(host, out var address) || address.AddressFamily != AddressFamily.InterNetworkV6)
                throw Wrong(text, $"\"{host}\" in the brackets is not an IPv6 address");
        }
        else if (host.Contains(':', StringComparison.Ordinal))
        {
            throw Wrong(text, "an IPv6 address stands in brackets");
        }
        else if (host.Length > LongestName || host.AsSpan().ContainsAny(NotInNames))
        {
            throw Wrong(text, $"\"{host}\" is neither a host name nor an address");
        }

        return new Endpoint(host, port);
    }

    /// <summary>Reads HOST:PORT; false when the text is something else.</summary>
    public static bool TryParse(string text, out Endpoint endpoint)
    {
        try
        {
            endpoint = Parse(text);
            return true;
        }
        catch (FormatException)
        {
            endpoint = default;
            return false;
        }
    }

    /// <summary>HOST:PORT.</summary>
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    private static FormatException Wrong(string text, string why) =>
        new($"\"{text}\": {why}. Expected HOST:PORT, like 127.0.0.1:7000, node2:7000 or [::1]:7000.");
}
