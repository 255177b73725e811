using System.Net.Sockets;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport;

/// <summary>Channels over TCP.</summary>
internal static class TcpChannels
{
    private const int KeepAliveAfterSeconds = 15;
    private const int KeepAliveEverySeconds = 5;
    private const int KeepAliveProbes = 3;

    /// <summary>Connects to a peer.</summary>
    /// <param name="peer">Where it listens.</param>
    /// <param name="deadline">How long it may take, securing the connection included.</param>
    /// <param name="time">Where deadlines come from.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <param name="security">How the connection is secured; not at all when not given.</param>
    /// <param name="member">The node that is meant; null where any of the group is.</param>
    /// <exception cref="ConnectException">There is no connection: the message names the peer and the cause.</exception>
    /// <exception cref="PeerRefusedException">The peer is not who it should be.</exception>
    public static async ValueTask<Channel> ConnectAsync(
        Endpoint peer, TimeSpan deadline, TimeProvider time, CancellationToken cancellation, IConnectionSecurity? security = null, string? member = null)
    {
        if (peer.Port == 0) throw new ConnectException($"{peer}: could not connect: port 0 is no port to connect to. Give the port that the node listens on.");
        using var late = new CancellationTokenSource(deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(peer.Host, peer.Port, either.Token).ConfigureAwait(false);
            Prepare(socket);
            var secured = await (security ?? PlainText.Instance).ConnectAsync(socket, peer, member, either.Token).ConfigureAwait(false);
            return await OverAsync(socket, secured, peer.ToString(), time, isCaller: true).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            socket.Dispose();
            throw new ConnectException(
                $"{peer}: could not connect within {deadline.TotalSeconds:0.###} s: there was no answer. Is the node running, and is the address right?");
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new ConnectException($"{peer}: could not connect: {SocketFailure.Connecting(error)}", error);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A channel over a connection that was accepted. The caller disposes of the socket when this fails.</summary>
    /// <exception cref="PeerRefusedException">The peer is nobody that is let in; it was told why.</exception>
    public static async ValueTask<Channel> AcceptAsync(
        Socket socket, string peer, IConnectionSecurity security, TimeProvider time, CancellationToken cancellation)
    {
        Prepare(socket);
        var secured = await security.AcceptAsync(socket, peer, cancellation).ConfigureAwait(false);
        return await OverAsync(socket, secured, peer, time, isCaller: false).ConfigureAwait(false);
    }

    /// <summary>The channel; or the reason to the peer, and no channel.</summary>
    private static async ValueTask<Channel> OverAsync(Socket socket, SecuredConnection secured, string peer, TimeProvider time, bool isCaller)
    {
        var channel = new Channel(new SocketCarrier(socket, secured.Stream, peer), time) { PeerIdentity = secured.Peer };
        if (secured.Refusal is not { } reason) return channel;
        await using (channel.ConfigureAwait(false))
        {
            if (isCaller) channel.OpenService(Channel.Farewell);
            await channel.CloseAsync(GoodbyeCode.Refused, reason).ConfigureAwait(false);
        }

        throw new PeerRefusedException($"{peer} was refused: {reason}.");
    }

    private static void Prepare(Socket socket)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
        // A peer whose machine is gone answers nothing: an idle connection to it ends by itself within half a minute.
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveAfterSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveEverySeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveProbes);
    }
}
