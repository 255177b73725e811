using System.Net;
using System.Net.Sockets;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Transport.Tests;

/// <summary>Makes two connected ends. The contract is tested over every kind of it.</summary>
public abstract class Pairs
{
    /// <summary>Long enough never to come in a test that passes.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>A kind's two carriers.</summary>
    internal abstract ValueTask<(ByteCarrier Left, ByteCarrier Right)> CarriersAsync();

    /// <summary>Two channels.</summary>
    internal async ValueTask<(Channel Left, Channel Right)> ChannelsAsync(TimeProvider? time = null)
    {
        var (left, right) = await CarriersAsync();
        return (new Channel(left, time ?? TimeProvider.System), new Channel(right, time ?? TimeProvider.System));
    }

    /// <summary>A channel and, at its other end, the bare bytes.</summary>
    internal async ValueTask<(Channel Channel, ByteCarrier Raw)> HalfAsync(TimeProvider? time = null)
    {
        var (left, right) = await CarriersAsync();
        return (new Channel(left, time ?? TimeProvider.System), right);
    }
}

/// <summary>Two pipes.</summary>
internal static class MemoryPair
{
    public static (ByteCarrier Left, ByteCarrier Right) Create() => MemoryChannels.CreateCarriers();
}

/// <summary>Two sockets over loopback.</summary>
internal static class TcpPair
{
    public static async ValueTask<(ByteCarrier Left, ByteCarrier Right)> CreateAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var left = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await left.ConnectAsync(listener.LocalEndPoint!);
        var right = await listener.AcceptAsync();
        right.NoDelay = true;
        return (Carrier(left), Carrier(right));
    }

    private static SocketCarrier Carrier(Socket socket) =>
        new(socket, new NetworkStream(socket, ownsSocket: true), socket.RemoteEndPoint!.ToString()!);
}

/// <summary>Two sockets over loopback, secured.</summary>
internal static class TlsPair
{
    private static readonly TestAuthority Authority = new();
    private static readonly TlsSecurity Node = Authority.Security("matchpoint://g/node/a");

    public static async ValueTask<(ByteCarrier Left, ByteCarrier Right)> CreateAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var left = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await left.ConnectAsync(listener.LocalEndPoint!);
        var right = await listener.AcceptAsync();
        right.NoDelay = true;
        var accepting = Node.AcceptAsync(right, "left", CancellationToken.None).AsTask();
        var near = await Node.ConnectAsync(left, new Endpoint("127.0.0.1", 1), "a", CancellationToken.None);
        var far = await accepting;
        Assert.Equal((null, null), (near.Refusal, far.Refusal));
        return (new SocketCarrier(left, near.Stream, "right"), new SocketCarrier(right, far.Stream, "left"));
    }
}
