using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Node;

/// <summary>A TCP link between two nodes that a test can cut, or let hang: then it takes what comes for as long as its buffers last, and passes nothing on.</summary>
internal sealed class TestLink : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, byte> _sockets = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;
    private TaskCompletionSource _flowing = Completed();
    private volatile bool _isCut;

    /// <summary>A link to an address.</summary>
    public TestLink(Func<Endpoint> target)
    {
        _listener.Start();
        Address = $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync(target);
    }

    /// <summary>Where it is connected to.</summary>
    public string Address { get; }

    /// <summary>Drops what is connected, and whoever connects.</summary>
    public void Cut()
    {
        _isCut = true;
        Drop();
    }

    /// <summary>Drops what is connected, once: whoever connects again is passed on.</summary>
    public void Drop()
    {
        foreach (var socket in _sockets.Keys) socket.Close(0);
    }

    /// <summary>Passes nothing on, and drops nobody.</summary>
    public void Hang() => _flowing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Works again.</summary>
    public void Heal()
    {
        _isCut = false;
        _flowing.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _flowing.TrySetResult();
        _listener.Dispose();
        Cut();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private static TaskCompletionSource Completed()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }

    private async Task AcceptAsync(Func<Endpoint> target)
    {
        while (true)
        {
            var near = await _listener.AcceptSocketAsync(_stopping.Token);
            if (_isCut) near.Close(0);
            else _ = PassAsync(near, target());
        }
    }

    private async Task PassAsync(Socket near, Endpoint target)
    {
        using var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.NoDelay = true;
        _sockets.TryAdd(near, 0);
        _sockets.TryAdd(far, 0);
        try
        {
            await far.ConnectAsync(target.Host, target.Port, _stopping.Token);
            await Task.WhenAny(CopyAsync(near, far), CopyAsync(far, near));
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The near end sees the connection go.
        }
        finally
        {
            _sockets.TryRemove(near, out _);
            _sockets.TryRemove(far, out _);
            near.Close(0);
            far.Close(0);
        }
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        while (!_isCut && await from.ReceiveAsync(buffer, _stopping.Token) is > 0 and var read)
        {
            await _flowing.Task;
            for (var sent = 0; sent < read;) sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), _stopping.Token);
        }
    }
}
