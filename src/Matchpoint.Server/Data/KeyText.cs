using System.Buffers.Text;
using System.Net;
using System.Text;
using System.Text.Unicode;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;

namespace Matchpoint.Server.Data;

/// <summary>Keys and databases as they stand in addresses: percent-encoded bytes, or, for keys, base64url where the request says so.</summary>
internal static class KeyText
{
    /// <summary>
    /// The key that a request's path names. It is read from the path as it was sent: a server that has decoded it can no longer tell a slash from one that was encoded, nor bytes that are no UTF-8.
    /// </summary>
    public static byte[] OfPath(HttpContext context, string? encoding)
    {
        var (path, segments) = PathOf(context);
        var (_, at) = Find(segments, isWithKey: true) ?? throw RequestException.Bad("path", "a key behind /api/databases/DATABASE/keys/", path);
        var key = Of(path[at..], encoding, "key", isPercentEncoded: true);
        if (key.Length == 0 && encoding is null or "text")
            throw RequestException.Bad("key", "a key behind keys/ (for the empty key say encoding=base64url)", path);
        return key;
    }

    /// <summary>The database that a request's path names, read from the path as it was sent: its name may have a slash in it.</summary>
    public static string DatabaseOf(HttpContext context)
    {
        var (path, segments) = PathOf(context);
        var (database, _) = Find(segments, isWithKey: true) ?? Find(segments, isWithKey: false) ?? throw RequestException.Bad("path", "/api/databases/DATABASE/keys", path);
        try
        {
            return Strict.GetString(Decode(segments[database], "database"));
        }
        catch (DecoderFallbackException)
        {
            throw RequestException.Bad("database", "a name in UTF-8, percent-encoded", segments[database]);
        }
    }

    /// <summary>The key that a parameter names; empty where there is none.</summary>
    public static byte[] OfQuery(HttpContext context, string? text, string? encoding, string name)
    {
        if (text is null) return [];
        if (encoding is null or "text") RequireText(context, name);
        return Of(text, encoding, name, isPercentEncoded: false);
    }

    /// <summary>Looks at a parameter as it was sent: in what the server has decoded, bytes that are no UTF-8 have become others.</summary>
    private static void RequireText(HttpContext context, string name)
    {
        foreach (var parameter in new QueryStringEnumerable(context.Request.QueryString.Value))
        {
            if (!parameter.DecodeName().Span.Equals(name, StringComparison.OrdinalIgnoreCase)) continue;
            var encoded = Encoding.UTF8.GetBytes(parameter.EncodedValue.ToString());
            var bytes = WebUtility.UrlDecodeToBytes(encoded, 0, encoded.Length);
            if (!Utf8.IsValid(bytes)) throw RequestException.Bad(name, "text in UTF-8, percent-encoded (other bytes with encoding=base64url)", parameter.EncodedValue.ToString());
        }
    }

    private static UTF8Encoding Strict { get; } = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static (string Path, string[] Segments) PathOf(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        var query = target.IndexOf('?', StringComparison.Ordinal);
        var path = query < 0 ? target : target[..query];
        var segments = path.Split('/');
        // Clients and servers take such segments out of a path, each in its own time: what is left of it may be another key, or another database.
        if (segments.Any(static segment => Uri.UnescapeDataString(segment) is "." or ".."))
            throw RequestException.Bad("path", "no segment that is . or .. (such a key has to be written with encoding=base64url)", path);
        return (path, segments);
    }

    /// <summary>
    /// Which segment of a path is the database, and where the key begins: behind <c>api/databases/DATABASE/keys/</c>. Those words are compared as routing does it, decoded and in any case; the
    /// database may be named as one of them.
    /// </summary>
    private static (int Database, int KeyAt)? Find(string[] segments, bool isWithKey)
    {
        var start = 0;
        for (var i = 0; i + (isWithKey ? 4 : 3) < segments.Length; i++)
        {
            if (Is(segments[i], "api") && Is(segments[i + 1], "databases") && Is(segments[i + 3], "keys"))
                return (i + 2, start + segments[i].Length + segments[i + 1].Length + segments[i + 2].Length + segments[i + 3].Length + 4);
            start += segments[i].Length + 1;
        }

        return null;
    }

    private static bool Is(string segment, string word) => Uri.UnescapeDataString(segment).Equals(word, StringComparison.OrdinalIgnoreCase);

    private static byte[] Of(string text, string? encoding, string name, bool isPercentEncoded)
    {
        switch (encoding)
        {
            case null or "text":
                return isPercentEncoded ? Decode(text, name) : Encoding.UTF8.GetBytes(text);
            case "base64url":
                try
                {
                    return Base64Url.DecodeFromChars(text);
                }
                catch (FormatException)
                {
                    throw RequestException.Bad(name, "base64url without padding", text);
                }

            default:
                throw RequestException.Bad("encoding", "text or base64url", encoding);
        }
    }

    private static byte[] Decode(string text, string name)
    {
        var bytes = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                bytes.Add(text[i] < 128 ? (byte)text[i] : throw RequestException.Bad(name, "percent-encoded bytes", text));
                continue;
            }

            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2])) throw RequestException.Bad(name, "two hexadecimal digits behind %", text);
            bytes.Add(Convert.ToByte(text.Substring(i + 1, 2), 16));
            i += 2;
        }

        return [.. bytes];
    }
}
