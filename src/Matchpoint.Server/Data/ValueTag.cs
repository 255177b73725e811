using System.Buffers.Text;
using System.Security.Cryptography;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Matchpoint.Server.Data;

/// <summary>
/// The tag of a value (ETag): a hash of it. Equal tags mean equal values; a value that went and came back has its old tag again, which is what compare-and-set compares.
/// </summary>
internal static class ValueTag
{
    /// <summary>The tag of a value, in its quotes.</summary>
    public static string Of(ReadOnlySpan<byte> value)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(value, hash);
        return $"\"{Base64Url.EncodeToString(hash)}\"";
    }

    /// <summary>What a request says must be so of the value, by its headers.</summary>
    public static ValueCondition ConditionOf(HttpRequest request) => new(Tags("If-Match", request.Headers.IfMatch), Tags("If-None-Match", request.Headers.IfNoneMatch));

    private static string[] Tags(string header, StringValues values)
    {
        // A header that is there and says nothing was meant to say something.
        if (values.Count == 0) return [];
        var text = values.ToString();
        var tags = text.Split(',', StringSplitOptions.TrimEntries);
        return tags is ["*"] || tags.All(static tag => tag is ['"', _, .., '"']) ? tags : throw RequestException.Bad(header, "* or tags in quotes, as ETag gave them", text);
    }
}

/// <summary>What must be so of a value.</summary>
/// <param name="Match">It has one of these tags; * for any value; empty: this does not matter.</param>
/// <param name="NoneMatch">It has none of these tags; * for no value at all; empty: this does not matter.</param>
internal readonly record struct ValueCondition(string[] Match, string[] NoneMatch)
{
    /// <summary>Whether there is none.</summary>
    public bool IsNone => Match.Length == 0 && NoneMatch.Length == 0;

    /// <summary>Why it does not hold; null when it does.</summary>
    /// <param name="tag">The value's tag; null where there is no value.</param>
    public RequestException? WhyNot(string? tag)
    {
        if (Match.Length > 0 && (tag is null || (Match is not ["*"] && !Match.Contains(tag)))) return Failed("If-Match", string.Join(", ", Match), tag);
        if (NoneMatch.Length > 0 && tag is not null && (NoneMatch is ["*"] || NoneMatch.Contains(tag)))
            return Failed("If-None-Match", NoneMatch is ["*"] ? "no value" : $"another than {string.Join(", ", NoneMatch)}", tag);
        return null;
    }

    private static RequestException Failed(string where, string expected, string? tag) =>
        new(StatusCodes.Status412PreconditionFailed, "precondition-failed", $"{where}: expected {expected}, found {tag ?? "no value"}. Nothing was written.")
        {
            Where = where,
            Expected = expected,
            Found = tag ?? "no value",
            Action = "Read the key again, and decide with what you find.",
        };
}
