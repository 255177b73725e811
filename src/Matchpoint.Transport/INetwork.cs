namespace Matchpoint.Transport;

/// <summary>The one narrow way to other nodes.</summary>
internal interface INetwork
{
    /// <summary>Connects to a peer.</summary>
    /// <exception cref="ConnectException">There is no connection: the message names the peer and the cause.</exception>
    ValueTask<Channel> ConnectAsync(Endpoint peer, TimeSpan deadline, TimeProvider time, CancellationToken cancellation);

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
