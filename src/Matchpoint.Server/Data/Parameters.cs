using System.Globalization;
using Matchpoint.Server.Problems;

namespace Matchpoint.Server.Data;

/// <summary>What requests say beside the address: how fresh a read is, how a commit is made, numbers.</summary>
internal static class Parameters
{
    /// <summary>The header with a commit's place in the log.</summary>
    public const string TokenHeader = "Matchpoint-Token";

    private const int MostMilliseconds = 600_000;

    /// <summary>How fresh a read is to be.</summary>
    public static ReadLevel Level(string? level, string? token, string? lag) => level switch
    {
        null or "durable" when token is null => ReadLevel.Durable,
        "local" => ReadLevel.Local,
        "linearizable" => ReadLevel.Linearizable,
        null or "at-least" => ReadLevel.AtLeast(CommitToken.TryParse(token, out var at) ? at : throw RequestException.Bad("token", "TERM.VLSN, like 3.1042", token)),
        "max-lag" => ReadLevel.MaxLag(TimeSpan.FromMilliseconds(Number("lag", lag, 1, MostMilliseconds) ?? throw RequestException.Bad("lag", "milliseconds", null))),
        _ => throw RequestException.Bad("level", "durable, local, linearizable, at-least or max-lag", level),
    };

    /// <summary>How a commit is made; null where its group's way is taken.</summary>
    public static CommitOptions? Commit(MatchpointNode node, string? acks, string? timeout)
    {
        AckPolicy? policy = acks switch
        {
            null => null,
            "none" => AckPolicy.None,
            "majority" => AckPolicy.Majority,
            "all" => AckPolicy.All,
            _ => throw RequestException.Bad("acks", "none, majority or all", acks),
        };
        var milliseconds = Number("timeout", timeout, 1, MostMilliseconds);
        if (policy is null && milliseconds is null) return null;
        return new CommitOptions
        {
            Durability = policy is { } given ? node.Options.Durability with { Acks = given } : null,
            Timeout = milliseconds is { } ms ? TimeSpan.FromMilliseconds(ms) : null,
        };
    }

    /// <summary>A whole number within bounds; null where there is none.</summary>
    public static int? Number(string name, string? text, int least, int most)
    {
        if (text is null) return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw RequestException.Bad(name, $"a whole number from {least} to {most}", text);
    }

    /// <summary>Yes or no; no where nothing is said.</summary>
    public static bool Flag(string name, string? text) => text switch
    {
        null or "false" => false,
        "true" or "" => true,
        _ => throw RequestException.Bad(name, "true or false", text),
    };
}
