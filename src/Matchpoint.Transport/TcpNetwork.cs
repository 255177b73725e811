namespace Matchpoint.Transport;

/// <summary>The network as TCP carries it.</summary>
/// <param name="security">How connections are secured.</param>
internal sealed class TcpNetwork(IConnectionSecurity security) : INetwork
{
    /// <summary>The one that secures nothing.</summary>
    public static TcpNetwork Instance { get; } = new(PlainText.Instance);

    /// <inheritdoc/>
    public IReadOnlyList<string> Warnings => security.Warnings;

    /// <inheritdoc/>
    public ValueTask<Channel> ConnectAsync(Endpoint peer, TimeSpan deadline, TimeProvider time, CancellationToken cancellation, string? member = null) =>
        TcpChannels.ConnectAsync(peer, deadline, time, cancellation, security, member);

    /// <inheritdoc/>
    public async ValueTask<INetworkListener> ListenAsync(
        Endpoint endpoint, IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report, TimeProvider time) =>
        await ServiceListener.StartAsync(endpoint, services, report, new ListenerOptions { Time = time, Security = security }).ConfigureAwait(false);
}
