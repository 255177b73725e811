namespace Matchpoint.Transport;

/// <summary>The one narrow way to other nodes.</summary>
internal interface INetwork
{
    /// <summary>What is to be known about it, one sentence each.</summary>
    IReadOnlyList<string> Warnings => [];

    /// <summary>Connects to a peer.</summary>
    /// <param name="peer">Where it listens.</param>
    /// <param name="deadline">How long it may take.</param>
    /// <param name="time">Where deadlines come from.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <param name="member">The node that is meant: where connections prove who the peer is, nobody else is talked to. Null where any of the group is meant.</param>
    /// <exception cref="ConnectException">There is no connection: the message names the peer and the cause.</exception>
    /// <exception cref="PeerRefusedException">The peer is not who it should be.</exception>
    ValueTask<Channel> ConnectAsync(Endpoint peer, TimeSpan deadline, TimeProvider time, CancellationToken cancellation, string? member = null);

    /// <summary>Listens, and serves whoever connects until the listener is disposed of.</summary>
    /// <param name="endpoint">Where.</param>
    /// <param name="services">Handlers by service name.</param>
    /// <param name="report">Hears of every session that failed: the peer, and why.</param>
    /// <param name="time">Where deadlines come from.</param>
    /// <exception cref="ConnectException">It cannot listen there; the message says why.</exception>
    ValueTask<INetworkListener> ListenAsync(
        Endpoint endpoint, IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report, TimeProvider time);
}

/// <summary>Listens until it is disposed of; then its sessions end too.</summary>
internal interface INetworkListener : IAsyncDisposable
{
    /// <summary>Where it listens.</summary>
    Endpoint LocalEndpoint { get; }
}
