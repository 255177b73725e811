using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Matchpoint.Server.Access;
using Matchpoint.Tests.Node;
using Matchpoint.Transport;
using Matchpoint.Transport.Tests;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Server.Tests;

/// <summary>A server over TLS, and clients that are known by their certificates.</summary>
public class HttpsTests
{
    private const string Admin = "matchpoint://shop/client/admin";
    private const string Token = "a-token-that-nobody-guesses";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Admin, "client admin")]
    [InlineData("matchpoint://shop/node/b", "node b")]
    public async Task A_certificate_of_the_group_opens_everything_without_a_token_and_says_who_it_is(string uri, string name)
    {
        await using var server = await SecuredServer.StartAsync();
        using var client = server.Client(server.Authority.Issue(uri));
        using var put = await client.PutAsync("api/databases/default/keys/k", new StringContent("v"), Cancellation);
        Assert.Equal((HttpStatusCode.NoContent, HttpVersion.Version20), (put.StatusCode, put.Version));
        Assert.Equal("v", await client.GetStringAsync("api/databases/default/keys/k", Cancellation));
        using var caller = JsonDocument.Parse(await client.GetStringAsync("api/caller", Cancellation));
        Assert.Equal(("Certificate", name, uri), (Text(caller, "proof"), Text(caller, "name"), Text(caller, "identity")));
    }

    [Theory]
    [InlineData("none", "no certificate was presented")]
    [InlineData("expired", "expired at")]
    [InlineData("early", "is not valid before")]
    [InlineData("stranger", "no authority known to the other side vouches")]
    [InlineData("group", "is of another group")]
    [InlineData("nobody", "is for no node and no client")]
    [InlineData("usage", "may not be used for TLS on this side")]
    public async Task Whoever_has_no_certificate_that_is_believed_is_told_why_and_nothing_else(string kind, string reason)
    {
        await using var server = await SecuredServer.StartAsync();
        foreach (var path in new[] { "api/status", "api/databases/default/keys", "metrics" })
        {
            using var answer = await server.AskAsync(path, Bad(server.Authority, kind));
            var problem = await DataTests.ProblemAsync(answer, HttpStatusCode.Forbidden, "certificate");
            Assert.Contains(reason, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }

        using (var health = await server.AskAsync("health/live", Bad(server.Authority, kind))) Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        // Who presents nothing may have a token; who presents what is not believed is worth a warning.
        Assert.Equal(kind == "none" ? 0 : 1, server.Node.GetStatus().Warnings.Count(warning => warning.Contains(reason, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Where_there_is_a_token_either_it_or_a_certificate_lets_in()
    {
        await using var server = await SecuredServer.StartAsync(new MatchpointServerOptions { BearerToken = Token });
        using (var answer = await server.AskAsync("api/caller", null, Token))
            Assert.Contains("somebody with the token", await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        using (var answer = await server.AskAsync("api/caller", server.Authority.Issue(Admin))) Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using (var answer = await server.AskAsync("api/caller", Bad(server.Authority, "expired"), Token)) Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using (var answer = await server.AskAsync("api/caller", null)) await DataTests.ProblemAsync(answer, HttpStatusCode.Unauthorized, "unauthorized");
        using var both = await server.AskAsync("api/caller", Bad(server.Authority, "expired"), "wrong");
        var problem = await DataTests.ProblemAsync(both, HttpStatusCode.Unauthorized, "unauthorized");
        Assert.Matches("The token is not this server's. The certificate: .* expired at", problem.GetProperty("detail").GetString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)] // It began, and goes no further.
    public async Task A_handshake_that_dawdles_is_ended_and_others_are_served_meanwhile(int bytes)
    {
        await using var server = await SecuredServer.StartAsync();
        using var slow = new TcpClient();
        await slow.ConnectAsync(server.Url.Host, server.Url.Port, Cancellation);
        await using var stream = slow.GetStream();
        await stream.WriteAsync(new byte[] { 0x16, 0x03, 0x01 }.AsMemory(0, bytes), Cancellation);
        using (var answer = await server.AskAsync("health/live", null)) Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var ended = await Record.ExceptionAsync(async () => Assert.Equal(0, await stream.ReadAsync(new byte[16], Cancellation).AsTask().WaitAsync(Eventually.Patience, Cancellation)));
        Assert.True(ended is null or IOException, $"{ended}"); // Closed, or reset.
    }

    [Fact]
    public async Task Whoever_begins_without_TLS_is_told_so_in_plain_HTTP_and_its_request_is_not_read()
    {
        await using var server = await SecuredServer.StartAsync(new MatchpointServerOptions { AllowInsecure = false });
        using var client = new TcpClient();
        await client.ConnectAsync(server.Url.Host, server.Url.Port, Cancellation);
        await using var stream = client.GetStream();
        await stream.WriteAsync("PUT /api/databases/default/keys/k HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nv"u8.ToArray(), Cancellation);
        client.Client.Shutdown(SocketShutdown.Send);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var answer = await reader.ReadToEndAsync(Cancellation);
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        using var problem = JsonDocument.Parse(answer[answer.IndexOf('{', StringComparison.Ordinal)..]);
        Assert.Equal(("tls-needed", "https://"), (Text(problem, "code"), Text(problem, "expected")));
        Assert.Null(await server.Node.Default.GetTextAsync("k", cancellation: Cancellation));
        Assert.Contains(server.Node.GetStatus().Warnings, warning => warning.Contains("the connection began without it", StringComparison.Ordinal));
        using var plain = new HttpClient();
        using var other = await plain.GetAsync(new UriBuilder(server.Url) { Scheme = "http", Path = "api/status" }.Uri, Cancellation);
        await DataTests.ProblemAsync(other, HttpStatusCode.BadRequest, "tls-needed");
    }

    [Fact]
    public async Task A_client_that_looks_does_not_speak_to_a_server_of_another_authority_or_another_name()
    {
        await using var server = await SecuredServer.StartAsync(host: IPAddress.Parse("10.0.0.1"));
        using var named = server.Client();
        var error = await Assert.ThrowsAsync<HttpRequestException>(() => named.GetAsync("api/status", Cancellation));
        Assert.Contains("RemoteCertificateNameMismatch", Assert.IsType<AuthenticationException>(error.InnerException).Message, StringComparison.Ordinal);
        using var strange = server.Client(believes: new TestAuthority("another"));
        error = await Assert.ThrowsAsync<HttpRequestException>(() => strange.GetAsync("api/status", Cancellation));
        Assert.Contains("RemoteCertificateChainErrors", Assert.IsType<AuthenticationException>(error.InnerException).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_renewed_certificate_is_taken_up_while_the_server_runs_and_one_that_cannot_be_used_is_not()
    {
        await using var server = await SecuredServer.StartAsync();
        var first = await PresentedAsync(server);
        server.Renew();
        await Eventually.HoldsAsync(async () => await PresentedAsync(server) != first, "the renewed certificate");
        var second = await PresentedAsync(server);
        await server.SpoilKeyAsync();
        await Eventually.HoldsAsync(() => server.Node.GetStatus().Warnings.Any(warning => warning.Contains("were renewed and cannot be used", StringComparison.Ordinal)), "a warning");
        Assert.Equal(second, await PresentedAsync(server));
    }

    [Theory]
    [InlineData("127.0.0.1", false, false, false, null)]
    [InlineData("0.0.0.0", false, false, false, "--http-insecure")]
    [InlineData("10.0.0.1", false, true, false, "--http-certs DIR")]
    [InlineData("10.0.0.1", true, false, false, null)]
    [InlineData("10.0.0.1", true, true, false, null)]
    public void Beyond_this_machine_nothing_goes_unsecured_unasked(string host, bool hasCertificates, bool hasToken, bool isInsecure, string? refusal)
    {
        var server = new MatchpointServerOptions { BearerToken = hasToken ? Token : null, AllowInsecure = isInsecure };
        if (refusal is null)
        {
            var security = HttpSecurity.Of(new Endpoint(host, 1), own: null, NodeOptions(hasCertificates), server);
            Assert.Equal(hasCertificates, security.IsSecured);
            Assert.Empty(security.Warnings);
            return;
        }

        var error = Assert.Throws<OptionsException>(() => HttpSecurity.Of(new Endpoint(host, 1), own: null, NodeOptions(hasCertificates), server));
        Assert.Contains(refusal, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.0.1", false, "is open to everybody")]
    [InlineData("10.0.0.1", true, "is not secured")]
    [InlineData("127.0.0.1", false, "is open to everybody")]
    [InlineData("127.0.0.1", true, null)]
    public void Insecurity_that_was_asked_for_is_a_warning(string host, bool hasToken, string? warning)
    {
        var server = new MatchpointServerOptions { BearerToken = hasToken ? Token : null, AllowInsecure = true };
        var security = HttpSecurity.Of(new Endpoint(host, 1), own: null, NodeOptions(hasCertificates: true), server);
        Assert.False(security.IsSecured);
        if (warning is null) Assert.Empty(security.Warnings);
        else Assert.Contains(warning, Assert.Single(security.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_of_its_own_need_not_be_the_groups_but_must_be_one_for_servers()
    {
        var (authority, other) = (new TestAuthority(), new TestAuthority("of the web"));
        var nodes = new SecurityOptions { Certificate = authority.Issue("matchpoint://shop/node/a"), Authorities = [authority.Certificate] };
        var node = new MatchpointOptions { Directory = "x", Group = "shop", Name = "a", Security = nodes };
        var own = new SecurityOptions { Certificate = other.Issue(uri: null, to: TimeSpan.FromDays(3)) };
        var security = HttpSecurity.Of(new Endpoint("10.0.0.1", 1), own, node, new MatchpointServerOptions());
        Assert.True(security.IsSecured);
        Assert.Contains("HTTP: the certificate of", Assert.Single(security.Warnings), StringComparison.Ordinal);
        var wrong = new SecurityOptions { Certificate = other.Issue(uri: null, usages: [TlsCredentials.ClientUsage]) };
        var error = Assert.Throws<OptionsException>(() => HttpSecurity.Of(new Endpoint("10.0.0.1", 1), wrong, node, new MatchpointServerOptions()));
        Assert.Contains("may not be used for TLS by servers", error.Message, StringComparison.Ordinal);
        // Nobody would be asked for anything: no authority of clients is known, and there is no token.
        error = Assert.Throws<OptionsException>(() => HttpSecurity.Of(new Endpoint("10.0.0.1", 1), own, node with { Security = null }, new MatchpointServerOptions()));
        Assert.Contains("nothing would be asked", error.Message, StringComparison.Ordinal);
    }

    private static MatchpointOptions NodeOptions(bool hasCertificates)
    {
        var authority = new TestAuthority();
        var options = new MatchpointOptions { Directory = "x", Group = "shop", Name = "a" };
        return hasCertificates ? options with { Security = new SecurityOptions { Certificate = authority.Issue("matchpoint://shop/node/a"), Authorities = [authority.Certificate] } } : options;
    }

    private static X509Certificate2? Bad(TestAuthority authority, string kind) => kind switch
    {
        "none" => null,
        "expired" => authority.Issue(Admin, from: TimeSpan.FromDays(-2), to: TimeSpan.FromDays(-1)),
        "early" => authority.Issue(Admin, from: TimeSpan.FromDays(1)),
        "stranger" => new TestAuthority("another").Issue(Admin),
        "group" => authority.Issue("matchpoint://other/client/admin"),
        "nobody" => authority.Issue(uri: null),
        _ => authority.Issue(Admin, usages: [TlsCredentials.ServerUsage]),
    };

    private static async Task<string> PresentedAsync(SecuredServer server)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.Url.Host, server.Url.Port, Cancellation);
        await using var stream = new SslStream(client.GetStream());
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = server.Url.Host,
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    RevocationMode = X509RevocationMode.NoCheck,
                    CustomTrustStore = { server.Authority.Certificate },
                },
            },
            Cancellation);
        return stream.RemoteCertificate!.GetSerialNumberString();
    }

    private static string? Text(JsonDocument json, string name) => json.RootElement.GetProperty(name).GetString();
}
