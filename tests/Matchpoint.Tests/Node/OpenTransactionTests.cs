using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>Large transactions whose commit comes long after their first piece, while the log's head goes.</summary>
public sealed class OpenTransactionTests : IDisposable
{
    private const int PieceBytes = 4096;

    private static readonly NodeParts Parts = Filling.Parts(Filling.Small with { OpenBytes = 128 * 1024 }) with { PieceBytes = PieceBytes };

    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-open-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    // What is written meanwhile, in values of 1000 bytes; more than a transaction may be open over, and less.
    [InlineData(1000, false)]
    [InlineData(80, true)]
    public async Task What_was_trimmed_meanwhile_is_not_committed_and_what_is_committed_was_not_trimmed(int values, bool isCommitted)
    {
        var writer = new TransactionWriter(PieceBytes);
        for (var i = 0; i < 4; i++) writer.Put(Utf8($"piece{i}"), Filling.Value(i, 3000));
        await using (var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory }, Parts, Cancellation))
        {
            await Filling.WriteAsync(node, 0, 300, 1000);
            var (reign, first, previous) = (node.Core.Appender.Reign, Vlsn.Null, Vlsn.Null);
            for (var i = 0; i < writer.Records - 1; i++)
            {
                Assert.Equal(AppendResult.Appended, node.Core.Appender.TryAppendPiece(reign, writer.Payload(i, first, previous).Span, first, out var piece));
                if (i == 0) first = piece.Vlsn;
                previous = piece.Vlsn;
            }

            await Filling.WriteAsync(node, 0, values, 1000);
            await AppliedAsync(node);
            node.Core.State.Flush();
            node.Core.Retention.Trim();
            var result = node.Core.Appender.TryCommit(reign, writer, first, previous, Durability.Full, reads: null, default, out var commit, out _);
            Assert.Equal(isCommitted ? AppendResult.Appended : AppendResult.TooFar, result);
            if (isCommitted) Assert.Equal(WaitResult.Reached, await node.Core.Progress.WaitAsync(Goal.Durable, commit.Vlsn, Eventually.Patience, Cancellation));
            await node.Default.PutAsync(Utf8("after"), Utf8("v"), cancellation: Cancellation);
            await AppliedAsync(node);
        }

        await using (var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory }, Parts, Cancellation))
        {
            for (var i = 0; i < 4; i++)
                Assert.Equal(isCommitted ? Filling.Value(i, 3000) : null, await node.Default.GetAsync(Utf8($"piece{i}"), cancellation: Cancellation));
            Assert.Equal("v", Text(await node.Default.GetAsync(Utf8("after"), cancellation: Cancellation)));
        }
    }

    [Fact]
    public async Task Large_transactions_at_once_do_not_keep_each_other_from_committing()
    {
        await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory, CommitTimeout = Eventually.Patience }, Parts, Cancellation);
        // Eight times what a transaction may be open over, less a little.
        await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Task.Run(
            async () => await node.TransactAsync(
                transaction =>
                {
                    for (var i = 0; i < 30; i++) transaction.Put(Utf8($"large{number}-{i}"), Filling.Value(i, 3500));
                    return ValueTask.CompletedTask;
                },
                cancellation: Cancellation),
            Cancellation)));
        await AppliedAsync(node);
        Assert.Equal(240, await node.Default.ScanAsync(cancellation: Cancellation).CountAsync(Cancellation));
    }

    private static Task AppliedAsync(MatchpointNode node) => Eventually.HoldsAsync(
        () => node.Core.Failure is { } failure ? throw failure : node.Core.State.Applied.Vlsn == node.Core.Progress.Durable, "what is durable applied");
}
