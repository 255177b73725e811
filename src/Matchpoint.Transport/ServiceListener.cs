using System.Net;
using System.Net.Sockets;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport;

/// <summary>How a listener admits connections.</summary>
internal sealed record ListenerOptions
{
    /// <summary>Connections at a time; further ones are told that the node is busy.</summary>
    public int Connections { get; init; } = 256;

    /// <summary>Connections at a time from one address: half of all, so that no machine takes every place.</summary>
    public int ConnectionsPerAddress { get; init; } = 128;

    /// <summary>Connections at a time that have not yet named a service.</summary>
    public int Unidentified { get; init; } = 64;

    /// <summary>Such connections from one address.</summary>
    public int UnidentifiedPerAddress { get; init; } = 32;

    /// <summary>How long a connection may take to name a service, securing it included.</summary>
    public TimeSpan ServiceNameTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long open sessions may take to end when the listener stops.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How connections are secured.</summary>
    public IConnectionSecurity Security { get; init; } = PlainText.Instance;

    /// <summary>Where deadlines come from.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>
/// Listens on a TCP endpoint and hands connections to a <see cref="ServiceDispatcher"/>. It owns every session: what one throws is reported, and none outlives it
/// unless its handler ignores both the stop and the loss of its channel, which is reported too.
/// </summary>
internal sealed class ServiceListener : INetworkListener
{
    /// <summary>How long the accept loop rests after an error: one like too many open files does not go away at once.</summary>
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly ListenerOptions _options;
    private readonly ServiceDispatcher _dispatcher;
    private readonly Action<string, Exception> _report;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<Session, Task> _sessions = [];
    private readonly Dictionary<IPAddress, Places> _places = [];
    private readonly Task _accepting;
    private int _unidentified;
    private int _turnedAway;
    private int _isDisposed;

