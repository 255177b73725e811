using System.IO.Pipelines;
using System.Net.Sockets;

namespace Matchpoint.Transport;

/// <summary>Channels over TCP.</summary>
internal static class TcpChannels
{
    /// <summary>Connects to a peer.</summary>
    /// <exception cref="ConnectException">There is no connection: the message names the peer and the cause.</exception>
    public static async ValueTask<Channel> ConnectAsync(
        Endpoint peer, TimeSpan deadline, TimeProvider time, CancellationToken cancellation, IConnectionSecurity? security = null)
    {
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
            throw new ConnectException($"{peer}: could not connect within {deadline.TotalSeconds:0.###} s. Is the node running, and is the address right?");
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new ConnectException($"{peer}: could not connect: {Describe(error)}", error);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A channel over a connection that was accepted.</summary>
    public static async ValueTask<Channel> AcceptAsync(
        Socket socket, IConnectionSecurity security, TimeProvider time, CancellationToken cancellation)
    {
        Prepare(socket);
        var peer = socket.RemoteEndPoint?.ToString() ?? "an unknown peer";
        var stream = await security.AcceptAsync(new NetworkStream(socket, ownsSocket: true), cancellation).ConfigureAwait(false);
        return new Channel(new SocketCarrier(socket, stream, peer), time);
    }

    private static void Prepare(Socket socket)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
    }

    private static string Describe(SocketException error) => error.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "nothing listens there (connection refused). Is the node running?",
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "the name is not known. Check the spelling and the name service.",
        SocketError.HostUnreachable or SocketError.NetworkUnreachable => "the machine cannot be reached. Check the address and the network.",
        SocketError.TimedOut => "there was no answer.",
        _ => error.Message,
    };

    private sealed class SocketCarrier : ByteCarrier
    {
        private const int BufferBytes = 64 * 1024;

        private readonly Socket _socket;
        private readonly Stream _stream;

        public SocketCarrier(Socket socket, Stream stream, string peer)
        {
            _socket = socket;
            _stream = stream;
            Peer = peer;
            Input = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: BufferBytes, useZeroByteReads: true, leaveOpen: true));
            Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: BufferBytes, leaveOpen: true));
        }

        public override PipeReader Input { get; }

        public override PipeWriter Output { get; }

        public override string Peer { get; }

        public override void CloseOutput()
        {
            try
            {
                _socket.Shutdown(SocketShutdown.Send);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The peer was faster: there is no output left to close.
            }
        }

        public override void Abort()
        {
            // Closing is enough: what the peer has not taken is dropped, and both sides' waits end.
            _stream.Dispose();
            _socket.Dispose();
        }
    }
}
