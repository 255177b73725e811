using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Matchpoint.Server.Access;
using Matchpoint.Server.Hosting;
using Matchpoint.Transport;
using Matchpoint.Transport.Tests;

namespace Matchpoint.Server.Tests;

/// <summary>A node by itself with certificates, and a server beside it that speaks TLS with them.</summary>
internal sealed class SecuredServer : IAsyncDisposable
{
    private const string Self = "matchpoint://shop/node/a";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("matchpoint-https-");
    private MatchpointHost? _host;

    /// <summary>Who issues the group's certificates.</summary>
    public TestAuthority Authority { get; } = new();

    /// <summary>The node.</summary>
    public MatchpointNode Node { get; private set; } = null!;

    /// <summary>Where the server is.</summary>
    public Uri Url => new(_host!.Url + "/");

    private string Certificates => Path.Combine(_directory.FullName, "certs");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Starts one.</summary>
    public static async Task<SecuredServer> StartAsync(MatchpointServerOptions? options = null, IPAddress? host = null)
    {
        var server = new SecuredServer();
        server.Renew(host: host);
        var data = Path.Combine(server._directory.FullName, "data");
        var security = SecurityOptions.FromDirectory(server.Certificates);
        server.Node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = data, Group = "shop", Name = "a", Security = security }, Cancellation);
        var endpoint = new Endpoint("127.0.0.1", 0);
        var given = options ?? new MatchpointServerOptions();
        server._host = await MatchpointHost.StartAsync(server.Node, endpoint, HttpSecurity.Of(endpoint, own: null, server.Node.Options, given), given, Cancellation);
        return server;
    }

    /// <summary>Writes the next certificate over the one that is there.</summary>
    public void Renew(TimeSpan? to = null, IPAddress? host = null) => Authority.Write(Certificates, Self, to, host ?? IPAddress.Loopback);

    /// <summary>Writes over the key what is none.</summary>
    public Task SpoilKeyAsync() => File.WriteAllTextAsync(Path.Combine(Certificates, "node.key"), "no key", Cancellation);

    /// <summary>A client that believes the group's authority, or another, and presents a certificate or none.</summary>
    public HttpClient Client(X509Certificate2? certificate = null, TestAuthority? believes = null)
    {
        var options = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                CustomTrustStore = { (believes ?? Authority).Certificate },
            },
        };
        if (certificate is not null) options.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
        return new HttpClient(new SocketsHttpHandler { SslOptions = options, AllowAutoRedirect = false }) { BaseAddress = Url, DefaultRequestVersion = HttpVersion.Version20 };
    }

    /// <summary>Asks with a certificate or none, and a token or none.</summary>
    public async Task<HttpResponseMessage> AskAsync(string path, X509Certificate2? certificate, string? token = null)
    {
        using var client = Client(certificate);
        if (token is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return await client.GetAsync(path, Cancellation);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_host is not null) await _host.DisposeAsync();
        await Node.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
