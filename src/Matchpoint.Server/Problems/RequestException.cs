namespace Matchpoint.Server.Problems;

/// <summary>A request that is not done, with what its sender is told: what, where, expected, found, what to do.</summary>
internal sealed class RequestException(int status, string code, string message) : Exception(message)
{
    /// <summary>The status of the answer.</summary>
    public int Status => status;

    /// <summary>What it is, for programs.</summary>
    public string Code => code;

    /// <summary>The place in the request.</summary>
    public string? Where { get; init; }

    /// <summary>What should be there.</summary>
    public string? Expected { get; init; }

    /// <summary>What is there.</summary>
    public string? Found { get; init; }

    /// <summary>What to do.</summary>
    public string? Action { get; init; }

    /// <summary>When it is worth another try; 0 where it is not said.</summary>
    public int RetryAfterSeconds { get; init; }

    /// <summary>A part of a request that is not understood.</summary>
    public static RequestException Bad(string where, string expected, string? found) => new(400, "bad-request", $"{where}: expected {expected}, found {Shown(found)}.")
    {
        Where = where,
        Expected = expected,
        Found = found,
        Action = "Correct the request; openapi.json describes it.",
    };

    private static string Shown(string? found) => found is null ? "nothing" : $"\"{(found.Length > 200 ? found[..200] + "..." : found)}\"";
}
