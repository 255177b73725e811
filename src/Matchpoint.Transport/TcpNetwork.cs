namespace Matchpoint.Transport;

/// <summary>The network as TCP carries it.</summary>
internal sealed class TcpNetwork : INetwork
{
    /// <summary>The only one.</summary>
    public static TcpNetwork Instance { get; } = new();

    /// <inheritdoc/>
    public ValueTask<Channel> ConnectAsync(Endpoint peer, TimeSpan deadline, TimeProvider time, CancellationToken cancellation) =>
        TcpChannels.ConnectAsync(peer, deadline, time, cancellation);

    /// <inheritdoc/>
    public async ValueTask<INetworkListener> ListenAsync(
        Endpoint endpoint, IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report, TimeProvider time) =>
        await ServiceListener.StartAsync(endpoint, services, report, new ListenerOptions { Time = time }).ConfigureAwait(false);
}
