namespace Matchpoint;

/// <summary>How a node is served over HTTP.</summary>
public sealed record MatchpointServerOptions
{
    /// <summary>
    /// The token that every request must bring (<c>Authorization: Bearer TOKEN</c>), but those for health and for the dashboard's own files. Null: then only this machine is served, unless
    /// <see cref="AllowInsecure"/> is set.
    /// </summary>
    public string? BearerToken { get; init; }

    /// <summary>Serve everybody who can connect, without a token: to be used only where something else keeps strangers out.</summary>
    public bool AllowInsecure { get; init; }

    /// <summary>Where others reach this server: <c>http://10.0.0.1:8001</c>. The other members send clients here while this node is the primary. Null where that is not known.</summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>The longest body of a request, in bytes.</summary>
    public long MaxBodyBytes { get; init; } = 24 * 1024 * 1024;

    /// <summary>How many requests are worked on at once; as many again wait, and the rest is turned away.</summary>
    public int MaxConcurrentRequests { get; init; } = 256;

    /// <summary>How many streams of changes are open at once.</summary>
    public int MaxStreams { get; init; } = 64;

    /// <summary>How many requests one address may make in a second, over a while.</summary>
    public int MaxRequestsPerSecond { get; init; } = 5000;

    /// <summary>How far behind the node may be to count as caught up.</summary>
    public TimeSpan CaughtUpWithin { get; init; } = TimeSpan.FromSeconds(10);
}
