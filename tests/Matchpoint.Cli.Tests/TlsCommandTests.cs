using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Tests;

/// <summary>Certificates from the tool, and the tool over TLS, as the documentation says it.</summary>
public sealed class TlsCommandTests : IAsyncDisposable
{
    private readonly Workplace _work = new();
    private readonly List<Process> _nodes = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            if (!node.HasExited) node.Kill(entireProcessTree: true);
            await node.WaitForExitAsync();
            node.Dispose();
        }

        _work.Dispose();
    }

    [Fact]
    public async Task A_first_group_with_certificates_takes_a_write_from_a_client_and_from_nobody_else()
    {
        var certs = _work.At("certs");
        string[] names = ["a", "b", "c"];
        var ports = LoopbackPorts.Take(3);
        var members = names.Zip(ports, (name, port) => $"{name}=127.0.0.1:{port}").ToList();
        var made = await Tool.RunAsync(["certs", "init", certs, "--group", "shop", "--client", "app", .. members.SelectMany(member => new[] { "--node", member })]);
        Assert.Equal((0, ""), (made.ExitCode, made.Errors));
        Assert.Contains("Keep it offline", made.Output, StringComparison.Ordinal);
        var group = members.SelectMany(member => new[] { "--member", member }).ToList();
        foreach (var name in names)
            _nodes.Add(StartNode(["serve", "--data", _work.At(name), "--group", "shop", "--name", name, "--certs", Path.Combine(certs, name), "--election-timeout", $"{Tool.LongElection}", .. group]));

        var connect = string.Join(',', ports.Select(port => $"127.0.0.1:{port}"));
        var client = Path.Combine(certs, "client-app");
        var put = await Tool.RunAsync("put", "greeting", "hello", "--connect", connect, "--certs", client, "--timeout", "50");
        Assert.Equal((0, ""), (put.ExitCode, put.Errors));
        Assert.Equal("hello\n", (await Tool.RunAsync("get", "greeting", "--level", "linearizable", "--connect", connect, "--certs", client)).Output);
        using (var json = await Tool.AllAnswerAsync("--connect", $"127.0.0.1:{ports[0]}", "--certs", client)) Assert.Equal(3, json.RootElement.GetArrayLength());

        var plain = await Tool.RunAsync("put", "greeting", "plain", "--connect", $"127.0.0.1:{ports[0]}");
        Assert.Equal((3, true), (plain.ExitCode, plain.Errors.Contains("TLS is spoken here", StringComparison.Ordinal)));
        Assert.Equal(0, (await Tool.RunAsync("certs", "init", _work.At("other"), "--group", "shop", "--client", "app")).ExitCode);
        var stranger = await Tool.RunAsync("get", "greeting", "--connect", $"127.0.0.1:{ports[0]}", "--certs", Path.Combine(_work.At("other"), "client-app"));
        Assert.Equal((3, true), (stranger.ExitCode, stranger.Errors.Contains("no authority known to the other side vouches", StringComparison.Ordinal)));
        Assert.Equal(0, (await Tool.RunAsync("certs", "renew", certs)).ExitCode);
        Assert.Equal("hello\n", (await Tool.RunAsync("get", "greeting", "--connect", connect, "--certs", client)).Output);
    }

    [Fact]
    public async Task Keys_are_for_their_owner_only_and_what_is_there_is_not_replaced_by_accident()
    {
        var certs = _work.At("certs");
        Assert.Equal(0, (await Tool.RunAsync("certs", "init", certs, "--group", "Shop", "--node", "a=10.0.0.1:7001,node1.example")).ExitCode);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(0, (await Tool.RunAsync("certs", "add", certs, "--client", "browser")).ExitCode);
            foreach (var key in new[] { Path.Combine(certs, "ca.key"), Path.Combine(certs, "a", "node.key"), Path.Combine(certs, "client-browser", "client.pfx") })
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
        }

        Assert.Equal(3, (await Tool.RunAsync("certs", "init", certs, "--group", "Shop", "--node", "a")).ExitCode);
        Assert.Equal(3, (await Tool.RunAsync("certs", "add", certs, "--node", "a")).ExitCode);
        Assert.Equal(0, (await Tool.RunAsync("certs", "add", certs, "--client", "me", "--days", "7")).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("certs", "add", certs, "--node", "../a")).ExitCode);
        Assert.Equal(2, (await Tool.RunAsync("certs", "renew", certs, "--node", "nobody")).ExitCode);

        var before = await File.ReadAllTextAsync(Path.Combine(certs, "a", "node.pem"), TestContext.Current.CancellationToken);
        Assert.Equal(0, (await Tool.RunAsync("certs", "renew", certs, "--node", "a", "--days", "90")).ExitCode);
        Assert.NotEqual(before, await File.ReadAllTextAsync(Path.Combine(certs, "a", "node.pem"), TestContext.Current.CancellationToken));
        var shown = await Tool.RunAsync("certs", "show", Path.Combine(certs, "a", "node.pem"), Path.Combine(certs, "client-me", "client.pem"), "--json");
        using var json = JsonDocument.Parse(shown.Output);
        var (node, client) = (json.RootElement[0], json.RootElement[1]);
        Assert.Equal(("matchpoint://Shop/node/a", 89), (node.GetProperty("who").GetString(), node.GetProperty("daysLeft").GetInt32()));
        Assert.Equal(["10.0.0.1", "node1.example"], node.GetProperty("hosts").EnumerateArray().Select(host => host.GetString()));
        Assert.Equal(["TLS clients"], client.GetProperty("usages").EnumerateArray().Select(usage => usage.GetString()));
        Assert.Equal(2, (await Tool.RunAsync("certs", "show", Path.Combine(certs, "none.pem"))).ExitCode);
    }

    [Fact]
    public async Task Beyond_this_machine_nothing_goes_unsecured_unasked()
    {
        var serve = await Tool.RunAsync("serve", "--data", _work.At("x"), "--listen", "0.0.0.0:0");
        Assert.Equal((2, true), (serve.ExitCode, serve.Errors.Contains("--insecure", StringComparison.Ordinal)));
        var feed = await Tool.RunAsync("syncup", "feed", "--data", _work.At("x"), "--listen", "0.0.0.0:0");
        Assert.Equal((2, true), (feed.ExitCode, feed.Errors.Contains("--insecure", StringComparison.Ordinal)));
        var both = await Tool.RunAsync("get", "k", "--connect", "127.0.0.1:1", "--certs", _work.Path, "--insecure");
        Assert.Equal((2, true), (both.ExitCode, both.Errors.Contains("one or the other", StringComparison.Ordinal)));
        await File.WriteAllTextAsync(_work.At("node.json"), """{ "data": "x", "certs": "a", "insecure": true }""", TestContext.Current.CancellationToken);
        Assert.Equal(2, (await Tool.RunAsync("serve", "--config", _work.At("node.json"))).ExitCode);
    }

    [Fact]
    public async Task The_server_beside_a_node_speaks_TLS_with_the_nodes_certificate_and_knows_clients_by_theirs()
    {
        var certs = _work.At("certs");
        Assert.Equal(0, (await Tool.RunAsync("certs", "init", certs, "--group", "shop", "--node", "a=127.0.0.1", "--client", "admin")).ExitCode);
        var ports = LoopbackPorts.Take(2);
        _nodes.Add(StartNode(["serve", "--data", _work.At("a"), "--group", "shop", "--name", "a", "--certs", Path.Combine(certs, "a"),
            "--member", $"a=127.0.0.1:{ports[0]}", "--http", $"127.0.0.1:{ports[1]}"]));
        using var admin = HttpsClient(Path.Combine(certs, "ca.pem"), Path.Combine(certs, "client-admin", "client.pfx"));
        using var nobody = HttpsClient(Path.Combine(certs, "ca.pem"), pfx: null);
        var url = new Uri($"https://127.0.0.1:{ports[1]}/api/caller");
        Assert.Contains("client admin", await AnswerAsync(admin, url), StringComparison.Ordinal);
        using var refused = await nobody.GetAsync(url, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    [Fact]
    public async Task Beyond_this_machine_HTTP_is_not_served_unsecured_unasked()
    {
        await File.WriteAllTextAsync(_work.At("token"), "a-token-that-nobody-guesses", TestContext.Current.CancellationToken);
        var serve = await Tool.RunAsync("serve", "--data", _work.At("x"), "--http", "0.0.0.0:0", "--http-token-file", _work.At("token"));
        Assert.Equal((2, true), (serve.ExitCode, serve.Errors.Contains("--http-insecure", StringComparison.Ordinal)));
        Assert.False(Directory.Exists(_work.At("x")));
        await File.WriteAllTextAsync(_work.At("node.json"), """{ "data": "x", "http": { "listen": "127.0.0.1:0", "keyFile": "a" } }""", TestContext.Current.CancellationToken);
        serve = await Tool.RunAsync("serve", "--config", _work.At("node.json"));
        Assert.Equal((2, true), (serve.ExitCode, serve.Errors.Contains("certificateFile", StringComparison.Ordinal)));
    }

    private static HttpClient HttpsClient(string authority, string? pfx)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(authority);
        var options = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        if (pfx is not null)
            options.ClientCertificateContext = SslStreamCertificateContext.Create(X509CertificateLoader.LoadPkcs12FromFile(pfx, password: null), additionalCertificates: null, offline: true);
        return new HttpClient(new SocketsHttpHandler { SslOptions = options });
    }

    /// <summary>The answer of a server that may still be starting.</summary>
    private static async Task<string> AnswerAsync(HttpClient client, Uri url)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return await client.GetStringAsync(url, TestContext.Current.CancellationToken);
            }
            catch (HttpRequestException error) when (error.HttpRequestError == HttpRequestError.ConnectionError && TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(60))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, TestContext.Current.CancellationToken);
            }
        }
    }

    private static Process StartNode(string[] arguments)
    {
        var process = Tool.Start("dotnet", [Tool.Assembly, .. arguments]);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
