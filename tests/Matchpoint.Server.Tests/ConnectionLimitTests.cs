using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Matchpoint.Server.Hosting;
using Matchpoint.Tests.Node;

namespace Matchpoint.Server.Tests;

/// <summary>Connections to the HTTP port that say nothing, say it slowly, or say something else: they end, and others are served meanwhile.</summary>
public sealed class ConnectionLimitTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_whose_headers_never_end_is_told_so_and_others_are_served_meanwhile()
    {
        await using var group = await ServedGroup.StartAsync(size: 1);
        using var slow = await ConnectAsync(group);
        await using var stream = slow.GetStream();
        await stream.WriteAsync("GET /health/live HTTP/1.1\r\nHost: localhost\r\nSlow: "u8.ToArray(), Cancellation);
        Assert.Equal(HttpStatusCode.OK, await LiveAsync(group));
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var answer = await reader.ReadToEndAsync(Cancellation).WaitAsync(Eventually.Patience, Cancellation);
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TLS_to_a_server_without_it_fails_at_once()
    {
        await using var group = await ServedGroup.StartAsync(size: 1);
        using var client = await ConnectAsync(group);
        await using var tls = new SslStream(client.GetStream());
        var handshake = tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost" }, Cancellation);
        var refused = await Record.ExceptionAsync(() => handshake.WaitAsync(Eventually.Patience, Cancellation));
        Assert.True(refused is IOException or System.Security.Authentication.AuthenticationException, $"{refused}");
        Assert.Equal(HttpStatusCode.OK, await LiveAsync(group));
    }

    [Fact]
    public async Task Idle_connections_are_bounded_and_whoever_is_connected_is_served()
    {
        await using var group = await ServedGroup.StartAsync(size: 1);
        Assert.Equal(HttpStatusCode.OK, await LiveAsync(group)); // It keeps its connection.
        var idle = new List<TcpClient>();
        try
        {
            for (var i = 0; i < MatchpointHost.MaxConnections + 100; i++) idle.Add(await ConnectAsync(group));
            await Eventually.HoldsAsync(() => idle.Count(IsClosed) >= 100, "those beyond the limit closed");
            Assert.Equal(HttpStatusCode.OK, await LiveAsync(group));
        }
        finally
        {
            foreach (var client in idle) client.Dispose();
        }
    }

    private static bool IsClosed(TcpClient client) => client.Client.Poll(0, SelectMode.SelectRead) && client.Client.Available == 0;

    private static async Task<HttpStatusCode> LiveAsync(ServedGroup group)
    {
        using var answer = await group.Client.GetAsync(group.At("a", "health/live"), Cancellation);
        return answer.StatusCode;
    }

    private static async Task<TcpClient> ConnectAsync(ServedGroup group)
    {
        var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", new Uri(group.UrlOf("a")).Port, Cancellation);
        return client;
    }
}
