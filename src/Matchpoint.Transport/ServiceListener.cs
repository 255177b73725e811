using System.Net;
using System.Net.Sockets;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport;

/// <summary>How a listener admits connections.</summary>
internal sealed record ListenerOptions
{
    /// <summary>Connections at a time; further ones are told that the node is busy.</summary>
    public int Connections { get; init; } = 256;

    /// <summary>Connections at a time that have not yet named a service.</summary>
    public int Unidentified { get; init; } = 64;

    /// <summary>How long a connection may take to name a service.</summary>
    public TimeSpan ServiceNameTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long open sessions may take to end when the listener stops.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How connections are secured.</summary>
    public IConnectionSecurity Security { get; init; } = PlainText.Instance;

    /// <summary>Where deadlines come from.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>Serves one kind of session.</summary>
internal delegate Task ServiceHandler(Channel channel, CancellationToken stopping);

/// <summary>
/// Listens on a TCP endpoint, learns from each connection which service it wants, and hands it to that service's handler. It owns every session: none outlives it, and what a session
/// throws closes its channel with a reason and is reported.
/// </summary>
internal sealed class ServiceListener : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly ListenerOptions _options;
    private readonly IReadOnlyDictionary<string, ServiceHandler> _services;
    private readonly Action<string, Exception> _report;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _sessions = [];
    private readonly HashSet<Channel> _channels = [];
    private readonly Task _accepting;
    private int _unidentified;

    private ServiceListener(
        Socket socket, IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report, ListenerOptions options)
    {
        _socket = socket;
        _services = services;
        _report = report;
        _options = options;
        var bound = (IPEndPoint)socket.LocalEndPoint!;
        LocalEndpoint = new Endpoint(bound.Address.ToString(), bound.Port);
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens, with the port that the system chose.</summary>
    public Endpoint LocalEndpoint { get; }

    /// <summary>Starts to listen.</summary>
    /// <param name="endpoint">Where.</param>
    /// <param name="services">Handlers by service name.</param>
    /// <param name="report">Hears of every session that failed: the peer, and why.</param>
    /// <param name="options">Limits and deadlines.</param>
    /// <exception cref="ConnectException">It cannot listen there; the message says why.</exception>
    public static async ValueTask<ServiceListener> StartAsync(
        Endpoint endpoint, IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report, ListenerOptions? options = null)
    {
        Socket? socket = null;
        try
        {
            var addresses = await Dns.GetHostAddressesAsync(endpoint.Host).ConfigureAwait(false);
            var address = addresses.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses[0];
            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, endpoint.Port));
            socket.Listen();
            return new ServiceListener(socket, services, report, options ?? new ListenerOptions());
        }
        catch (SocketException error)
        {
            socket?.Dispose();
            var why = error.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "another process listens there. Stop it, or choose another port.",
                SocketError.AddressNotAvailable => "this machine does not have that address.",
                SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "the name is not known.",
                SocketError.AccessDenied => "the port needs more rights than this process has.",
                _ => error.Message,
            };
            throw new ConnectException($"{endpoint}: cannot listen: {why}", error);
        }
    }

    /// <summary>Accepts no more, tells open sessions to end, and drops those that do not end in time.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        Task[] sessions;
        lock (_gate) sessions = [.. _sessions];
        try
        {
            await Task.WhenAll(sessions).WaitAsync(_options.StopTimeout, _options.Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            lock (_gate)
            {
                foreach (var channel in _channels) channel.Abort();
            }

            await Task.WhenAll(sessions).ConfigureAwait(false);
        }

        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await _socket.AcceptAsync(_stopping.Token).ConfigureAwait(false);
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException error)
            {
                // A connection that was gone before it was accepted, or too many open files: the listener lives on.
                if (_stopping.IsCancellationRequested) return;
                _report("an unknown peer", error);
                continue;
            }

            Begin(socket);
        }
    }

    private void Begin(Socket socket)
    {
        lock (_gate)
        {
            var isBusy = _sessions.Count >= _options.Connections || _unidentified >= _options.Unidentified;
            if (isBusy && _sessions.Count >= 2 * _options.Connections)
            {
                // Even telling them takes a session: past twice the limit they are dropped without a word.
                socket.Dispose();
                return;
            }

            if (!isBusy) Interlocked.Increment(ref _unidentified);
            var session = Task.Run(() => SessionAsync(socket, isBusy));
            _sessions.Add(session);
            _ = session.ContinueWith(Ended, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private void Ended(Task session)
    {
        lock (_gate) _sessions.Remove(session);
    }

    private async Task SessionAsync(Socket socket, bool isBusy)
    {
        var peer = socket.RemoteEndPoint?.ToString() ?? "an unknown peer";
        var isIdentified = isBusy;
        Channel? channel = null;
        try
        {
            using (var late = new CancellationTokenSource(_options.ServiceNameTimeout, _options.Time))
                channel = await TcpChannels.AcceptAsync(socket, _options.Security, _options.Time, late.Token).ConfigureAwait(false);
            lock (_gate) _channels.Add(channel);
            if (isBusy)
            {
                await channel.CloseAsync(GoodbyeCode.Busy, "the node has as many connections as it takes; try again later").ConfigureAwait(false);
                return;
            }

            var name = await channel.AcceptServiceAsync(_options.ServiceNameTimeout, _stopping.Token).ConfigureAwait(false);
            Interlocked.Decrement(ref _unidentified);
            isIdentified = true;
            if (!_services.TryGetValue(name, out var handler))
            {
                var offered = string.Join(", ", _services.Keys.Order(StringComparer.Ordinal));
                await channel.CloseAsync(GoodbyeCode.UnknownService, $"there is no service {name} here; offered: {offered}").ConfigureAwait(false);
                return;
            }

            await handler(channel, _stopping.Token).ConfigureAwait(false);
            await channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
        }
        catch (Exception error)
        {
            await FailAsync(channel, peer, error).ConfigureAwait(false);
        }
        finally
        {
            if (!isIdentified) Interlocked.Decrement(ref _unidentified);
            if (channel is null) socket.Dispose();
            else
            {
                lock (_gate) _channels.Remove(channel);
                channel.Abort();
            }
        }
    }

    private async ValueTask FailAsync(Channel? channel, string peer, Exception error)
    {
        var isStopping = _stopping.IsCancellationRequested && error is OperationCanceledException;
        if (!isStopping) _report(peer, error);
        if (channel is null) return;
        var (code, reason) = error switch
        {
            _ when isStopping => (GoodbyeCode.ShuttingDown, "the node stops"),
            ProtocolException => (GoodbyeCode.ProtocolFault, error.Message),
            ChannelTimeoutException => (GoodbyeCode.Timeout, error.Message),
            ChannelClosedException => (GoodbyeCode.Done, ""),
            _ => (GoodbyeCode.InternalError, "something is wrong on this side; its log tells more"),
        };
        await channel.CloseAsync(code, reason).ConfigureAwait(false);
    }
}
