using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Node;

/// <summary>A network link that can be cut: it passes on whatever comes to its port, until it is told not to. For demonstrations and trials on one machine.</summary>
internal sealed class Link : IAsyncDisposable
{
    private const int BufferBytes = 64 * 1024;

    private TcpListener _listener;
    private readonly ConcurrentDictionary<Socket, byte> _sockets = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Endpoint _target;
    private Task _accepting;
    private volatile bool _isCut;
    private TaskCompletionSource? _stalledThere;
    private TaskCompletionSource? _stalledBack;
    private long _delay;

    /// <summary>A link to an endpoint.</summary>
    public Link(Endpoint target)
    {
        _target = target;
        _listener = Listen(LoopbackPorts.Take(1)[0]); // It comes back to this port when it is healed.
        Endpoint = new Endpoint("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);
        _accepting = AcceptAsync();
    }

    /// <summary>Where it is connected to.</summary>
    public Endpoint Endpoint { get; }

    /// <summary>Passes nothing on any more: what is connected is dropped, and nobody can connect.</summary>
    public void Cut()
    {
        _isCut = true;
        _listener.Stop();
        Reset();
    }

    /// <summary>Keeps back what comes in one direction, with nobody noticing, until it is healed.</summary>
    /// <param name="isBack">What comes from its target, rather than what goes there.</param>
    public void Stall(bool isBack)
    {
        var stalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.CompareExchange(ref isBack ? ref _stalledBack : ref _stalledThere, stalled, null);
    }

    /// <summary>Passes on everything so much later, until it is healed.</summary>
    public void Delay(TimeSpan delay) => Interlocked.Exchange(ref _delay, delay.Ticks);

    /// <summary>Drops what is connected; whoever connects again may.</summary>
    public void Reset()
    {
        foreach (var socket in _sockets.Keys) socket.Close(0);
    }

    /// <summary>Passes on again, and at once.</summary>
    public void Heal()
    {
        Delay(TimeSpan.Zero);
        Release(ref _stalledThere);
        Release(ref _stalledBack);
        if (!_isCut) return;
        _isCut = false;
        _listener = Listen(Endpoint.Port);
        _accepting = AcceptAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Release(ref _stalledThere);
        Release(ref _stalledBack);
        Cut();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private static void Release(ref TaskCompletionSource? stalled) => Interlocked.Exchange(ref stalled, null)?.TrySetResult();

    private static TcpListener Listen(int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        return listener;
    }

    private async Task AcceptAsync()
    {
        var listener = _listener;
        while (true)
        {
            var socket = await listener.AcceptSocketAsync(_stopping.Token);
            _ = PassAsync(socket);
        }
    }

    private async Task PassAsync(Socket near)
    {
        using var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (near)
        {
            near.NoDelay = true;
            _sockets.TryAdd(near, 0);
            _sockets.TryAdd(far, 0);
            try
            {
                await far.ConnectAsync(_target.Host, _target.Port, _stopping.Token);
                await Task.WhenAny(CopyAsync(near, far, isBack: false), CopyAsync(far, near, isBack: true));
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // Whoever is at the near end sees the connection go, as with a real link.
            }
            finally
            {
                _sockets.TryRemove(near, out _);
                _sockets.TryRemove(far, out _);
                near.Close(0);
                far.Close(0);
            }
        }
    }

    private async Task CopyAsync(Socket from, Socket to, bool isBack)
    {
        var buffer = new byte[BufferBytes];
        while (!_isCut && await from.ReceiveAsync(buffer, _stopping.Token) is > 0 and var read)
        {
            if (Interlocked.Read(ref _delay) is > 0 and var delay) await Task.Delay(TimeSpan.FromTicks(delay), TimeProvider.System, _stopping.Token);
            if (Volatile.Read(ref isBack ? ref _stalledBack : ref _stalledThere) is { } stalled) await stalled.Task.WaitAsync(_stopping.Token);
            for (var sent = 0; sent < read && !_isCut;) sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), _stopping.Token);
        }
    }
}
