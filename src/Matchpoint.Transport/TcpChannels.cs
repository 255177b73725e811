using System.Net.Sockets;

namespace Matchpoint.Transport;

/// <summary>Channels over TCP.</summary>
internal static class TcpChannels
{
    private const int KeepAliveAfterSeconds = 15;
    private const int KeepAliveEverySeconds = 5;
    private const int KeepAliveProbes = 3;

    /// <summary>Connects to a peer.</summary>
    /// <exception cref="ConnectException">There is no connection: the message names the peer and the cause.</exception>
    public static async ValueTask<Channel> ConnectAsync(
        Endpoint peer, TimeSpan deadline, TimeProvider time, CancellationToken cancellation, IConnectionSecurity? security = null)
    {
        if (peer.Port == 0) throw new ConnectException($"{peer}: could not connect: port 0 is no port to connect to. Give the port that the node listens on.");
        using var late = new CancellationTokenSource(deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(peer.Host, peer.Port, either.Token).ConfigureAwait(false);
            Prepare(socket);
            var stream = await (security ?? PlainText.Instance)
                .ConnectAsync(new NetworkStream(socket, ownsSocket: true), peer, either.Token).ConfigureAwait(false);
            return new Channel(new SocketCarrier(socket, stream, peer.ToString()), time);
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
    public static async ValueTask<Channel> AcceptAsync(
        Socket socket, string peer, IConnectionSecurity security, TimeProvider time, CancellationToken cancellation)
    {
        Prepare(socket);
        var stream = await security.AcceptAsync(new NetworkStream(socket, ownsSocket: true), cancellation).ConfigureAwait(false);
        return new Channel(new SocketCarrier(socket, stream, peer), time);
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
