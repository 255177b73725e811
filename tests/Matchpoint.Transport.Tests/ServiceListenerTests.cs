using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport.Tests;

/// <summary>Accepting, dispatching by name, limits, stopping.</summary>
public sealed class ServiceListenerTests : IAsyncDisposable
{
    private const string Echo = "ECHO";
    private const string Failing = "FAILING";
    private const string Deaf = "DEAF";

    private static readonly Endpoint Anywhere = Endpoint.Parse("127.0.0.1:0");
    private static readonly TimeSpan Patience = Pairs.Patience;

    private readonly ConcurrentQueue<(string Peer, Exception Error)> _reports = [];
    private readonly SemaphoreSlim _reported = new(0);
    private readonly TaskCompletionSource _deafEnds = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<IAsyncDisposable> _opened = [];
    private Exception _failure = new InvalidOperationException("a secret of this side");

    public async ValueTask DisposeAsync()
    {
        _deafEnds.TrySetResult();
        _opened.Reverse();
        foreach (var one in _opened) await one.DisposeAsync();
        _reported.Dispose();
    }

    [Fact]
    public async Task A_client_talks_to_the_service_it_named()
    {
        var listener = await ListenAsync();
        var channel = await OpenAsync(listener, Echo);
        for (var i = 1; i < 50; i++)
        {
            var payload = Enumerable.Repeat((byte)(100 + i), i * 100).ToArray();
            await channel.SendAsync(payload, Patience, default);
            Assert.Equal(payload, (await channel.ReceiveAsync(Patience, default)).ToArray());
        }

        await channel.CloseAsync(GoodbyeCode.Done, "");
        Assert.NotEqual(0, listener.LocalEndpoint.Port);
    }

    [Fact]
    public async Task An_unknown_service_is_refused_with_a_list_of_those_there_are()
    {
        var channel = await OpenAsync(await ListenAsync(), "NOPE");
        var goodbye = await GoodbyeAsync(channel);
        Assert.Equal((GoodbyeCode.UnknownService, "there is no service NOPE here; offered: DEAF, ECHO, FAILING"), (goodbye.Code, goodbye.Reason));
    }

    [Fact]
    public async Task Garbage_instead_of_a_name_is_told_and_reported()
    {
        var raw = await RawAsync(await ListenAsync());
        await raw.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        Assert.Equal(GoodbyeCode.ProtocolFault, (await GoodbyeAsync(raw)).Code);
        Assert.IsType<ProtocolException>((await ReportAsync()).Error);
    }

