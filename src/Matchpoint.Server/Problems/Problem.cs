using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;

namespace Matchpoint.Server.Problems;

/// <summary>What a sender is told when its request was not done: problem details (RFC 9457) with members of their own.</summary>
internal sealed record Problem
{
    /// <summary>What it is, for programs: <c>urn:matchpoint:problem:CODE</c>.</summary>
    public string Type => $"urn:matchpoint:problem:{Code}";

    /// <summary>What it is, in a few words.</summary>
    public required string Title { get; init; }

    /// <summary>The status of the answer.</summary>
    public required int Status { get; init; }

    /// <summary>What happened, in a sentence or two.</summary>
    public required string Detail { get; init; }

    /// <summary>What it is, for programs.</summary>
    public required string Code { get; init; }

    /// <summary>The place in the request.</summary>
    public string? Where { get; init; }

    /// <summary>What should be there.</summary>
    public string? Expected { get; init; }

    /// <summary>What is there.</summary>
    public string? Found { get; init; }

    /// <summary>What to do.</summary>
    public string? Action { get; init; }

    /// <summary>The primary's name, where another node is it.</summary>
    public string? Primary { get; init; }

    /// <summary>Where that one listens for members.</summary>
    public string? PrimaryAddress { get; init; }

    /// <summary>The commit whose outcome is unknown.</summary>
    public string? Token { get; init; }

    /// <summary>The oldest place from which changes are kept.</summary>
    public string? Oldest { get; init; }

    /// <summary>Where the request is done instead.</summary>
    [JsonIgnore]
    public string? Location { get; init; }

    /// <summary>When it is worth another try; 0 where it is not said.</summary>
    [JsonIgnore]
    public int RetryAfterSeconds { get; init; }

    /// <summary>Whether nobody thought of this: it is a fault of the server's.</summary>
    [JsonIgnore]
    public bool IsUnforeseen { get; init; }

    /// <summary>Answers with it.</summary>
    public Task WriteAsync(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = Status;
        if (Location is not null) response.Headers.Location = Location;
        if (RetryAfterSeconds > 0) response.Headers.RetryAfter = $"{RetryAfterSeconds}";
        response.Headers.CacheControl = "no-store";
        return response.WriteAsJsonAsync(this, Json.Options, "application/problem+json", context.RequestAborted);
    }
}
