using System.Net;
using System.Net.Sockets;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Bench;

/// <summary>What the loopback does by itself.</summary>
internal static class RawNetwork
{
    private const int BlockBytes = 1024 * 1024;
    private const int PingBytes = 64;

    /// <summary>Bytes per second through one TCP connection on loopback, in blocks of 1 MiB.</summary>
    public static async Task<double> LoopbackAsync(long bytes, TimeProvider time, CancellationToken cancellation)
    {
        var (left, right) = await ConnectAsync(cancellation);
        using (left)
        using (right)
        {
            var start = time.GetTimestamp();
            var sending = Task.Run(
                async () =>
                {
                    var block = RawDisk.Noise(BlockBytes);
                    for (long sent = 0; sent < bytes; sent += block.Length) await SendAllAsync(left, block, cancellation);
                },
                cancellation);
            var buffer = new byte[BlockBytes];
            for (long received = 0; received < bytes;) received += await ReceiveAsync(right, buffer, cancellation);
            var elapsed = time.GetElapsedTime(start);
            await sending;
            return bytes / elapsed.TotalSeconds;
        }
    }

    /// <summary>Bytes per second through one such connection with mutual TLS, both ends in this process.</summary>
    public static async Task<double> TlsAsync(long bytes, TimeProvider time, CancellationToken cancellation)
    {
        var (left, right) = await ConnectAsync(cancellation);
        using (left)
        using (right)
        {
            var security = new BenchCertificates(time).Security("a");
            var accepting = security.AcceptAsync(right, "the other end", cancellation).AsTask();
            await using var near = (await security.ConnectAsync(left, new Endpoint("127.0.0.1", 1), "a", cancellation)).Stream;
            await using var far = (await accepting).Stream;
            var start = time.GetTimestamp();
            var sending = Task.Run(
                async () =>
                {
                    var block = RawDisk.Noise(BlockBytes);
                    for (long sent = 0; sent < bytes; sent += block.Length) await near.WriteAsync(block, cancellation);
                },
                cancellation);
            var buffer = new byte[BlockBytes];
            for (long received = 0; received < bytes;)
            {
                var read = await far.ReadAsync(buffer, cancellation);
                received += read > 0 ? read : throw new IOException("the loopback connection ended");
            }

            var elapsed = time.GetElapsedTime(start);
            await sending;
            return bytes / elapsed.TotalSeconds;
        }
    }

    /// <summary>Round trips per second of 64 bytes each way.</summary>
    public static async Task<double> PingPongAsync(int roundTrips, TimeProvider time, CancellationToken cancellation)
    {
        var (left, right) = await ConnectAsync(cancellation);
        using (left)
        using (right)
        {
            var answering = Task.Run(
                async () =>
                {
                    var ball = new byte[PingBytes];
                    for (var i = 0; i < roundTrips; i++)
                    {
                        await ReceiveAllAsync(right, ball, cancellation);
                        await SendAllAsync(right, ball, cancellation);
                    }
                },
                cancellation);
            var buffer = new byte[PingBytes];
            var start = time.GetTimestamp();
            for (var i = 0; i < roundTrips; i++)
            {
                await SendAllAsync(left, buffer, cancellation);
                await ReceiveAllAsync(left, buffer, cancellation);
            }

            var elapsed = time.GetElapsedTime(start);
            await answering;
            return roundTrips / elapsed.TotalSeconds;
        }
    }

    private static async Task<(Socket Left, Socket Right)> ConnectAsync(CancellationToken cancellation)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var left = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await left.ConnectAsync(listener.LocalEndPoint!, cancellation);
        var right = await listener.AcceptAsync(cancellation);
        right.NoDelay = true;
        return (left, right);
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        while (!bytes.IsEmpty) bytes = bytes[await socket.SendAsync(bytes, cancellation)..];
    }

    private static async Task ReceiveAllAsync(Socket socket, Memory<byte> buffer, CancellationToken cancellation)
    {
        while (!buffer.IsEmpty) buffer = buffer[await ReceiveAsync(socket, buffer, cancellation)..];
    }

    private static async Task<int> ReceiveAsync(Socket socket, Memory<byte> buffer, CancellationToken cancellation)
    {
        var received = await socket.ReceiveAsync(buffer, cancellation);
        return received > 0 ? received : throw new IOException("the loopback connection ended");
    }
}
