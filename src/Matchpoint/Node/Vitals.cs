namespace Matchpoint.Node;

/// <summary>What a question about a node's health is answered with.</summary>
/// <param name="IsWell">Whether it is as it should be.</param>
/// <param name="Sentence">Why.</param>
internal readonly record struct Vital(bool IsWell, string Sentence);

/// <summary>What the status of a node says about its health. A host's health checks and the server's addresses for health both ask here.</summary>
internal static class Vitals
{
    /// <summary>Whether there is any use in letting it run on: a failed node does not come back by itself.</summary>
    public static Vital Live(NodeStatus status) => status.State is NodeState.Failed or NodeState.Closed
        ? new Vital(false, $"{Tell(status)}. Mend the cause and start the node again.")
        : new Vital(true, Tell(status));

    /// <summary>Whether requests should be sent to it: it takes writes, or follows whoever does.</summary>
    public static Vital Ready(NodeStatus status) => status.State is NodeState.Primary or NodeState.Following
        ? new Vital(true, Tell(status))
        : new Vital(false, $"{Tell(status)}. It neither takes writes nor follows a primary now.");

    /// <summary>Whether it shows what the group has, and counts in majorities: only then the next member may be stopped.</summary>
    public static Vital CaughtUp(NodeStatus status, TimeSpan maxLag)
    {
        if (Ready(status) is { IsWell: false } notReady) return notReady;
        if (!status.Counts) return new Vital(false, $"{Tell(status)}. It does not count in majorities yet.");
        return status.Lag switch
        {
            null => new Vital(false, $"{Tell(status)}. How far it is behind is not known."),
            { } lag when lag > maxLag => new Vital(false, $"{Tell(status)}. It is {lag.TotalSeconds:0.0} s behind; {maxLag.TotalSeconds:0.0} s are allowed."),
            { } lag => new Vital(true, $"{lag.TotalMilliseconds:0} ms behind"),
        };
    }

    private static string Tell(NodeStatus status) => $"{status.State}: {status.Step}";
}
