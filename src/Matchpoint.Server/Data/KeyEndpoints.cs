using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Matchpoint.Server.Data;

/// <summary>One key: get it, set it, remove it, each on a condition if asked.</summary>
internal static class KeyEndpoints
{
    private const string Path = "api/databases/{database}/keys/{**key}";
    private const string Bytes = "application/octet-stream";

    /// <summary>Maps them.</summary>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet(Path, GetAsync).WithTags("data").WithSummary("The value of a key, as it is.")
            .WithDescription("level: durable (the default), local, linearizable, at-least (with token), max-lag (with lag in milliseconds). encoding=base64url: the key in the path is base64url.")
            .Produces<byte[]>(200, Bytes).ProducesProblem(404).ProducesProblem(503);
        group.MapPut(Path, PutAsync).WithTags("data").WithSummary("Sets a key to the body.")
            .WithDescription("If-Match: only if the value has this ETag; If-None-Match: * only if there is none. The answer has the new ETag, and the commit's place in Matchpoint-Token.")
            .Accepts<byte[]>("*/*").Produces(204).ProducesProblem(307).ProducesProblem(409).ProducesProblem(412).ProducesProblem(504);
        group.MapDelete(Path, DeleteAsync).WithTags("data").WithSummary("Removes a key; nothing happens when it is not there.")
            .WithDescription("If-Match: only if the value has this ETag.")
            .Produces(204).ProducesProblem(307).ProducesProblem(409).ProducesProblem(412).ProducesProblem(504);
    }

    private static async Task<IResult> GetAsync(
        HttpContext context, MatchpointNode node, string? encoding = null, string? level = null, string? token = null, string? lag = null)
    {
        var (database, key) = (KeyText.DatabaseOf(context), KeyText.OfPath(context, encoding));
        var value = await node.Database(database).GetAsync(key, Parameters.Level(level, token, lag), context.RequestAborted).ConfigureAwait(false);
        context.Response.Headers.CacheControl = "no-store";
        if (value is null)
        {
            throw new RequestException(StatusCodes.Status404NotFound, "not-found", $"The key has no value in database \"{database}\".") { Where = "key" };
        }

        var tag = ValueTag.Of(value);
        context.Response.Headers.ETag = tag;
        return context.Request.Headers.IfNoneMatch.ToString().Split(',', StringSplitOptions.TrimEntries).Contains(tag)
            ? Results.StatusCode(StatusCodes.Status304NotModified)
            : Results.Bytes(value, Bytes);
    }

    private static async Task<IResult> PutAsync(
        HttpContext context, MatchpointNode node, string? encoding = null, string? acks = null, string? timeout = null)
    {
        var (database, key) = (KeyText.DatabaseOf(context), KeyText.OfPath(context, encoding));
        var condition = ValueTag.ConditionOf(context.Request);
        var options = Parameters.Commit(node, acks, timeout);
        var value = await Body.ReadAsync(context).ConfigureAwait(false);
        var token = condition.IsNone
            ? await node.Database(database).PutAsync(key, value, options, context.RequestAborted).ConfigureAwait(false)
            : await OnConditionAsync(node, database, key, condition, transaction => transaction.Put(key, value, database), options, context.RequestAborted).ConfigureAwait(false);
        context.Response.Headers.ETag = ValueTag.Of(value);
        return Done(context, token);
    }

    private static async Task<IResult> DeleteAsync(
        HttpContext context, MatchpointNode node, string? encoding = null, string? acks = null, string? timeout = null)
    {
        var (database, key) = (KeyText.DatabaseOf(context), KeyText.OfPath(context, encoding));
        var condition = ValueTag.ConditionOf(context.Request);
        var options = Parameters.Commit(node, acks, timeout);
        var token = condition.IsNone
            ? await node.Database(database).DeleteAsync(key, options, context.RequestAborted).ConfigureAwait(false)
            : await OnConditionAsync(node, database, key, condition, transaction => transaction.Delete(key, database), options, context.RequestAborted).ConfigureAwait(false);
        return Done(context, token);
    }

    private static IResult Done(HttpContext context, CommitToken token)
    {
        context.Response.Headers[Parameters.TokenHeader] = token.ToString();
        return Results.NoContent();
    }

    private static async Task<CommitToken> OnConditionAsync(
        MatchpointNode node, string database, byte[] key, ValueCondition condition, Action<MatchpointTransaction> write, CommitOptions? options, CancellationToken cancellation) =>
        await node.TransactAsync(
            transaction =>
            {
                var found = transaction.Get(key, database);
                if (condition.WhyNot(found is null ? null : ValueTag.Of(found)) is { } why) throw why;
                write(transaction);
            },
            options,
            cancellation).ConfigureAwait(false);
}
