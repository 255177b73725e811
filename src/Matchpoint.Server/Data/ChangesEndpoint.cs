using System.Text.Json;
using Matchpoint.Server.Access;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Matchpoint.Server.Data;

/// <summary>One operation of a transaction.</summary>
internal sealed record ChangeAnswer(string Kind, string Database, string? Key, byte[]? KeyBase64, string? Value, byte[]? ValueBase64, string? To, byte[]? ToBase64);

/// <summary>A durable transaction.</summary>
internal sealed record ChangeSetAnswer(string Token, DateTimeOffset Time, IReadOnlyList<ChangeAnswer> Changes);

/// <summary>The stream of changes, as server-sent events: each durable transaction is one, its token the event's id. What was sent is never undone.</summary>
internal static class ChangesEndpoint
{
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    /// <summary>Maps it.</summary>
    public static void Map(RouteGroupBuilder group) => group.MapGet("api/changes", StreamAsync).WithTags("data").WithMetadata(Door.Stream)
        .WithSummary("Every durable transaction behind a place of the log, and each new one, without end: server-sent events.")
        .WithDescription("after: the token of the last one dealt with; \"beginning\" for the first of all; from now on where not given. A Last-Event-ID header wins. database: only what touches it.")
        .Produces<ChangeSetAnswer>(200, "text/event-stream").ProducesProblem(410).ProducesProblem(429);

    private static async Task StreamAsync(HttpContext context, MatchpointNode node, string? after = null, string? database = null)
    {
        var last = context.Request.Headers["Last-Event-ID"].ToString();
        var from = last.Length > 0 ? last : after;
        var begin = from switch
        {
            null => new CommitToken(0, node.GetStatus().Durable),
            "beginning" => CommitToken.Beginning,
            _ => CommitToken.TryParse(from, out var token) ? token : throw RequestException.Bad(last.Length > 0 ? "Last-Event-ID" : "after", "TERM.VLSN, like 3.1042", from),
        };
        using var left = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var changes = new PendingChanges(node.ChangesAsync(begin, left.Token), node.Options.Time, left.Token);
        try
        {
            // What fails at once (a place that is no longer kept) is a problem, not a stream that ends.
            if (await changes.ComesWithinAsync(TimeSpan.FromMilliseconds(20)).ConfigureAwait(false)) await changes.PeekAsync().ConfigureAwait(false);
            await BeginAsync(context).ConfigureAwait(false);
            await FollowAsync(context, changes, database, node.Options.Time).ConfigureAwait(false);
        }
        catch (MatchpointException error) when (context.Response.HasStarted)
        {
            await SendAsync(context, $"event: error\ndata: {JsonSerializer.Serialize(new { detail = error.Message }, Json.Options)}\n\n").ConfigureAwait(false);
        }
        finally
        {
            await left.CancelAsync().ConfigureAwait(false);
            await changes.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task FollowAsync(HttpContext context, PendingChanges changes, string? database, TimeProvider time)
    {
        CommitToken? place = null;
        var sentAt = time.GetTimestamp();
        while (true)
        {
            var isHere = await changes.ComesWithinAsync(KeepAlive - time.GetElapsedTime(sentAt)).ConfigureAwait(false);
            if (time.GetElapsedTime(sentAt) >= KeepAlive)
            {
                // What does not touch the database is not sent; but whoever comes back need not begin before it again. An event without data only moves the place.
                await SendAsync(context, place is { } behind ? $": still here\nid: {behind}\n\n" : ": still here\n\n").ConfigureAwait(false);
                sentAt = time.GetTimestamp();
            }

            if (!isHere) continue;
            if (await changes.TakeAsync().ConfigureAwait(false) is not { } set) return;
            place = set.Token;
            if (await SendAsync(context, set, database).ConfigureAwait(false)) sentAt = time.GetTimestamp();
        }
    }

    private static async Task BeginAsync(HttpContext context)
    {
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        await SendAsync(context, ": changes follow\n\n").ConfigureAwait(false);
    }

    /// <summary>Sends what of a transaction touches a database.</summary>
    /// <returns>Whether anything does.</returns>
    private static async Task<bool> SendAsync(HttpContext context, ChangeSet set, string? database)
    {
        var changes = set.Changes.Where(change => database is null || change.Database == database).Select(Of).ToList();
        if (changes.Count == 0) return false;
        var data = JsonSerializer.Serialize(new ChangeSetAnswer(set.Token.ToString(), set.Time, changes), Json.Options);
        await SendAsync(context, $"id: {set.Token}\nevent: change\ndata: {data}\n\n").ConfigureAwait(false);
        return true;
    }

    private static async Task SendAsync(HttpContext context, string text)
    {
        await context.Response.WriteAsync(text, context.RequestAborted).ConfigureAwait(false);
        await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    private static ChangeAnswer Of(Change change)
    {
        var (key, keyBase64) = ItemText.Of(change.Key.Span);
        var (second, secondBase64) = ItemText.Of(change.Value.Span);
        return change.Kind switch
        {
            ChangeKind.Put => new ChangeAnswer("put", change.Database, key, keyBase64, second, secondBase64, null, null),
            ChangeKind.Delete => new ChangeAnswer("delete", change.Database, key, keyBase64, null, null, null, null),
            ChangeKind.DeleteRange => new ChangeAnswer("delete-range", change.Database, key, keyBase64, null, null, second, secondBase64),
            _ => throw Protocol.Invariant.Unreachable(change.Kind),
        };
    }
}
