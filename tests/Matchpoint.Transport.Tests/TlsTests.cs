using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Transport.Tests;

/// <summary>Who is let in over TLS, and what both sides are told when somebody is not.</summary>
public sealed class TlsTests : IAsyncDisposable
{
    private const string Who = "WHO";
    private const string A = "matchpoint://g/node/a";
    private const string B = "matchpoint://g/node/b";
    private const string App = "matchpoint://g/client/app";

    private static readonly TimeSpan Patience = Pairs.Patience;
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private readonly ConcurrentQueue<Exception> _reports = [];
    private readonly SemaphoreSlim _reported = new(0);
    private readonly List<IAsyncDisposable> _opened = [];
    private readonly TestAuthority _authority = new();

    public async ValueTask DisposeAsync()
    {
        _opened.Reverse();
        foreach (var one in _opened) await one.DisposeAsync();
        _reported.Dispose();
    }

    [Theory]
    [InlineData(B)]
    [InlineData(App)]
    public async Task Both_sides_know_each_other_by_their_certificates(string uri)
    {
        var listener = await ListenAsync(_authority.Security(A));
        var channel = await ConnectAsync(listener, _authority.Security(uri), "a");
        Assert.Equal(A, channel.PeerIdentity!.ToString());
        Assert.Equal(uri, await AskAsync(channel));
        Assert.Empty(_reports);
    }

    [Fact]
    public async Task A_certificate_that_has_expired_is_refused() => await BothAreToldAsync(
        _authority.Security(B, from: -Day * 2, to: -Day), $"the certificate presented ({B}) expired at ", "renew it");

    [Fact]
    public async Task A_certificate_that_is_not_yet_valid_is_refused() => await BothAreToldAsync(
        _authority.Security(B, from: Day), $"the certificate presented ({B}) is not valid before ", "Is a clock wrong?");

    [Fact]
    public async Task A_certificate_of_another_group_is_refused() => await BothAreToldAsync(
        Believing("matchpoint://other/node/a", A), "the certificate presented (matchpoint://other/node/a) is of another group: expected one like matchpoint://g/node/a");

    /// <summary>One certificate may be for nodes of several groups; whoever runs as one of them is of that group alone.</summary>
    [Theory]
    [InlineData("matchpoint://other/client/app")]
    [InlineData("matchpoint://other/node/b")]
    public async Task A_certificate_for_several_groups_lets_only_that_in_which_its_node_is_of(string uri) => await BothAreToldAsync(
        Believing(uri, A), OfTwoGroups(A), $"the certificate presented ({uri}) is of another group: expected one like {A}");

    [Fact]
    public async Task A_node_knows_peers_by_their_names_in_its_own_group()
    {
        var listener = await ListenAsync(OfTwoGroups(A));
        var channel = await ConnectAsync(listener, OfTwoGroups(B), "a");
        Assert.Equal(A, channel.PeerIdentity!.ToString());
        Assert.Equal(B, await AskAsync(channel));
        Assert.Empty(_reports);
    }

    [Fact]
    public async Task A_certificate_of_an_unknown_authority_is_refused()
    {
        var stranger = new TestAuthority("a stranger");
        var security = new TlsSecurity(new CredentialSource(stranger.Credentials(B, believes: _authority), TimeProvider.System), TimeProvider.System);
        await BothAreToldAsync(security, $"the certificate presented ({B}) is not trusted: it is issued by 'CN=a stranger'", "expected 'CN=a test's authority'");
    }

    [Fact]
    public async Task A_certificate_that_is_for_nobody_or_for_several_or_for_another_use_is_refused()
    {
        await RawIsToldAsync(_authority.Issue("https://example.org/"), "is for no node and no client: expected a URI like matchpoint://g/node/a");
        await RawIsToldAsync(_authority.Issue(uri: null), "is for no node and no client");
        await RawIsToldAsync(_authority.Issue($"{B} matchpoint://g/node/c"), "is for several of one group");
        await RawIsToldAsync(_authority.Issue(B, usages: [TlsCredentials.ServerUsage]), "may not be used for TLS on this side");
    }

