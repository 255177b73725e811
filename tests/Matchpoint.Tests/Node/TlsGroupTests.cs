using Matchpoint.Client;
using Matchpoint.Copies;
using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Syncup;
using Matchpoint.Transport;
using Matchpoint.Transport.Tests;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Tests.Node;

/// <summary>Whole nodes over TLS: a group of three, and whom it lets do what.</summary>
public sealed class TlsGroupTests : IDisposable
{
    private const string GroupName = "matchpoint";

    private readonly TestAuthority _authority = new();
    private readonly string _certificates = Directory.CreateTempSubdirectory("matchpoint-certs-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_certificates, recursive: true);

    [Fact]
    public async Task A_group_over_TLS_loses_its_primary_and_nothing_else()
    {
        await using var group = await TestGroup.StartAsync(change: Secured);
        await group.Primary.Default.PutAsync("before", "1", cancellation: Cancellation);
        var old = group.Primary.Options.Name;
        await group.StopAsync(old);
        await group.SettledAsync();
        await group.Primary.Default.PutAsync("after", "2", cancellation: Cancellation);
        await group.StartAsync(old);
        await group.AgreedAsync();
        foreach (var node in group.Nodes)
        {
            Assert.Equal("1", await node.Default.GetTextAsync("before", ReadLevel.Linearizable, Cancellation));
            Assert.Equal("2", await node.Default.GetTextAsync("after", ReadLevel.Linearizable, Cancellation));
            Assert.DoesNotContain(node.GetStatus().Warnings, warning => warning.Contains("certificate", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_members_certificate_opens_nothing_under_another_members_name()
    {
        await using var group = await TestGroup.StartAsync(change: Secured);
        var (identity, node) = (GroupId.FromName(GroupName), new NodeId(Guid.NewGuid()));
        var b = Security("node/b");
        const string reason = "'c' is said to be calling, and the certificate presented is for matchpoint://matchpoint/node/b: expected that of 'c'";

        await using (var channel = await OpenAsync(group["a"], b, ElectionDriver.Service))
        {
            channel.Write(new Poll(identity, node, "c", PollKind.Look, IsBootstrap: false, new Term(1), Term.None, Vlsn.Null));
            await channel.FlushAsync(Eventually.Patience, Cancellation);
            var answer = PollAnswer.Decode((await channel.ReceiveAsync(Eventually.Patience, Cancellation)).Span);
            Assert.Equal(("", true), (answer.Name, answer.Reason.StartsWith(reason, StringComparison.Ordinal)));
        }

        await using (var channel = await OpenAsync(group["a"], b, CopyDonor.Service))
        {
            channel.Write(new CopyRequest(CopyRequest.CurrentVersion, identity, node, "c", new Term(1), Vlsn.Null));
            await channel.FlushAsync(Eventually.Patience, Cancellation);
            await MustBeRefusedAsync(channel, reason);
        }

        await using (var channel = await OpenAsync(group["a"], b, Services.Stream))
        {
            var clock = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
            channel.Write(new ReplicaHello(SyncupVersion.Two, SyncupVersion.Two, identity, node, "c", new Term(1), Vlsn.Null, Vlsn.Null, clock, []));
            await channel.FlushAsync(Eventually.Patience, Cancellation);
            await MustBeRefusedAsync(channel, reason);
        }

        await Eventually.HoldsAsync(() => group["a"].GetStatus().Warnings.Any(warning => warning.Contains(reason, StringComparison.Ordinal)), "the node warns of it");
    }

    [Fact]
    public async Task A_clients_certificate_opens_the_service_for_clients_and_no_other()
    {
        await using var group = await TestGroup.StartAsync(change: Secured);
        var client = Security("client/app");
        foreach (var service in new[] { Services.Stream, ElectionDriver.Service, CopyDonor.Service })
        {
            await using var channel = await OpenAsync(group["a"], client, service);
            var reason = $"{service} is for the nodes of the group, and the certificate presented is for matchpoint://matchpoint/client/app";
            await MustBeRefusedAsync(channel, reason);
            await Eventually.HoldsAsync(() => group["a"].GetStatus().Warnings.Any(warning => warning.Contains(reason, StringComparison.Ordinal)), "the node warns of it");
        }

        foreach (var security in new[] { client, Security("node/b") })
        {
            await using var asking = await NodeClient.ConnectAsync(Endpoint.Parse(group["a"].Address!), Eventually.Patience, Cancellation, security);
            Assert.Equal("a", (await asking.AskAsync(new ClientRequest { Op = "status" }, Eventually.Patience, Cancellation)).Status!.Name);
        }

        await using var plain = await NodeClient.ConnectAsync(Endpoint.Parse(group["a"].Address!), Eventually.Patience, Cancellation);
        var refused = await Assert.ThrowsAsync<ChannelClosedException>(() => plain.AskAsync(new ClientRequest { Op = "status" }, Eventually.Patience, Cancellation));
        Assert.Contains("TLS is spoken here", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Renewed_certificates_are_used_without_a_restart_and_the_last_of_the_old_authority_is_let_in_no_more()
    {
        await using var group = await TestGroup.StartAsync(change: Secured);
        var before = await PresentedAsync(group["a"], Security("client/app"));
        await Eventually.HoldsAsync(() => group.Nodes.All(node => node.State is NodeState.Primary or NodeState.Following), "all are there");

        // A member whose certificate is not renewed stays behind when the others believe another authority.
        var next = new TestAuthority("the next authority");
        foreach (var name in new[] { "a", "b" }) next.Write(Path.Combine(_certificates, name), $"matchpoint://{GroupName}/node/{name}");
        var app = new TlsSecurity(new CredentialSource(next.Credentials($"matchpoint://{GroupName}/client/app"), TimeProvider.System), TimeProvider.System);
        string? after = null;
        var deadline = TimeProvider.System.GetTimestamp();
        while (after is null or "")
        {
            Assert.True(TimeProvider.System.GetElapsedTime(deadline) < Eventually.Patience, "the new certificate is not presented");
            after = await PresentedAsync(group["a"], app);
        }

        Assert.NotEqual(before, after);
        group.Links("c", link => link.Cut());
        group.Links("c", link => link.Heal());
        await Eventually.HoldsAsync(() => group["c"].GetStatus().Warnings.Any(warning => warning.Contains("authority", StringComparison.Ordinal)), "c says why it is refused");
        next.Write(Path.Combine(_certificates, "c"), $"matchpoint://{GroupName}/node/c");
        await group.SettledAsync();
        await group.Primary.Default.PutAsync("k", "v", cancellation: Cancellation);
        await group.AgreedAsync();
    }

    [Fact]
    public async Task Beyond_loopback_a_node_opens_with_certificates_or_when_insecurity_is_asked_for()
    {
        var port = LoopbackPorts.Take(1)[0];
        var options = new MatchpointOptions { Directory = Path.Combine(_certificates, "data"), Listen = $"0.0.0.0:{port}" };
        var refused = await Assert.ThrowsAsync<OptionsException>(() => MatchpointNode.OpenAsync(options, Cancellation));
        Assert.Contains($"Listen is \"0.0.0.0:{port}\", and connections beyond this machine would not be secured", refused.Message, StringComparison.Ordinal);
        Assert.Contains("AllowInsecure = true", refused.Message, StringComparison.Ordinal);
        var members = options with { Listen = "127.0.0.1:0", Name = "a", Members = [new("a", "127.0.0.1:1"), new("b", "node2:7000")] };
        refused = await Assert.ThrowsAsync<OptionsException>(() => MatchpointNode.OpenAsync(members, Cancellation));
        Assert.Contains("Members[1].Address is \"node2:7000\"", Assert.Single(refused.Failures), StringComparison.Ordinal);

        await using (var insecure = await MatchpointNode.OpenAsync(options with { Security = new SecurityOptions { AllowInsecure = true } }, Cancellation))
            Assert.Contains("connections are not secured, as was asked for", Assert.Single(insecure.GetStatus().Warnings), StringComparison.Ordinal);

        refused = await Assert.ThrowsAsync<OptionsException>(() => MatchpointNode.OpenAsync(options with { Security = new SecurityOptions() }, Cancellation));
        Assert.Contains("Security: CertificateFile is null", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<OptionsException>(() => MatchpointNode.OpenAsync(Secured(options with { Name = "a" }) with { Name = "z" }, Cancellation));
        Assert.Contains("the certificate is for matchpoint://matchpoint/node/a; expected one for matchpoint://matchpoint/node/z", refused.Message, StringComparison.Ordinal);

        using var given = _authority.Issue($"matchpoint://{GroupName}/node/node");
        await using var secured = await MatchpointNode.OpenAsync(
            options with { Security = new SecurityOptions { Certificate = given, Authorities = [_authority.Certificate], Password = "secret" } }, Cancellation);
        Assert.Empty(secured.GetStatus().Warnings);
        Assert.NotEmpty(await PresentedAsync(secured, Security("client/app")));
        Assert.DoesNotContain("secret", $"{secured.Options}", StringComparison.Ordinal);
    }

    private MatchpointOptions Secured(MatchpointOptions options)
    {
        var directory = Path.Combine(_certificates, options.Name);
        if (!Directory.Exists(directory)) _authority.Write(directory, $"matchpoint://{GroupName}/node/{options.Name}");
        return options with { Security = SecurityOptions.FromDirectory(directory) };
    }

    private TlsSecurity Security(string who) => _authority.Security($"matchpoint://{GroupName}/{who}");

    /// <summary>The hash of the certificate that a node presents; empty when the two do not come together.</summary>
    private static async Task<string> PresentedAsync(MatchpointNode node, TlsSecurity security)
    {
        var endpoint = Endpoint.Parse(node.Address!);
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        await socket.ConnectAsync(endpoint.Host is "0.0.0.0" ? "127.0.0.1" : endpoint.Host, endpoint.Port, Cancellation);
        var secured = await security.ConnectAsync(socket, endpoint, member: null, Cancellation);
        await using var stream = (System.Net.Security.SslStream)secured.Stream;
        return secured.Refusal is null ? stream.RemoteCertificate!.GetCertHashString() : "";
    }

    private static async Task<Channel> OpenAsync(MatchpointNode node, TlsSecurity security, string service)
    {
        var channel = await TcpChannels.ConnectAsync(Endpoint.Parse(node.Address!), Eventually.Patience, TimeProvider.System, Cancellation, security, node.Options.Name);
        channel.OpenService(service);
        await channel.FlushAsync(Eventually.Patience, Cancellation);
        return channel;
    }

    private static async Task MustBeRefusedAsync(Channel channel, string reason)
    {
        var closed = await Assert.ThrowsAsync<ChannelClosedException>(() => channel.ReceiveAsync(Eventually.Patience, Cancellation).AsTask());
        Assert.Equal((GoodbyeCode.Refused, true), (closed.Goodbye!.Value.Code, closed.Goodbye.Value.Reason.Contains(reason, StringComparison.Ordinal)));
    }
}
