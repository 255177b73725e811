namespace Matchpoint.Peers;

/// <summary>A store that is measured: what is known of it before it runs.</summary>
internal interface IPeer
{
    /// <summary>Its name on the command line and in the results.</summary>
    string Name { get; }

    /// <summary>What it is, and what its results mean.</summary>
    PeerFacts Facts { get; }

    /// <summary>What is to be done before it can be measured here; null when nothing is.</summary>
    string? Missing();

    /// <summary>Starts it, empty, in a directory that nobody else uses, and waits until it takes writes.</summary>
    /// <param name="directory">The directory; it exists.</param>
    /// <param name="clients">How many clients it will have at most.</param>
    /// <param name="cancellation">Gives up.</param>
    Task<IOpenPeer> OpenAsync(string directory, int clients, CancellationToken cancellation);
}
