using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using Matchpoint.Server.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Matchpoint.Server.Dashboard;

/// <summary>The dashboard's files: they lie in the assembly, load nothing from elsewhere, and hold nothing of the data.</summary>
internal static class DashboardFiles
{
    private const string Prefix = "dashboard/";
    private const string Index = "index.html";
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static readonly FrozenDictionary<string, DashboardFile> Files = Load();

    /// <summary>Maps them.</summary>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("", SendIndex).ExcludeFromDescription().WithMetadata(Door.Open);
        group.MapGet("assets/{file}", static (HttpContext context, string file) => Send(context, file)).ExcludeFromDescription().WithMetadata(Door.Open);
    }

    /// <summary>The names of the files.</summary>
    public static IEnumerable<string> Names => Files.Keys;

    private static IResult SendIndex(HttpContext context)
    {
        // The page's links are relative: they need the slash behind a prefix.
        var path = context.Request.PathBase.Add(context.Request.Path);
        return path.Value is [.., '/'] ? Send(context, Index) : Results.Redirect($"{path}/");
    }

    private static IResult Send(HttpContext context, string name)
    {
        if (!Files.TryGetValue(name, out var file)) return Results.NotFound();
        var response = context.Response;
        response.Headers.ContentSecurityPolicy = Policy;
        // Asked for again each time, and sent only when it has changed: a new version is there at once.
        response.Headers.CacheControl = "no-cache";
        response.Headers.ETag = file.Tag;
        return context.Request.Headers.IfNoneMatch.ToString() == file.Tag ? Results.StatusCode(StatusCodes.Status304NotModified) : Results.Bytes(file.Content, file.Type);
    }

    private static FrozenDictionary<string, DashboardFile> Load()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return assembly.GetManifestResourceNames().Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal)).ToFrozenDictionary(
            static name => name[Prefix.Length..],
            name =>
            {
                using var stream = assembly.GetManifestResourceStream(name)!;
                var content = new byte[stream.Length];
                stream.ReadExactly(content);
                return new DashboardFile(content, TypeOf(name), $"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..32]}\"");
            },
            StringComparer.Ordinal);
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        var other => throw new InvalidOperationException($"{name}: no content type is known for {other}."),
    };

    private sealed record DashboardFile(byte[] Content, string Type, string Tag);
}
