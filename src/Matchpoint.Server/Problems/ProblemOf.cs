using Matchpoint.Client;
using Matchpoint.Server.Group;
using Matchpoint.Transport;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Matchpoint.Server.Problems;

/// <summary>Which problem an exception is.</summary>
internal static class ProblemOf
{
    /// <summary>The problem of an exception.</summary>
    public static Problem Error(Exception error, HttpContext context, GroupWatch watch) => error switch
    {
        RequestException request => new Problem
        {
            Status = request.Status,
            Code = request.Code,
            Title = TitleOf(request.Code),
            Detail = request.Message,
            Where = request.Where,
            Expected = request.Expected,
            Found = request.Found,
            Action = request.Action,
            RetryAfterSeconds = request.RetryAfterSeconds,
        },
        NotPrimaryException other => NotPrimary(other.Message, other.Primary, other.Address, context, watch),
        ClientException { Error: { Kind: "not-primary" } other } => NotPrimary(other.Message, other.Primary, other.Address, context, watch),
        InsufficientAcksException acks => Plain(504, "outcome-unknown", acks, "Read before you write it again; look at the members.") with { Token = acks.Token.ToString() },
        ClientException { Error: { Kind: "insufficient-acks" } acks } => Plain(504, "outcome-unknown", error, "Read before you write it again; look at the members.") with { Token = acks.Token },
        ConflictException or ClientException { Error.Kind: "conflict" } => Plain(409, "conflict", error, "Send it again; make transactions smaller where it stays."),
        MembershipException or TransferException or ClientException { Error.Kind: "refused" } => Plain(409, "refused", error, "Do first what the sentence names."),
        StaleReadException or ClientException { Error.Kind: "stale" } => Plain(503, "stale", error, "Ask again, or read at a weaker level.") with { RetryAfterSeconds = 1 },
        CommitUndoneException or ClientException { Error.Kind: "undone" } => Plain(410, "commit-undone", error, "The export on the node that wrote it holds what it did: see the rollbacks."),
        HistoryTrimmedException trimmed => Plain(410, "history-trimmed", error, "Read the data anew, and follow the changes from there.") with { Oldest = trimmed.Oldest.ToString() },
        ClientException { Error.Kind: "trimmed" } => Plain(410, "history-trimmed", error, "Read the data anew, and follow the changes from there."),
        TailFullException or ClientException { Error.Kind: "tail-full" } =>
            Plain(503, "tail-full", error, "Are the replicas there, and fast enough? Send it again later.") with { RetryAfterSeconds = 1 },
        NodeFailedException => Plain(503, "node-failed", error, "Read the node's warnings, mend the cause, start it again."),
        ObjectDisposedException => Plain(503, "node-closed", error, "Ask another member.") with { Detail = "The node was closed.", RetryAfterSeconds = 1 },
        ClientException { Error.Kind: "bad-request" } => Plain(404, "not-found", error, "Look at the list again."),
        ClientException => Plain(502, "member-failed", error, "Read that member's warnings, and look what was done before you ask again."),
        ConnectException or ChannelException => Plain(502, "member-failed", error, "Ask again; is that member running?") with { RetryAfterSeconds = 1 },
        ArgumentException or FormatException => Plain(400, "bad-request", error, "Correct the request; openapi.json describes it."),
        BadHttpRequestException { StatusCode: 413 } => new Problem
        {
            Status = 413,
            Code = "too-large",
            Title = TitleOf("too-large"),
            Detail = "The request's body is too long.",
            Where = "body",
            Expected = $"at most {context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize} bytes",
            Found = context.Request.ContentLength is { } length ? $"{length} bytes" : "more",
            Action = "Send less at once.",
        },
        BadHttpRequestException bad => Plain(bad.StatusCode, "bad-request", error, "Correct the request; openapi.json describes it."),
        Storage.StorageException => Plain(500, "damage", error, "Look at the node's disk."),
        MatchpointException => Plain(422, "refused", error, "Do what the sentence says."),
        _ => new Problem
        {
            Status = 500,
            Code = "internal",
            Title = TitleOf("internal"),
            Detail = "The server failed in a way that was not foreseen; its log says more.",
            Action = "Look at the server's log.",
            IsUnforeseen = true,
        },
    };

    /// <summary>
    /// Another node takes the writes. Where its own server is known the sender is sent there, with the request as it is (307); where only its name
    /// is known that is said (409); where there is no primary now, the sender comes again (503).
    /// </summary>
    private static Problem NotPrimary(string message, string? primary, string? address, HttpContext context, GroupWatch watch)
    {
        var problem = new Problem
        {
            Status = StatusCodes.Status409Conflict,
            Code = "not-primary",
            Title = TitleOf("not-primary"),
            Detail = message,
            Primary = primary,
            PrimaryAddress = address,
            Action = "Send it to the primary.",
        };
        if (primary is null)
            return problem with { Status = StatusCodes.Status503ServiceUnavailable, Action = "There is no primary now: send it again in a second.", RetryAfterSeconds = 1 };
        if (watch.WebOf(primary) is not { } web) return problem;
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget;
        return target is not ['/', ..] ? problem : problem with { Status = StatusCodes.Status307TemporaryRedirect, Location = web.TrimEnd('/') + target };
    }

    private static Problem Plain(int status, string code, Exception error, string action) => new()
    {
        Status = status,
        Code = code,
        Title = TitleOf(code),
        Detail = error.Message,
        Action = action,
    };

    private static string TitleOf(string code) => code switch
    {
        "not-primary" => "This node takes no writes",
        "outcome-unknown" => "Not acknowledged in time: the outcome is unknown",
        "conflict" => "Something that was read has changed",
        "precondition-failed" => "What must be so is not so",
        "stale" => "Not as fresh as asked for",
        "commit-undone" => "The commit was undone",
        "history-trimmed" => "No longer kept",
        "tail-full" => "Too much waits for acknowledgements",
        "node-failed" => "The node has failed",
        "node-closed" => "The node was closed",
        "member-failed" => "Another member did not answer as it should",
        "not-found" => "There is no such thing",
        "unauthorized" => "No valid token",
        "certificate" => "No certificate that is believed",
        "insecure" => "Only this machine is served",
        "foreign-origin" => "From a foreign page",
        "too-many" => "Too many requests",
        "too-large" => "Too large",
        "damage" => "Damaged data on disk",
        "refused" => "Refused",
        "internal" => "A fault of the server",
        _ => "The request is not understood",
    };
}
