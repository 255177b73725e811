using System.Text.Json;
using Matchpoint.Journal;
using Matchpoint.Server.Data;
using Matchpoint.Server.Group;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Matchpoint.Server.Operations;

/// <summary>An export of a member.</summary>
internal sealed record MemberExport(string Member, JournalExport Export);

/// <summary>What an export holds.</summary>
/// <param name="Header">Its first line.</param>
/// <param name="Operations">Its operations, in the order in which they were written.</param>
/// <param name="HasMore">Whether it holds more than are shown: the download has all.</param>
internal sealed record ExportContent(JsonElement Header, IReadOnlyList<JsonElement> Operations, bool HasMore);

/// <summary>What was ever undone: to list, to read, to download, to write once more.</summary>
internal static class RollbackEndpoints
{
    private const int DefaultOperations = 200;
    private const int MostOperations = 10_000;

    /// <summary>Maps them.</summary>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("api/rollbacks", static (HttpContext context, GroupWatch watch) => Json.Answer(context, List(watch)))
            .WithTags("operations").WithSummary("What was ever undone on all members, newest first.").Produces<IReadOnlyList<MemberExport>>();
        group.MapGet("api/rollbacks/{member}/{name}", ShowAsync).WithTags("operations").WithSummary("The operations of an export.")
            .WithDescription("limit: 1 to 10000 operations, 200 where not given.").Produces<ExportContent>().ProducesProblem(404).ProducesProblem(502);
        group.MapGet("api/rollbacks/{member}/{name}/download", DownloadAsync).WithTags("operations").WithSummary("An export as a file: one object in JSON a line.")
            .Produces<string>(200, "application/x-ndjson").ProducesProblem(404).ProducesProblem(502);
        group.MapPost("api/rollbacks/{member}/{name}/reapply", ReapplyAsync).WithTags("operations")
            .WithSummary("Writes an export once more, on the primary: each transaction takes effect only where nothing that it touches has changed since.")
            .Produces<IReadOnlyList<ReapplyOutcome>>().ProducesProblem(404).ProducesProblem(409).ProducesProblem(502).ProducesProblem(504);
    }

    private static IReadOnlyList<MemberExport> List(GroupWatch watch) =>
    [
        .. watch.Journals().SelectMany(static one => one.Journal.Exports.Select(export => new MemberExport(one.Member, export))).OrderByDescending(static one => one.Export.ExportedAt),
    ];

    private static async Task<IResult> ShowAsync(HttpContext context, MatchpointNode node, string member, string name, string? limit = null)
    {
        var most = Parameters.Number("limit", limit, 1, MostOperations) ?? DefaultOperations;
        JsonElement? header = null;
        var operations = new List<JsonElement>();
        var hasMore = false;
        await foreach (var line in new ExportReader(node).LinesAsync(member, name, context.RequestAborted).ConfigureAwait(false))
        {
            if (header is null)
            {
                header = line;
                continue;
            }

            if (line.TryGetProperty("end", out _)) continue;
            hasMore = operations.Count == most;
            if (hasMore) break;
            operations.Add(line);
        }

        return Json.Answer(context, new ExportContent(header ?? throw ExportReader.Damaged(name, "no header"), operations, hasMore));
    }

    private static async Task DownloadAsync(HttpContext context, MatchpointNode node, string member, string name)
    {
        var hasBegun = false;
        await foreach (var part in new ExportReader(node).ReadAsync(member, name, context.RequestAborted).ConfigureAwait(false))
        {
            if (!hasBegun)
            {
                hasBegun = true;
                context.Response.ContentType = "application/x-ndjson";
                context.Response.Headers.CacheControl = "no-store";
                // The name is one that the node listed: letters, digits, dots and dashes.
                context.Response.Headers.ContentDisposition = $"attachment; filename=\"{name}\"";
            }

            await context.Response.Body.WriteAsync(part, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private static async Task<IResult> ReapplyAsync(HttpContext context, MatchpointNode node, GroupWatch watch, string member, string name)
    {
        // Only what was undone: what was refused is still in a log, and would be there twice.
        var export = List(watch).FirstOrDefault(one => one.Member == member && one.Export.Name == name);
        if (export is not null && export.Export.State != "undone")
        {
            throw new RequestException(StatusCodes.Status409Conflict, "refused", $"{name}: nothing was undone ({export.Export.State}), so there is nothing to write once more.") { Where = "path" };
        }

        return Json.Answer(context, await new Reapplication(node, new ExportReader(node)).RunAsync(member, name, context.RequestAborted).ConfigureAwait(false));
    }
}
