using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>What a client may write, and where.</summary>
public sealed class ClientOperationTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-operations-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("transact", """{"kind":"Put","databaseNumber":65535,"key":"bWVtYmVycw==","value":"AA=="}""", "database 65535")] // members
    [InlineData("transact", """{"kind":"Put","databaseNumber":65535,"key":"ZGF0YWJhc2Vz","value":"AQA="}""", "database 65535")] // databases
    [InlineData("transact", """{"kind":"Delete","databaseNumber":65535,"key":"bWVtYmVycw=="}""", "database 65535")]
    [InlineData("transact", """{"kind":"DeleteRange","databaseNumber":65534,"key":""}""", "database 65534")]
    [InlineData("transact", """{"kind":"Put","databaseNumber":65536,"key":"aw==","value":"AA=="}""", "database 65536")] // Not number 0.
    [InlineData("transact", """{"kind":"Put","databaseNumber":-2,"key":"aw==","value":"AA=="}""", "database -2")]
    [InlineData("transact", """{"kind":17,"key":"aw==","value":"AA=="}""", "kind 17")]
    [InlineData("reapply", """{"kind":"Put","databaseNumber":65535,"key":"bWVtYmVycw==","value":"AA=="}""", "database 65535")]
    [InlineData("reapply", """{"kind":"Put","databaseNumber":65535,"key":"ZGF0YWJhc2Vz","value":"AA=="}""", "database 65535")] // A number has two bytes.
    [InlineData("reapply", """{"kind":"Delete","databaseNumber":65535,"key":"ZGF0YWJhc2Vz"}""", "database 65535")]
    [InlineData("reapply", """{"kind":"DeleteRange","databaseNumber":65535,"key":""}""", "database 65535")]
    public async Task What_would_reach_where_no_user_writes_is_refused_and_the_node_opens_again(string op, string operation, string words)
    {
        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
        {
            await node.Database("orders").PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
            await using var client = new RawClient(node);
            var answer = await client.AskAsync($$"""{"op":"{{op}}","operations":[{{operation}}]}""");
            Assert.Equal("bad-request", answer.Error?.Kind);
            Assert.Contains(words, answer.Error!.Message, StringComparison.Ordinal);
        }

        await using var again = await MatchpointNode.OpenAsync(_directory, Cancellation);
        Assert.Equal("v", Text(await again.Database("orders").GetAsync(Utf8("k"), cancellation: Cancellation)));
        Assert.Null(await again.Default.GetAsync(Utf8("k"), cancellation: Cancellation));
    }

    [Fact]
    public async Task Where_no_number_is_given_the_name_counts()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        await using var client = new RawClient(node);
        Assert.Null((await client.AskAsync("""{"op":"transact","operations":[{"kind":"Put","database":"orders","key":"aw==","value":"dg=="}]}""")).Error);
        Assert.Equal("v", Text(await node.Database("orders").GetAsync(Utf8("k"), cancellation: Cancellation)));
        Assert.Null(await node.Default.GetAsync(Utf8("k"), cancellation: Cancellation));
    }

    [Fact]
    public async Task A_number_that_no_database_has_yet_is_refused()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        await using var client = new RawClient(node);
        var answer = await client.AskAsync("""{"op":"transact","operations":[{"kind":"Put","databaseNumber":1,"key":"aw==","value":"dg=="}]}""");
        Assert.Equal("bad-request", answer.Error?.Kind);
        Assert.Contains("database 1", answer.Error!.Message, StringComparison.Ordinal);

        // The one that gets the number has nothing of it, and is reached by the number then; one that the same transaction makes is too.
        await node.Database("orders").PutAsync(Utf8("first"), Utf8("v"), cancellation: Cancellation);
        Assert.Null(await node.Database("orders").GetAsync(Utf8("k"), cancellation: Cancellation));
        Assert.Null((await client.AskAsync(
            """
            {"op":"transact","operations":[
            {"kind":"Put","databaseNumber":1,"key":"aw==","value":"dg=="},
            {"kind":"Put","database":"more","key":"aw==","value":"dg=="},
            {"kind":"Put","databaseNumber":2,"key":"bA==","value":"dg=="}]}
            """)).Error);
        Assert.Equal("v", Text(await node.Database("orders").GetAsync(Utf8("k"), cancellation: Cancellation)));
        Assert.Equal("v", Text(await node.Database("more").GetAsync(Utf8("l"), cancellation: Cancellation)));
    }

    [Fact]
    public async Task An_operation_without_a_kind_is_none()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        var before = node.GetStatus().Last;
        await using var client = new RawClient(node);
        var closed = await Assert.ThrowsAsync<Transport.ChannelClosedException>(() => client.AskAsync("""{"op":"transact","operations":[{"key":"aw==","value":"dg=="}]}"""));
        Assert.Contains("kind", closed.Message, StringComparison.Ordinal);
        Assert.Equal(before, node.GetStatus().Last);
    }

    [Fact]
    public async Task What_made_a_database_is_written_once_more()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        await using var client = new RawClient(node);
        // As an undone transaction stands in its export: databases, database/new, and a key in it.
        var answer = await client.AskAsync(
            """
            {"op":"reapply","operations":[
            {"kind":"Put","databaseNumber":65535,"key":"ZGF0YWJhc2Vz","value":"AQA="},
            {"kind":"Put","databaseNumber":65535,"key":"ZGF0YWJhc2UvbmV3","value":"AQA="},
            {"kind":"Put","databaseNumber":1,"key":"aw==","value":"dg=="}]}
            """);
        Assert.Null(answer.Error);
        Assert.True(answer.Found);
        Assert.Equal("v", Text(await node.Database("new").GetAsync(Utf8("k"), cancellation: Cancellation)));
    }
}
