using System.Diagnostics;
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
            _nodes.Add(StartNode(["serve", "--data", _work.At(name), "--group", "shop", "--name", name, "--certs", Path.Combine(certs, name), .. group]));

        var connect = string.Join(',', ports.Select(port => $"127.0.0.1:{port}"));
        var client = Path.Combine(certs, "client-app");
        var put = await Tool.RunAsync("put", "greeting", "hello", "--connect", connect, "--certs", client, "--timeout", "50");
        Assert.Equal((0, ""), (put.ExitCode, put.Errors));
        Assert.Equal("hello\n", (await Tool.RunAsync("get", "greeting", "--level", "linearizable", "--connect", connect, "--certs", client)).Output);
        var status = await Tool.RunAsync("status", "--all", "--json", "--connect", $"127.0.0.1:{ports[0]}", "--certs", client);
        using (var json = JsonDocument.Parse(status.Output)) Assert.Equal((0, 3), (status.ExitCode, json.RootElement.GetArrayLength()));

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
            foreach (var key in new[] { Path.Combine(certs, "ca.key"), Path.Combine(certs, "a", "node.key") })
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

    private static Process StartNode(string[] arguments)
    {
        var process = Tool.Start("dotnet", [Tool.Assembly, .. arguments]);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
