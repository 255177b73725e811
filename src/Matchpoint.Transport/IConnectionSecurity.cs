using System.Net.Sockets;

namespace Matchpoint.Transport;

/// <summary>A connection that was secured, or found not to be one that this side wants.</summary>
/// <param name="Stream">Its bytes. It owns the socket.</param>
/// <param name="Peer">Who the peer is, proved; null where nothing proves it.</param>
/// <param name="Refusal">Why nothing may be said over it but this; null when it may be used.</param>
internal readonly record struct SecuredConnection(Stream Stream, PeerIdentity? Peer, string? Refusal = null);

/// <summary>What is done to a fresh connection before the first byte of ours goes over it. When it throws, the caller disposes of the socket.</summary>
internal interface IConnectionSecurity
{
    /// <summary>What is to be known about it, one sentence each.</summary>
    IReadOnlyList<string> Warnings { get; }

    /// <summary>Secures a connection that this side opened.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="peer">Where it leads to.</param>
    /// <param name="member">The node that was meant to be reached; null where any of the group is.</param>
    /// <param name="cancellation">Gives it up.</param>
    ValueTask<SecuredConnection> ConnectAsync(Socket socket, Endpoint peer, string? member, CancellationToken cancellation);

    /// <summary>Secures a connection that this side accepted.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="peer">The peer's address, for people.</param>
    /// <param name="cancellation">Gives it up.</param>
    ValueTask<SecuredConnection> AcceptAsync(Socket socket, string peer, CancellationToken cancellation);
}

/// <summary>No security: for the machine's own loopback, or where it was asked for by name.</summary>
internal sealed class PlainText : IConnectionSecurity
{
    /// <summary>The one for the loopback.</summary>
    public static PlainText Instance { get; } = new();

    /// <inheritdoc/>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <inheritdoc/>
    public ValueTask<SecuredConnection> ConnectAsync(Socket socket, Endpoint peer, string? member, CancellationToken cancellation) => Over(socket);

    /// <inheritdoc/>
    public ValueTask<SecuredConnection> AcceptAsync(Socket socket, string peer, CancellationToken cancellation) => Over(socket);

    private static ValueTask<SecuredConnection> Over(Socket socket) => ValueTask.FromResult(new SecuredConnection(new NetworkStream(socket, ownsSocket: true), Peer: null));
}