    [Fact]
    public async Task Whoever_presents_no_certificate_is_refused() => await RawIsToldAsync(certificate: null, "no certificate was presented: expected one that is issued by 'CN=a test's authority'");

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Tls_1_2_and_1_3_are_spoken(SslProtocols protocol)
    {
        var listener = await ListenAsync(_authority.Security(A));
        var stream = await RawAsync(listener, _authority.Issue(B), protocol);
        Assert.Equal(protocol, stream.SslProtocol);
        await stream.WriteAsync(new byte[] { 3, 0, 0, 0, (byte)'W', (byte)'H', (byte)'O', 1, 0, 0, 0, 9 });
        var answer = new byte[4 + B.Length];
        await stream.ReadExactlyAsync(answer);
        Assert.Equal(B, System.Text.Encoding.UTF8.GetString(answer.AsSpan(4)));
    }

    [Fact]
    public async Task Older_versions_are_not_spoken()
    {
        var listener = await ListenAsync(_authority.Security(A));
#pragma warning disable CA5397, SYSLIB0039 // That is what is refused here.
        await Assert.ThrowsAnyAsync<Exception>(() => RawAsync(listener, _authority.Issue(B), SslProtocols.Tls11));
#pragma warning restore CA5397, SYSLIB0039
    }

    [Fact]
    public async Task The_node_that_answers_must_be_the_one_that_was_called()
    {
        var listener = await ListenAsync(_authority.Security(A));
        var error = await Assert.ThrowsAsync<PeerRefusedException>(() => ConnectAsync(listener, _authority.Security(B), "c"));
        var reason = $"the certificate presented ({A}) is not that of the node that was called: expected matchpoint://g/node/c. Is the address of 'c' right?";
        Assert.Equal($"{listener.LocalEndpoint} was refused: {reason}.", error.Message);
        Assert.Contains($"closed the connection (Refused): {reason}", (await ReportAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_does_not_pass_for_a_node()
    {
        var listener = await ListenAsync(_authority.Security(App));
        var error = await Assert.ThrowsAnyAsync<ChannelException>(() => ConnectAsync(listener, _authority.Security(B), member: null));
        Assert.Contains("is for a client: expected that of a node", error.Message, StringComparison.Ordinal);
        Assert.Contains("is for a client: expected that of a node", (await ReportAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plain_text_to_a_node_with_TLS_is_told_so()
    {
        var security = _authority.Security(A);
        var listener = await ListenAsync(security);
        var channel = await ConnectAsync(listener, security: null, member: null);
        channel.OpenService(Who);
        await channel.FlushAsync(Patience, default);
        var goodbye = await GoodbyeAsync(channel);
        Assert.Equal((GoodbyeCode.Refused, true), (goodbye.Code, goodbye.Reason.StartsWith("TLS is spoken here, and the connection began without it", StringComparison.Ordinal)));
        Assert.Contains("TLS is spoken here", Assert.IsType<PeerRefusedException>(await ReportAsync()).Message, StringComparison.Ordinal);
        Assert.Contains("TLS is spoken here", Assert.Single(security.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TLS_to_a_node_without_is_told_so()
    {
        var listener = await ListenAsync(security: null);
        var error = await Assert.ThrowsAsync<ConnectException>(() => ConnectAsync(listener, _authority.Security(B), "a"));
        Assert.Contains("no TLS is spoken there: it is a node without certificates, or no node at all", error.Message, StringComparison.Ordinal);
        Assert.Contains("the beginning of TLS, which this node does not speak", Assert.IsType<ProtocolException>(await ReportAsync()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(60)]
    public async Task A_handshake_that_dawdles_ends_at_its_deadline_and_others_are_served_meanwhile(int bytes)
    {
        var limits = new ListenerOptions { Security = _authority.Security(A), ServiceNameTimeout = TimeSpan.FromSeconds(5) };
        var listener = await ListenAsync(limits);
        var clock = Stopwatch.StartNew();
        var slow = await SocketAsync(listener);
        // The beginning of a ClientHello of 512 bytes, of which no more comes.
        byte[] hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, .. new byte[60]];
        await slow.SendAsync(hello.AsMemory(0, bytes));
        Assert.Equal(B, await AskAsync(await ConnectAsync(listener, _authority.Security(B), "a")));
        using var late = new CancellationTokenSource(Patience);
        Assert.Contains("waited 5 s for the connection to be secured", (await ReportAsync()).Message, StringComparison.Ordinal);
        // Not before its time, and not only when whoever waits here loses patience.
        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(4.9), Patience);
        Assert.True(await IsDroppedAsync(slow, late.Token));
    }

    [Fact]
    public async Task Two_thousand_idle_connections_from_one_address_leave_room_for_others()
    {
        var listener = await ListenAsync(new ListenerOptions { Security = _authority.Security(A), ServiceNameTimeout = TimeSpan.FromMinutes(1) });
        for (var i = 0; i < 2000; i++) await SocketAsync(listener);
        for (var i = 0; i < 10; i++) Assert.Equal(B, await AskAsync(await ConnectAsync(listener, _authority.Security(B), "a", from: "127.0.0.2")));
        // From the crowded address it is busy, or dropped without a word.
        await Assert.ThrowsAnyAsync<ChannelException>(async () => await AskAsync(await ConnectAsync(listener, _authority.Security(B), "a")));
    }

    [Fact]
    public async Task One_address_takes_half_of_the_places()
    {
        var listener = await ListenAsync(new ListenerOptions { Security = _authority.Security(A), Connections = 4, ConnectionsPerAddress = 2 });
        var first = await ConnectAsync(listener, _authority.Security(B), "a");
        Assert.Equal(B, await AskAsync(first));
        Assert.Equal(B, await AskAsync(await ConnectAsync(listener, _authority.Security(B), "a")));
        var third = await ConnectAsync(listener, _authority.Security(B), "a");
        Assert.Equal(GoodbyeCode.Busy, (await GoodbyeAsync(third)).Code);
        Assert.Equal(B, await AskAsync(await ConnectAsync(listener, _authority.Security(B), "a", from: "127.0.0.2")));
        await first.CloseAsync(GoodbyeCode.Done, "");
        await ReportAsync();
        for (var deadline = Stopwatch.StartNew(); ; Assert.True(deadline.Elapsed < Patience))
        {
            try
            {
                Assert.Equal(B, await AskAsync(await ConnectAsync(listener, _authority.Security(B), "a")));
                return;
            }
            catch (ChannelClosedException closed) when (closed.Goodbye?.Code == GoodbyeCode.Busy)
            {
                // The session behind the report is about to end.
            }
        }
    }

    /// <summary>Credentials that are not the group's, of somebody who believes the group's nodes: what it believes is its own affair.</summary>
    private TlsSecurity Believing(string uri, string other) => new(new CredentialSource(
        TlsCredentials.Create(_authority.Issue($"{uri}"), [], [_authority.Certificate], self: null, other), TimeProvider.System), TimeProvider.System);

    /// <summary>A node, with a certificate that is for a node of another group too.</summary>
    private TlsSecurity OfTwoGroups(string uri) => new(new CredentialSource(
        TlsCredentials.Create(_authority.Issue($"matchpoint://other/node/a {uri}"), [], [_authority.Certificate], PeerIdentity.TryParse(uri), uri), TimeProvider.System), TimeProvider.System);

    private Task BothAreToldAsync(TlsSecurity caller, params string[] words) => BothAreToldAsync(caller, _authority.Security(A), words);

    /// <summary>A caller that is refused hears why, and the node's own report says the same.</summary>
    private async Task BothAreToldAsync(TlsSecurity caller, TlsSecurity security, params string[] words)
    {
        var listener = await ListenAsync(security);
        var endpoint = listener.LocalEndpoint;
        var socket = await SocketAsync(listener);
        var secured = await caller.ConnectAsync(socket, endpoint, member: null, default);
        await using var channel = new Channel(new SocketCarrier(socket, secured.Stream, "the node"), TimeProvider.System);
        channel.OpenService(Who);
        await channel.FlushAsync(Patience, default);
        var goodbye = await GoodbyeAsync(channel);
        var report = Assert.IsType<PeerRefusedException>(await ReportAsync()).Message;
        Assert.Equal(GoodbyeCode.Refused, goodbye.Code);
        foreach (var word in words)
        {
            Assert.Contains(word, goodbye.Reason, StringComparison.Ordinal);
            Assert.Contains(word, report, StringComparison.Ordinal);
            Assert.Contains(word, Assert.Single(security.Warnings), StringComparison.Ordinal);
        }
    }

    private async Task RawIsToldAsync(System.Security.Cryptography.X509Certificates.X509Certificate2? certificate, string word)
    {
        var listener = await ListenAsync(_authority.Security(A));
        var stream = await RawAsync(listener, certificate, SslProtocols.None);
        var socket = ((Disposer)_opened[^1]).Socket!;
        await using var channel = new Channel(new SocketCarrier(socket, stream, "the node"), TimeProvider.System);
        var goodbye = await GoodbyeAsync(channel);
        Assert.Equal(GoodbyeCode.Refused, goodbye.Code);
        Assert.Contains(word, goodbye.Reason, StringComparison.Ordinal);
        Assert.Contains(word, (await ReportAsync()).Message, StringComparison.Ordinal);
        Assert.True(_reports.TryDequeue(out _));
    }

    /// <summary>A client that is not ours.</summary>
    private async Task<SslStream> RawAsync(ServiceListener listener, System.Security.Cryptography.X509Certificates.X509Certificate2? certificate, SslProtocols protocol)
    {
        var socket = await SocketAsync(listener);
        var stream = new SslStream(new NetworkStream(socket));
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "127.0.0.1",
            EnabledSslProtocols = protocol,
            ClientCertificates = certificate is null ? [] : [certificate],
            RemoteCertificateValidationCallback = (_, presented, _, _) => presented is not null,
        });
        return stream;
    }

    private Task<ServiceListener> ListenAsync(TlsSecurity? security) =>
        ListenAsync(security is null ? new ListenerOptions() : new ListenerOptions { Security = security });

    private async Task<ServiceListener> ListenAsync(ListenerOptions options)
    {
        var services = new Dictionary<string, ServiceHandler>
        {
            [Who] = async (channel, stopping) =>
            {
                while (true)
                {
                    await channel.ReceiveAsync(Patience, stopping);
                    await channel.SendAsync(System.Text.Encoding.UTF8.GetBytes($"{channel.PeerIdentity}"), Patience, stopping);
                }
            },
        };
        var listener = await ServiceListener.StartAsync(Endpoint.Parse("127.0.0.1:0"), services, (_, error) =>
        {
            _reports.Enqueue(error);
            _reported.Release();
        }, options);
        _opened.Add(listener);
        return listener;
    }

    private async Task<Channel> ConnectAsync(ServiceListener listener, TlsSecurity? security, string? member, string? from = null)
    {
        Channel channel;
        if (from is null)
        {
            channel = await TcpChannels.ConnectAsync(listener.LocalEndpoint, Patience, TimeProvider.System, default, security, member);
        }
        else
        {
            var socket = await SocketAsync(listener, from);
            var secured = await security!.ConnectAsync(socket, listener.LocalEndpoint, member, default);
            channel = new Channel(new SocketCarrier(socket, secured.Stream, "the node"), TimeProvider.System) { PeerIdentity = secured.Peer };
        }

        _opened.Add(channel);
        return channel;
    }

    private async Task<Socket> SocketAsync(ServiceListener listener, string from = "127.0.0.1")
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _opened.Add(new Disposer(socket));
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, listener.LocalEndpoint.Port));
        return socket;
    }

    private async Task<Exception> ReportAsync()
    {
        Assert.True(await _reported.WaitAsync(Patience), "nothing was reported");
        Assert.True(_reports.TryPeek(out var report));
        return report;
    }

    private static async Task<bool> IsDroppedAsync(Socket socket, CancellationToken cancellation)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1], cancellation) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static async Task<string> AskAsync(Channel channel)
    {
        channel.OpenService(Who);
        await channel.SendAsync(new byte[] { 9 }, Patience, default);
        return System.Text.Encoding.UTF8.GetString((await channel.ReceiveAsync(Patience, default)).Span);
    }

    private static async Task<Goodbye> GoodbyeAsync(Channel channel) =>
        (await Assert.ThrowsAsync<ChannelClosedException>(() => channel.ReceiveAsync(Patience, default).AsTask())).Goodbye!.Value;

    private sealed class Disposer(Socket socket) : IAsyncDisposable
    {
        public Socket Socket => socket;

        public ValueTask DisposeAsync()
        {
            socket.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