    [Fact]
    public async Task A_peer_that_dawdles_over_the_name_is_sent_away()
    {
        var raw = await RawAsync(await ListenAsync(new ListenerOptions { ServiceNameTimeout = TimeSpan.FromMilliseconds(200) }));
        var clock = Stopwatch.StartNew();
        await raw.SendAsync(new byte[] { 4, 0, 0, 0, (byte)'E' });
        Assert.Equal(GoodbyeCode.Timeout, (await GoodbyeAsync(raw)).Code);
        // The time-out that was asked for, not the usual one of 10 s.
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(9), $"{clock.Elapsed}");
        Assert.IsType<ChannelTimeoutException>((await ReportAsync()).Error);
    }

    [Fact]
    public async Task Unidentified_connections_have_a_limit_of_their_own()
    {
        var listener = await ListenAsync(new ListenerOptions { Unidentified = 2 });
        var named = await OpenAsync(listener, Echo);
        await EchoAsync(named);
        await RawAsync(listener);
        await RawAsync(listener);
        Assert.Equal(GoodbyeCode.Busy, (await GoodbyeAsync(await OpenAsync(listener, Echo))).Code);
        await EchoAsync(named);
    }

    [Fact]
    public async Task Connections_have_a_limit_and_a_place_is_free_again_when_one_ends()
    {
        var listener = await ListenAsync(new ListenerOptions { Connections = 2 });
        var first = await OpenAsync(listener, Echo);
        var second = await OpenAsync(listener, Echo);
        await EchoAsync(first);
        await EchoAsync(second);
        Assert.Equal(GoodbyeCode.Busy, (await GoodbyeAsync(await OpenAsync(listener, Echo))).Code);
        await first.CloseAsync(GoodbyeCode.Done, "");
        await ReportAsync();
        for (var deadline = Stopwatch.StartNew(); ; Assert.True(deadline.Elapsed < Patience))
        {
            try
            {
                await EchoAsync(await OpenAsync(listener, Echo));
                return;
            }
            catch (ChannelClosedException closed) when (closed.Goodbye?.Code == GoodbyeCode.Busy)
            {
                // The session behind the report is about to end.
            }
        }
    }

    [Fact]
    public async Task What_a_handler_throws_closes_its_channel_and_is_reported_and_tells_no_secrets()
    {
        var channel = await OpenAsync(await ListenAsync(), Failing);
        var goodbye = await GoodbyeAsync(channel);
        Assert.Equal(GoodbyeCode.InternalError, goodbye.Code);
        Assert.DoesNotContain("secret", goodbye.Reason, StringComparison.Ordinal);
        Assert.Same(_failure, (await ReportAsync()).Error);
    }

    [Fact]
    public async Task A_peers_fault_is_told_to_the_peer()
    {
        _failure = new ProtocolException("Hello", "version", "1", "9");
        var goodbye = await GoodbyeAsync(await OpenAsync(await ListenAsync(), Failing));
        Assert.Equal((GoodbyeCode.ProtocolFault, "Hello: version: expected 1, found 9."), (goodbye.Code, goodbye.Reason));
    }

    [Fact]
    public async Task A_peer_that_breaks_off_is_reported()
    {
        var channel = await OpenAsync(await ListenAsync(), Echo);
        await EchoAsync(channel);
        channel.Abort();
        Assert.Equal(ChannelEnd.Reset, Assert.IsType<ChannelClosedException>((await ReportAsync()).Error).End);
    }

    [Fact]
    public async Task Stopping_tells_the_sessions_and_lets_nobody_in()
    {
        // Sessions that do not end by themselves would be waited for this long before they are dropped.
        var listener = await ListenAsync(new ListenerOptions { StopTimeout = TimeSpan.FromMinutes(1) });
        var channel = await OpenAsync(listener, Echo);
        await EchoAsync(channel);
        var unnamed = await RawAsync(listener);
        await WaitForAcceptAsync(listener);
        var hearing = GoodbyeAsync(channel);
        var clock = Stopwatch.StartNew();
        var stopping = listener.DisposeAsync().AsTask();
        Assert.Equal(GoodbyeCode.ShuttingDown, (await hearing).Code);
        await channel.DisposeAsync();
        Assert.Equal(GoodbyeCode.ShuttingDown, (await GoodbyeAsync(unnamed)).Code);
        unnamed.Dispose();
        await stopping;
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"{clock.Elapsed}");
        var error = await Assert.ThrowsAsync<ConnectException>(() => OpenAsync(listener, Echo));
        Assert.Contains($"{listener.LocalEndpoint}: could not connect: nothing listens there", error.Message, StringComparison.Ordinal);
        Assert.Empty(_reports);
    }

    [Fact]
    public async Task A_session_that_does_not_heed_the_stop_is_dropped_and_named()
    {
        var listener = await ListenAsync(new ListenerOptions { StopTimeout = TimeSpan.FromMilliseconds(200) });
        var channel = await OpenAsync(listener, Deaf);
        await channel.ReceiveAsync(Patience, default);
        var ending = Assert.ThrowsAsync<ChannelClosedException>(() => channel.ReceiveAsync(Patience, default).AsTask());
        await listener.DisposeAsync();
        Assert.Equal(ChannelEnd.Reset, (await ending).End);
        Assert.Contains("does not end", Assert.IsType<TimeoutException>((await ReportAsync()).Error).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_in_use_is_said_so()
    {
        var listener = await ListenAsync();
        var error = await Assert.ThrowsAsync<ConnectException>(() => ListenAsync(at: listener.LocalEndpoint));
        Assert.StartsWith($"{listener.LocalEndpoint}: cannot listen: another process listens there already", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_of_another_machine_is_said_so()
    {
        var error = await Assert.ThrowsAsync<ConnectException>(() => ListenAsync(at: Endpoint.Parse("192.0.2.1:0")));
        Assert.Contains("does not have that address", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_nobody_has_is_said_so()
    {
        var error = await Assert.ThrowsAsync<ConnectException>(
            () => TcpChannels.ConnectAsync(Endpoint.Parse("nobody.invalid:7000"), Patience, TimeProvider.System, default).AsTask());
        Assert.StartsWith("nobody.invalid:7000: could not connect: the name is not known", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Port_0_is_no_port_to_connect_to()
    {
        var error = await Assert.ThrowsAsync<ConnectException>(() => TcpChannels.ConnectAsync(Anywhere, Patience, TimeProvider.System, default).AsTask());
        Assert.Contains("port 0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_does_not_come_about_ends_at_its_deadline()
    {
        // A security that never finishes stands for a machine that never answers.
        var listener = await ListenAsync();
        var error = await Assert.ThrowsAsync<ConnectException>(() => TcpChannels.ConnectAsync(
            listener.LocalEndpoint, TimeSpan.FromMilliseconds(100), TimeProvider.System, default, new Stalling()).AsTask());
        Assert.Contains("could not connect within 0.1 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_thousand_idle_connections_are_served_and_stopped()
    {
        const int Connections = 1000;
        var listener = await ListenAsync(new ListenerOptions { Connections = Connections, ConnectionsPerAddress = Connections, Unidentified = Connections, UnidentifiedPerAddress = Connections });
        var channels = new List<Channel>();
        for (var i = 0; i < Connections; i++) channels.Add(await OpenAsync(listener, Echo));
        foreach (var channel in channels) await EchoAsync(channel);
        var hearing = channels.ConvertAll(async channel =>
        {
            var goodbye = await GoodbyeAsync(channel);
            await channel.DisposeAsync();
            return goodbye.Code;
        });
        await listener.DisposeAsync();
        Assert.All(await Task.WhenAll(hearing), code => Assert.Equal(GoodbyeCode.ShuttingDown, code));
        Assert.Empty(_reports);
    }

    private async Task<ServiceListener> ListenAsync(ListenerOptions? options = null, Endpoint? at = null)
    {
        var services = new Dictionary<string, ServiceHandler>
        {
            [Echo] = async (channel, stopping) =>
            {
                while (true)
                {
                    var frame = await channel.ReceiveAsync(Patience, stopping);
                    await channel.SendAsync(frame, Patience, stopping);
                }
            },
            [Failing] = (_, _) => Task.FromException(_failure),
            [Deaf] = async (channel, _) =>
            {
                await channel.SendAsync(new byte[] { 1 }, Patience, default);
                await _deafEnds.Task;
            },
        };
        var listener = await ServiceListener.StartAsync(
            at ?? Anywhere,
            services,
            (peer, error) =>
            {
                _reports.Enqueue((peer, error));
                _reported.Release();
            },
            options);
        _opened.Add(listener);
        return listener;
    }

    private async Task<Channel> OpenAsync(ServiceListener listener, string service)
    {
        var channel = await TcpChannels.ConnectAsync(listener.LocalEndpoint, Patience, TimeProvider.System, default);
        _opened.Add(channel);
        channel.OpenService(service);
        await channel.FlushAsync(Patience, default);
        return channel;
    }

    private async Task<Socket> RawAsync(ServiceListener listener)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _opened.Add(new Disposer(socket));
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, listener.LocalEndpoint.Port));
        return socket;
    }

    /// <summary>What came before on the same listener has been accepted when a later connection is served.</summary>
    private async Task WaitForAcceptAsync(ServiceListener listener)
    {
        var channel = await OpenAsync(listener, Echo);
        await EchoAsync(channel);
        await channel.CloseAsync(GoodbyeCode.Done, "");
        await ReportAsync();
        _reports.Clear();
    }

    private async Task<(string Peer, Exception Error)> ReportAsync()
    {
        Assert.True(await _reported.WaitAsync(Patience), "nothing was reported");
        Assert.True(_reports.TryPeek(out var report));
        return report;
    }

    private static async Task EchoAsync(Channel channel)
    {
        await channel.SendAsync(new byte[] { 1, 2, 3 }, Patience, default);
        Assert.Equal(3, (await channel.ReceiveAsync(Patience, default)).Length);
    }

    private static async Task<Goodbye> GoodbyeAsync(Channel channel) =>
        (await Assert.ThrowsAsync<ChannelClosedException>(() => channel.ReceiveAsync(Patience, default).AsTask())).Goodbye!.Value;

    private static async Task<Goodbye> GoodbyeAsync(Socket socket)
    {
        await using var channel = new Channel(new SocketCarrier(socket, new NetworkStream(socket), "the listener"), TimeProvider.System);
        return await GoodbyeAsync(channel);
    }

    private sealed class Stalling : IConnectionSecurity
    {
        public IReadOnlyList<string> Warnings => [];

        public async ValueTask<SecuredConnection> ConnectAsync(Socket socket, Endpoint peer, string? member, CancellationToken cancellation)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
            throw new InvalidOperationException("nothing waits for ever");
        }

        public ValueTask<SecuredConnection> AcceptAsync(Socket socket, string peer, CancellationToken cancellation) => PlainText.Instance.AcceptAsync(socket, peer, cancellation);
    }

    private sealed class Disposer(IDisposable one) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            one.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
