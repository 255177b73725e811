using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>How much the reader of changes holds at once.</summary>
public sealed class ChangeReaderTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-changes-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Large_transactions_are_read_one_after_another()
    {
        const int transactions = 60;
        const int values = 16;
        var parts = Matchpoint.Node.NodeParts.Real with { PieceBytes = 64 * 1024 };
        await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory }, parts, Cancellation);
        for (var number = 0; number < transactions; number++)
        {
            await node.TransactAsync(
                transaction =>
                {
                    for (var i = 0; i < values; i++) transaction.Put(Utf8($"{number}-{i}"), Filling.Value(i, 60_000));
                    return ValueTask.CompletedTask;
                },
                cancellation: Cancellation);
        }

        await Eventually.HoldsAsync(() => node.Core.State.Applied.Vlsn == node.Core.Progress.Durable, "what is durable applied");
        await using var sets = node.ChangesAsync(CommitToken.Beginning, Cancellation).GetAsyncEnumerator(Cancellation);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var first = sets.MoveNextAsync();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(first.IsCompletedSuccessfully, "What is durable is read at once, on the thread that asks.");
        Assert.True(await first);
        Assert.InRange(allocated, values * 60_000, 20 * 1024 * 1024);
        for (var number = 0; number < transactions; number++)
        {
            Assert.Equal(Enumerable.Range(0, values).Select(i => $"{number}-{i}"), sets.Current.Changes.Select(change => change.KeyText));
            if (number < transactions - 1) Assert.True(await sets.MoveNextAsync());
        }
    }
}
