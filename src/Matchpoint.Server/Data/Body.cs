using System.Text.Json;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Http;

namespace Matchpoint.Server.Data;

/// <summary>Bodies of requests. The server ends one that is longer than the options allow.</summary>
internal static class Body
{
    private const int MostAhead = 1024 * 1024;

    /// <summary>The bytes of a body.</summary>
    public static async Task<byte[]> ReadAsync(HttpContext context)
    {
        // What a sender says of its length is no reason to take so much memory before it comes.
        using var bytes = new MemoryStream((int)Math.Min(context.Request.ContentLength ?? 0, MostAhead));
        await context.Request.Body.CopyToAsync(bytes, context.RequestAborted).ConfigureAwait(false);
        return bytes.ToArray();
    }

    /// <summary>An object in JSON.</summary>
    public static async Task<T> ReadJsonAsync<T>(HttpContext context)
        where T : class
    {
        if (!context.Request.HasJsonContentType()) throw RequestException.Bad("Content-Type", "application/json", context.Request.ContentType);
        try
        {
            return await JsonSerializer.DeserializeAsync<T>(context.Request.Body, Json.Options, context.RequestAborted).ConfigureAwait(false)
                ?? throw RequestException.Bad("body", "an object", "null");
        }
        catch (JsonException error)
        {
            throw RequestException.Bad($"body at {error.Path}, line {error.LineNumber + 1}", "JSON as openapi.json describes it", error.Message);
        }
    }
}
