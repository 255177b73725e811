using System.Net.Sockets;
using System.Text;

namespace Matchpoint.Server.Tests;

/// <summary>Addresses and headers that could be taken for others than they are.</summary>
public sealed class AddressTests : IAsyncLifetime
{
    private ServedGroup _group = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _group = await ServedGroup.StartAsync(size: 1);

    public ValueTask DisposeAsync() => _group.DisposeAsync();

    [Theory]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("a%252Fb", "a%2Fb")]
    [InlineData("%C3%A9", "é")]
    public async Task A_database_in_an_address_is_its_name_percent_encoded(string path, string database)
    {
        Assert.Equal(204, await AskAsync("PUT", $"/api/databases/{path}/keys/k", "v"));
        Assert.Equal("v", await _group.Nodes.Primary.Database(database).GetTextAsync("k", cancellation: Cancellation));
        using var scan = await _group.Client.GetAsync(_group.At("a", $"api/databases/{path}/keys"), Cancellation);
        Assert.Contains("\"key\":\"k\"", await scan.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    /// <summary>What takes such segments out, and when, differs: routing saw one database and key, the path as it was sent named others.</summary>
    [Theory]
    [InlineData("/api/databases/a/keys/x/../../../b/keys/k")]
    [InlineData("/api/databases/a/keys/.")]
    [InlineData("/api/databases/a/keys/x/%2e%2E/k")]
    [InlineData("/api/databases/a/keys/")]
    public async Task A_path_with_dots_or_without_a_key_is_refused(string target)
    {
        Assert.Equal(400, await AskAsync("PUT", target, "v"));
        Assert.Equal(1, _group.Nodes.Primary.GetStatus().Last); // The reign's first record: nothing was written.
    }

    [Fact]
    public async Task A_scan_over_a_path_with_dots_is_refused() => Assert.Equal(400, await AskAsync("GET", "/api/databases/a/keys/../../b/keys", ""));

    [Fact]
    public async Task The_empty_key_and_dots_are_written_in_base64url()
    {
        Assert.Equal(204, await AskAsync("PUT", "/api/databases/default/keys/?encoding=base64url", "empty"));
        Assert.Equal(204, await AskAsync("PUT", "/api/databases/default/keys/Lg?encoding=base64url", "dot"));
        Assert.Equal("empty", await _group.Nodes.Primary.Default.GetTextAsync("", cancellation: Cancellation));
        Assert.Equal("dot", await _group.Nodes.Primary.Default.GetTextAsync(".", cancellation: Cancellation));
    }

    [Theory]
    [InlineData("prefix=%FF", 400)]
    [InlineData("from=a%C3", 400)]
    [InlineData("to=%ED%A0%80", 400)]
    [InlineData("prefix=%EF%BF%BD", 200)] // U+FFFD itself.
    [InlineData("prefix=%C3%A9+a%20b", 200)]
    [InlineData("prefix=_w&encoding=base64url", 200)]
    public async Task A_bound_that_is_no_text_is_not_taken_for_another(string query, int status) =>
        Assert.Equal(status, await AskAsync("GET", $"/api/databases/default/keys?{query}", ""));

    [Theory]
    [InlineData("PUT", "If-Match")]
    [InlineData("PUT", "If-None-Match")]
    [InlineData("DELETE", "If-Match")]
    public async Task A_condition_that_says_nothing_is_not_taken_for_none(string method, string header)
    {
        Assert.Equal(204, await AskAsync("PUT", "/api/databases/default/keys/k", "somebody's"));
        Assert.Equal(400, await AskAsync(method, "/api/databases/default/keys/k", "mine", $"{header}:\r\n"));
        Assert.Equal("somebody's", await _group.Nodes.Primary.Default.GetTextAsync("k", cancellation: Cancellation));
    }

    /// <summary>By hand: every client would tidy up what is tried here.</summary>
    private async Task<int> AskAsync(string method, string target, string body, string headers = "")
    {
        var at = _group.At("a", "");
        using var client = new TcpClient();
        await client.ConnectAsync(at.Host, at.Port, Cancellation);
        var request = $"{method} {target} HTTP/1.1\r\nHost: {at.Authority}\r\nConnection: close\r\n{headers}Content-Length: {body.Length}\r\n\r\n{body}";
        await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(request), Cancellation);
        using var reader = new StreamReader(client.GetStream());
        var status = await reader.ReadLineAsync(Cancellation);
        return int.Parse(status!.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
