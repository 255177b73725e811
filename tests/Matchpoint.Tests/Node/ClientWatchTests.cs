using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>What a client that watches hears when there is nothing to watch, or more than fits.</summary>
public sealed class ClientWatchTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-watch-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_watch_that_fails_says_why_and_the_connection_goes_on()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        await node.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        await using var client = new RawClient(node);
        var answer = await client.AskAsync("""{"op":"watch","token":"9.1"}""");
        Assert.NotNull(answer.Error);
        Assert.Contains("9.1", answer.Error.Message, StringComparison.Ordinal);
        Assert.Equal("v", Text((await client.AskAsync("""{"op":"get","key":"aw=="}""")).Value));
    }

    [Fact]
    public async Task A_transaction_that_no_frame_holds_comes_in_parts()
    {
        const int values = 3;
        var value = Filling.Value(1, 16 * 1024 * 1024); // Three of them are 64 MiB in base64, and a frame has no room for anything else.
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        await node.TransactAsync(
            transaction =>
            {
                for (var i = 0; i < values; i++) transaction.Put(Utf8($"k{i}"), value);
            },
            cancellation: Cancellation);
        await node.Default.PutAsync(Utf8("small"), Utf8("v"), cancellation: Cancellation);
        await using var client = new RawClient(node);
        var keys = new List<string>();
        var answer = await client.AskAsync("""{"op":"watch","token":"0.0"}""");
        var token = answer.Changes?.Token;
        while (true)
        {
            Assert.Null(answer.Error);
            Assert.False(answer.IsLast);
            Assert.Equal(token, answer.Changes!.Token);
            foreach (var operation in answer.Changes.Operations)
            {
                keys.Add(Text(operation.Key)!);
                Assert.True(value.AsSpan().SequenceEqual(operation.Value), keys[^1]);
            }

            if (answer.Changes.IsWhole) break;
            answer = await client.NextAsync();
        }

        Assert.Equal(["k0", "k1", "k2"], keys);
        var next = (await client.NextAsync()).Changes!;
        Assert.True(next.IsWhole);
        Assert.Equal("small", Text(Assert.Single(next.Operations).Key));
    }
}
