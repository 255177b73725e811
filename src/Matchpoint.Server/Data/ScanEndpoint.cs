using System.Buffers.Text;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Matchpoint.Server.Data;

/// <summary>A key with its value.</summary>
internal sealed record ScanItem(string? Key, byte[]? KeyBase64, string? Value, byte[]? ValueBase64);

/// <summary>A part of a scan.</summary>
/// <param name="Items">Keys with their values, in order.</param>
/// <param name="Next">What to give as <c>continue</c> for the next part; null when this was the last.</param>
internal sealed record ScanPage(IReadOnlyList<ScanItem> Items, string? Next);

/// <summary>Keys in order: a range or a prefix, both ways, part by part. Each part is one picture; between parts others may write.</summary>
internal static class ScanEndpoint
{
    private const int DefaultLimit = 100;
    private const int MostItems = 10_000;

    /// <summary>A part ends when it holds so many bytes, however few items those are.</summary>
    private const long MostBytes = 8 * 1024 * 1024;

    /// <summary>Maps it.</summary>
    public static void Map(RouteGroupBuilder group) => group.MapGet("api/databases/{database}/keys", ScanAsync).WithTags("data").WithSummary("The keys of a range with their values, in order.")
        .WithDescription("prefix; or from (included) and to (not included). limit: 1 to 10000, 100 where not given. reverse=true: from the last to the first. continue: next of the part before.")
        .Produces<ScanPage>().ProducesProblem(400).ProducesProblem(503);

    private static async Task<IResult> ScanAsync(
        HttpContext context, MatchpointNode node, string? prefix = null, string? from = null, string? to = null, string? limit = null, string? reverse = null,
        string? @continue = null, string? encoding = null, string? level = null, string? token = null, string? lag = null)
    {
        if (prefix is not null && (from is not null || to is not null)) throw RequestException.Bad("prefix", "a prefix, or from and to", "both");
        var database = KeyText.DatabaseOf(context);
        var isReverse = Parameters.Flag("reverse", reverse);
        var most = Parameters.Number("limit", limit, 1, MostItems) ?? DefaultLimit;
        var range = prefix is not null
            ? KeyRange.Prefix(KeyText.OfQuery(context, prefix, encoding, "prefix"))
            : new KeyRange(KeyText.OfQuery(context, from, encoding, "from"), KeyText.OfQuery(context, to, encoding, "to"));
        if (@continue is not null) range = Behind(context, range, @continue, isReverse);
        var items = new List<ScanItem>();
        string? next = null;
        long bytes = 0;
        ReadOnlyMemory<byte> last = default;
        await foreach (var item in node.Database(database).ScanAsync(range, isReverse, Parameters.Level(level, token, lag), context.RequestAborted).ConfigureAwait(false))
        {
            if (items.Count == most || bytes >= MostBytes)
            {
                next = Base64Url.EncodeToString(last.Span);
                break;
            }

            var (key, keyBase64) = ItemText.Of(item.Key.Span);
            var (value, valueBase64) = ItemText.Of(item.Value.Span);
            items.Add(new ScanItem(key, keyBase64, value, valueBase64));
            bytes += item.Key.Length + item.Value.Length;
            last = item.Key;
        }

        return Json.Answer(context, new ScanPage(items, next));
    }

    /// <summary>What of a range comes behind a key, in the direction of the walk.</summary>
    private static KeyRange Behind(HttpContext context, KeyRange range, string text, bool isReverse)
    {
        var last = KeyText.OfQuery(context, text, "base64url", "continue");
        // Backwards the key itself is the end, which is not included; an empty end would be no end at all.
        if (isReverse) return last.Length == 0 ? throw RequestException.Bad("continue", "next of the part before", text) : range with { To = last };
        return range with { From = (byte[])[.. last, 0] };
    }
}
