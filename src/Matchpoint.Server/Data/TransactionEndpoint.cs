using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Matchpoint.Server.Data;

/// <summary>Transactions: conditions, reads and writes that take effect together.</summary>
internal static class TransactionEndpoint
{
    private const int MostParts = 10_000;

    /// <summary>Maps it.</summary>
    public static void Map(RouteGroupBuilder group) => group.MapPost("api/transactions", RunAsync).WithTags("data").WithSummary("Writes together, if what must be so is so.")
        .WithDescription("Strictly serializable. Where a condition does not hold nothing is written, and the answer (412) says which. Reads are from before the writes.")
        .Accepts<TransactionBody>("application/json").Produces<TransactionAnswer>().ProducesProblem(307).ProducesProblem(409).ProducesProblem(412).ProducesProblem(504);

    private static async Task<IResult> RunAsync(HttpContext context, MatchpointNode node)
    {
        var body = await Body.ReadJsonAsync<TransactionBody>(context).ConfigureAwait(false);
        body.MustBeWhole();
        var parts = body.Conditions.Count + body.Reads.Count + body.Operations.Count;
        if (parts is 0 or > MostParts) throw RequestException.Bad("body", $"1 to {MostParts} conditions, reads and operations", $"{parts}");
        var options = Parameters.Commit(node, body.Acks, body.Timeout is { } ms ? $"{ms}" : null);
        List<ReadAnswer> reads = [];
        var token = await node.TransactAsync(
            transaction =>
            {
                for (var i = 0; i < body.Conditions.Count; i++) Require(transaction, body.Conditions[i], $"conditions[{i}]");
                reads = [.. body.Reads.Select((read, i) => Read(transaction, read, $"reads[{i}]"))];
                for (var i = 0; i < body.Operations.Count; i++) Perform(transaction, body.Operations[i], $"operations[{i}]");
            },
            options,
            context.RequestAborted).ConfigureAwait(false);
        context.Response.Headers[Parameters.TokenHeader] = token.ToString();
        return Json.Answer(context, new TransactionAnswer(token.ToString(), reads));
    }

    private static void Require(MatchpointTransaction transaction, ConditionBody condition, string where)
    {
        var expected = ItemText.Bytes(condition.Value, condition.ValueBase64, $"{where}.value");
        var given = (expected is null ? 0 : 1) + (condition.Tag is null ? 0 : 1) + (condition.Exists is null ? 0 : 1);
        if (given != 1) throw RequestException.Bad(where, "exactly one of value (or valueBase64), tag and exists", $"{given} of them");
        var found = transaction.Get(condition.KeyBytes(where), condition.Database);
        var tag = found is null ? null : ValueTag.Of(found);
        var holds = condition.Exists is { } exists ? exists == found is not null
            : condition.Tag is not null ? condition.Tag == tag
            : found is not null && found.AsSpan().SequenceEqual(expected);
        if (holds) return;
        var wanted = condition.Exists is { } there ? there ? "a value" : "no value" : condition.Tag ?? ValueTag.Of(expected);
        throw new RequestException(StatusCodes.Status412PreconditionFailed, "precondition-failed", $"{where}: expected {wanted}, found {tag ?? "no value"}. Nothing was written.")
        {
            Where = where,
            Expected = wanted,
            Found = tag ?? "no value",
            Action = "Read the key again, and decide with what you find.",
        };
    }

    private static ReadAnswer Read(MatchpointTransaction transaction, KeyBody read, string where)
    {
        var found = transaction.Get(read.KeyBytes(where), read.Database);
        var (text, base64) = found is null ? (null, null) : ItemText.Of(found);
        return new ReadAnswer(read.Database, read.Key, read.KeyBase64, found is not null, text, base64, found is null ? null : ValueTag.Of(found));
    }

    private static void Perform(MatchpointTransaction transaction, OperationBody operation, string where)
    {
        switch (operation.Kind)
        {
            case "put":
                var value = ItemText.Bytes(operation.Value, operation.ValueBase64, $"{where}.value") ?? throw RequestException.Bad($"{where}.value", "value or valueBase64", null);
                transaction.Put(operation.KeyBytes(where), value, operation.Database);
                break;
            case "delete":
                transaction.Delete(operation.KeyBytes(where), operation.Database);
                break;
            case "delete-range":
                var from = ItemText.Bytes(operation.Key, operation.KeyBase64, $"{where}.key") ?? throw RequestException.Bad($"{where}.key", "the first key; \"\" for the first of all", null);
                transaction.DeleteRange(new KeyRange(from, ItemText.Bytes(operation.To, operation.ToBase64, $"{where}.to") ?? []), operation.Database);
                break;
            default:
                throw RequestException.Bad($"{where}.kind", "put, delete or delete-range", operation.Kind);
        }
    }
}
