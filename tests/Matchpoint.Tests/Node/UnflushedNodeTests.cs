namespace Matchpoint.Tests.Node;

/// <summary>A node that flushes nothing by itself: what its state holds its log has on the device.</summary>
public class UnflushedNodeTests
{
    [Fact]
    public async Task The_state_is_never_ahead_of_what_the_log_has_on_the_device()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var directory = System.IO.Directory.CreateTempSubdirectory("matchpoint").FullName;
        try
        {
            await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = directory, Durability = Durability.Fast }, cancellation);
            var token = await node.Default.PutAsync("a"u8.ToArray(), "1"u8.ToArray(), cancellation: cancellation);
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            patience.CancelAfter(Eventually.Patience);
            while (node.GetStatus().Applied < token.Vlsn)
            {
                patience.Token.ThrowIfCancellationRequested();
                await Task.Yield();
            }

            Assert.InRange(node.GetStatus().Flushed, token.Vlsn, long.MaxValue);
        }
        finally
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_default_read_sees_what_a_node_by_itself_has_committed()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var directory = System.IO.Directory.CreateTempSubdirectory("matchpoint").FullName;
        try
        {
            await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = directory, Durability = Durability.Fast }, cancellation);
            for (var i = 0; i < 1000; i++)
            {
                await node.Default.PutAsync(BitConverter.GetBytes(i), "1"u8.ToArray(), cancellation: cancellation);
                Assert.NotNull(await node.Default.GetAsync(BitConverter.GetBytes(i), cancellation: cancellation));
            }
        }
        finally
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }
}
