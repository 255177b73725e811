using System.Net.Sockets;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>Without certificates nothing is said to another machine: a stranger there could pretend to be a node, and take what is written. Members may be added while a node runs.</summary>
internal sealed class LoopbackOnly : IConnectionSecurity
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Warnings => [];

    /// <inheritdoc/>
    public ValueTask<SecuredConnection> ConnectAsync(Socket socket, Endpoint peer, string? member, CancellationToken cancellation) => ConnectionSecurity.IsLoopback(peer)
        ? PlainText.Instance.ConnectAsync(socket, peer, member, cancellation)
        : throw new PeerRefusedException($"{peer} is on another machine, and the connection would not be secured: give certificates (the tool: --certs DIR or MATCHPOINT_CERTS), or --insecure.");

    /// <inheritdoc/>
    public ValueTask<SecuredConnection> AcceptAsync(Socket socket, string peer, CancellationToken cancellation) => PlainText.Instance.AcceptAsync(socket, peer, cancellation);
}
