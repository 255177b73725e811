using System.IO.Pipelines;
using System.Net.Sockets;

namespace Matchpoint.Transport;

/// <summary>Bytes over a socket, through whatever secures it.</summary>
internal sealed class SocketCarrier : ByteCarrier
{
    private const int SmallestReadBytes = 256;
    private const int SendBufferBytes = 4 * 1024;

    private readonly Socket _socket;
    private readonly Stream _stream;

    /// <summary>A carrier that owns the socket and the stream.</summary>
    public SocketCarrier(Socket socket, Stream stream, string peer)
    {
        _socket = socket;
        _stream = stream;
        Peer = peer;
        // Zero-byte reads: a connection that waits for its peer holds no buffer.
        Input = PipeReader.Create(stream, new StreamPipeReaderOptions(
            new ReceiveBlocks(), ReceiveBlocks.SmallestBytes, SmallestReadBytes, leaveOpen: true, useZeroByteReads: true));
        Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: SendBufferBytes, leaveOpen: true));
    }

    /// <inheritdoc/>
    public override PipeReader Input { get; }

    /// <inheritdoc/>
    public override PipeWriter Output { get; }

    /// <inheritdoc/>
    public override string Peer { get; }

    /// <inheritdoc/>
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

    /// <inheritdoc/>
    public override void Close() => _stream.Dispose();

    /// <inheritdoc/>
    public override void Abort()
    {
        try
        {
            // Without lingering the connection is reset: the peer sees it now, not behind what it has not yet taken.
            _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }

        // The socket first, and without a time-out: disposing of the stream would shut it down in order, and the peer would take that for a clean end.
        _socket.Close(timeout: 0);
        _stream.Dispose();
    }
}
