namespace Matchpoint.Transport.Tests;

/// <summary>HOST:PORT.</summary>
public sealed class EndpointTests
{
    [Theory]
    [InlineData("127.0.0.1:7000", "127.0.0.1", 7000)]
    [InlineData("node2:0", "node2", 0)]
    [InlineData("node-2.example.org:65535", "node-2.example.org", 65535)]
    [InlineData("[::1]:7000", "::1", 7000)]
    [InlineData("[fe80::1%3]:1", "fe80::1%3", 1)]
    public void An_endpoint_is_read_and_written_the_same(string text, string host, int port)
    {
        var endpoint = Endpoint.Parse(text);
        Assert.Equal((host, port), (endpoint.Host, endpoint.Port));
        Assert.Equal(text, endpoint.ToString());
    }

    [Theory]
    [InlineData("", "there is no port")]
    [InlineData("node2", "there is no port")]
    [InlineData("[::1]", "there is no port")]
    [InlineData(":7000", "there is no host")]
    [InlineData("node2:", "the port \"\"")]
    [InlineData("node2:x", "the port \"x\"")]
    [InlineData("node2:-1", "the port \"-1\"")]
    [InlineData("node2:65536", "the port \"65536\"")]
    [InlineData("node2:99999999999", "the port \"99999999999\"")]
    [InlineData("node2: 1", "the port \" 1\"")]
    [InlineData("::1:7000", "stands in brackets")]
    [InlineData("[127.0.0.1]:7000", "not an IPv6 address")]
    [InlineData("[node2]:7000", "not an IPv6 address")]
    [InlineData("no de:7000", "neither a host name nor an address")]
    [InlineData("http://node2:7000", "stands in brackets")]
    [InlineData("a/b:7000", "neither a host name nor an address")]
    public void What_is_none_is_refused_with_the_reason_and_an_example(string text, string reason)
    {
        var error = Assert.Throws<FormatException>(() => Endpoint.Parse(text));
        Assert.StartsWith($"\"{text}\": ", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:7000", error.Message, StringComparison.Ordinal);
    }
}
