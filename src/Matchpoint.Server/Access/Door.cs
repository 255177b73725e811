namespace Matchpoint.Server.Access;

/// <summary>Who is let in to an endpoint. Stands among its metadata.</summary>
internal sealed record Door
{
    /// <summary>Whoever brings the token, or is on this machine where there is none. What does not say otherwise is like this.</summary>
    public static Door Closed { get; } = new();

    /// <summary>Everybody: it tells nothing of the data.</summary>
    public static Door Open { get; } = new() { IsOpen = true };

    /// <summary>As <see cref="Closed"/>, for answers that have no end.</summary>
    public static Door Stream { get; } = new() { IsStream = true };

    /// <summary>Whether nobody is asked for a token.</summary>
    public bool IsOpen { get; private init; }

    /// <summary>Whether its answers have no end.</summary>
    public bool IsStream { get; private init; }
}
