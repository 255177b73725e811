using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>What JSON can say, and no request means: it is refused in words, and the connection goes on.</summary>
public sealed class ClientRequestTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-requests-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("""{"op":"transact","operations":[null]}""", "operations")]
    [InlineData("""{"op":"transact","operations":[{"kind":"Put","value":"MQ=="}]}""", "operations")]
    [InlineData("""{"op":"transact","conditions":[null],"operations":[{"kind":"Put","key":"aw==","value":"MQ=="}]}""", "conditions")]
    [InlineData("""{"op":"transact","conditions":[{"expected":"MQ=="}]}""", "conditions")]
    [InlineData("""{"op":"transact","operations":[{"kind":"Put","key":"aw==","value":"MQ=="}],"acks":7}""", "acks")]
    [InlineData("""{"op":"reapply","operations":[null]}""", "operations")]
    [InlineData("""{"op":"reapply","since":-1,"operations":[{"kind":"Put","key":"aw==","value":"MQ=="}]}""", "since")]
    public async Task What_no_request_means_is_refused_and_nothing_is_written(string request, string words)
    {
        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
        {
            await node.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
            var before = node.GetStatus().Last;
            await using var client = new RawClient(node);
            var answer = await client.AskAsync(request);
            Assert.Equal("bad-request", answer.Error?.Kind);
            Assert.Contains(words, answer.Error!.Message, StringComparison.Ordinal);
            Assert.Equal(before, node.GetStatus().Last);
            Assert.NotNull((await client.AskAsync("""{"op":"status"}""")).Status);
        }

        await using var again = await MatchpointNode.OpenAsync(_directory, Cancellation);
        Assert.Equal("v", Text(await again.Default.GetAsync(Utf8("k"), cancellation: Cancellation)));
    }
}
