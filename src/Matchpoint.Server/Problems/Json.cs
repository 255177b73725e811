using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;

namespace Matchpoint.Server.Problems;

/// <summary>JSON as this server speaks it: camelCase, enumerations by name, what is not there left out.</summary>
internal static class Json
{
    /// <summary>How everything is written and read. A member that is not known is an error: a misspelt condition must not be taken for none.</summary>
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter() },
    };

    /// <summary>An answer that nobody keeps.</summary>
    public static IResult Answer<T>(HttpContext context, T value, int status = StatusCodes.Status200OK)
    {
        context.Response.Headers.CacheControl = "no-store";
        return Results.Json(value, Options, statusCode: status);
    }
}