    private ServiceListener(
        Socket socket, IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report, ListenerOptions options)
    {
        _socket = socket;
        _dispatcher = new ServiceDispatcher(services, report);
        _report = report;
        _options = options;
        var bound = (IPEndPoint)socket.LocalEndPoint!;
        LocalEndpoint = new Endpoint(bound.Address.ToString(), bound.Port);
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where it listens, with the port that the system chose.</summary>
    public Endpoint LocalEndpoint { get; }

    /// <summary>Starts to listen.</summary>
    /// <param name="endpoint">Where.</param>
    /// <param name="services">Handlers by service name.</param>
    /// <param name="report">Hears of every session that failed: the peer, and why. Called from the sessions' own tasks.</param>
    /// <param name="options">Limits and deadlines.</param>
    /// <exception cref="ConnectException">It cannot listen there; the message says why.</exception>
    public static async ValueTask<ServiceListener> StartAsync(
        Endpoint endpoint, IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report, ListenerOptions? options = null)
    {
        Socket? socket = null;
        try
        {
            // The name service refuses to look up the address that stands for all of a machine's own.
            var addresses = IPAddress.TryParse(endpoint.Host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(endpoint.Host).ConfigureAwait(false);
            var address = addresses.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses.FirstOrDefault()
                ?? throw new SocketException((int)SocketError.NoData);
            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (address.Equals(IPAddress.IPv6Any)) socket.DualMode = true;
            socket.Bind(new IPEndPoint(address, endpoint.Port));
            socket.Listen();
            return new ServiceListener(socket, services, report, options ?? new ListenerOptions());
        }
        catch (SocketException error)
        {
            socket?.Dispose();
            throw new ConnectException($"{endpoint}: cannot listen: {SocketFailure.Listening(error)}", error);
        }
    }

    /// <summary>Accepts no more, tells open sessions to end, and drops those that do not end in time.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        if (await EndedAsync().ConfigureAwait(false)) return;
        foreach (var session in Open()) session.Drop();
        if (await EndedAsync().ConfigureAwait(false)) return;
        foreach (var session in Open())
            _report(session.Peer, new TimeoutException($"The session with {session.Peer} does not end: its handler heeds neither the stop nor the loss of its channel."));
    }

    private Session[] Open()
    {
        lock (_gate) return [.. _sessions.Keys];
    }

    private async ValueTask<bool> EndedAsync()
    {
        Task all;
        lock (_gate) all = Task.WhenAll(_sessions.Values);
        try
        {
            await all.WaitAsync(_options.StopTimeout, _options.Time).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Begin(await _socket.AcceptAsync(_stopping.Token).ConfigureAwait(false));
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException error)
            {
                // A connection that was gone before it was accepted, or too many open files: the listener lives on.
                if (_stopping.IsCancellationRequested) return;
                _report($"{LocalEndpoint} (accepting)", error);
                await Task.Delay(AcceptPause, _options.Time, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private void Begin(Socket socket)
    {
        var session = new Session(socket);
        lock (_gate)
        {
            _places.TryGetValue(session.Address, out var places);
            var isBusy = _sessions.Count - _turnedAway >= _options.Connections || _unidentified >= _options.Unidentified
                || places.Connections >= _options.ConnectionsPerAddress || places.Unidentified >= _options.UnidentifiedPerAddress;
            if (isBusy && _turnedAway >= _options.Unidentified)
            {
                // Even telling them takes memory: when as many as may be are being told, the next is dropped without a word.
                session.Drop();
                return;
            }

            if (isBusy)
            {
                _turnedAway++;
            }
            else
            {
                _unidentified++;
                _places[session.Address] = new Places(places.Connections + 1, places.Unidentified + 1);
            }

            _sessions.Add(session, Task.Run(() => isBusy ? TurnAwayAsync(session) : ServeAsync(session)));
        }
    }

    private async Task ServeAsync(Session session)
    {
        var isIdentified = 0;
        void Identified()
        {
            if (Interlocked.Exchange(ref isIdentified, 1) != 0) return;
            lock (_gate)
            {
                _unidentified--;
                Free_Locked(session.Address, new Places(0, 1));
            }
        }

        try
        {
            var startedAt = _options.Time.GetTimestamp();
            if (await SecureAsync(session).ConfigureAwait(false) is not { } channel) return;
            var left = _options.ServiceNameTimeout - _options.Time.GetElapsedTime(startedAt);
            await _dispatcher.ServeAsync(channel, left, Identified, _stopping.Token).ConfigureAwait(false);
        }
        finally
        {
            Identified();
            lock (_gate)
            {
                _sessions.Remove(session);
                Free_Locked(session.Address, new Places(1, 0));
            }
        }
    }

    /// <summary>Gives back what an address took; an address that has nothing is forgotten.</summary>
    private void Free_Locked(IPAddress address, Places given)
    {
        var places = _places[address];
        var left = new Places(places.Connections - given.Connections, places.Unidentified - given.Unidentified);
        if (left == default) _places.Remove(address);
        else _places[address] = left;
    }

    private async Task TurnAwayAsync(Session session)
    {
        try
        {
            if (await SecureAsync(session).ConfigureAwait(false) is not { } channel) return;
            await channel.CloseAsync(GoodbyeCode.Busy, "the node has as many connections as it takes; try again later").ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _turnedAway--;
                _sessions.Remove(session);
            }
        }
    }

    private async ValueTask<Channel?> SecureAsync(Session session)
    {
        using var late = new CancellationTokenSource(_options.ServiceNameTimeout, _options.Time);
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, late.Token);
            return session.Channel = await TcpChannels.AcceptAsync(session.Socket, session.Peer, _options.Security, _options.Time, either.Token).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            session.Drop();
            if (_stopping.IsCancellationRequested) return null;
            _report(session.Peer, error is OperationCanceledException && late.IsCancellationRequested
                ? new ChannelTimeoutException(session.Peer, "the connection to be secured", _options.ServiceNameTimeout)
                : error);
            return null;
        }
    }

    /// <summary>What one address has taken.</summary>
    private readonly record struct Places(int Connections, int Unidentified);

    /// <summary>A connection and, once it is secured, its channel.</summary>
    private sealed class Session
    {
        public Session(Socket socket)
        {
            Socket = socket;
            try
            {
                if (socket.RemoteEndPoint is IPEndPoint from) Address = from.Address;
                Peer = socket.RemoteEndPoint?.ToString() ?? "an unknown peer";
            }
            catch (SocketException)
            {
                Peer = "a peer that is gone already";
            }
        }

        public Socket Socket { get; }

        public string Peer { get; }

        public IPAddress Address { get; } = IPAddress.None;

        public Channel? Channel { get; set; }

        public void Drop()
        {
            if (Channel is { } channel) channel.Abort();
            else Socket.Dispose();
        }
    }
}
