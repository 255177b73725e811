namespace Matchpoint.Tests.Node;

/// <summary>A node may be closed at any time: whoever reads meanwhile is told, and the process lives.</summary>
public class CloseWhileReadingTests
{
    [Fact]
    public async Task A_scan_that_is_under_way_when_the_node_closes_ends_with_an_exception()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var directory = System.IO.Directory.CreateTempSubdirectory("matchpoint").FullName;
        try
        {
            var node = await MatchpointNode.OpenAsync(directory, cancellation);
            for (var i = 0; i < 100; i++) await node.Default.PutAsync(new[] { (byte)i }, new byte[100], cancellation: cancellation);
            await using var scan = node.Default.ScanAsync(cancellation: cancellation).GetAsyncEnumerator(cancellation);
            Assert.True(await scan.MoveNextAsync());
            var forgotten = await node.BeginAsync(cancellation);
            Assert.NotNull(forgotten.Get(new byte[] { 7 }));
            await node.DisposeAsync();
            await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
            {
                while (await scan.MoveNextAsync())
                {
                    // On to the end.
                }
            });

            Assert.Throws<ObjectDisposedException>(() => forgotten.Get(new byte[] { 7 }));
            forgotten.Dispose();
            await using var again = await MatchpointNode.OpenAsync(directory, cancellation);
            Assert.NotNull(await again.Default.GetAsync(new byte[] { 7 }, cancellation: cancellation));
        }
        finally
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_walk_over_what_is_only_in_the_tail_ends_as_well_when_the_node_closes()
    {
        var cancellation = TestContext.Current.CancellationToken;
        for (var round = 0; round < 10; round++) // What was just written is not in the state yet, in nearly every round.
        {
            var directory = System.IO.Directory.CreateTempSubdirectory("matchpoint").FullName;
            try
            {
                var node = await MatchpointNode.OpenAsync(directory, cancellation);
                await node.TransactAsync(
                    transaction =>
                    {
                        for (var i = 0; i < 100; i++) transaction.Put([(byte)i], new byte[100]);
                    },
                    cancellation: cancellation);
                await using var scan = node.Default.ScanAsync(cancellation: cancellation).GetAsyncEnumerator(cancellation);
                Assert.True(await scan.MoveNextAsync());
                using var writing = await node.BeginAsync(cancellation);
                writing.Put([200], [1]);
                writing.Put([201], [1]);
                using var own = writing.Scan(new KeyRange(new byte[] { 200 }, default)).GetEnumerator();
                Assert.True(own.MoveNext());
                var visited = 0;
                var visit = node.Default.VisitAsync(
                    KeyRange.All,
                    (_, _) =>
                    {
                        if (visited++ == 0) Task.Run(async () => await node.DisposeAsync()).Wait(Eventually.Patience);
                        return true;
                    },
                    cancellation: cancellation).AsTask();
                await Assert.ThrowsAsync<ObjectDisposedException>(() => visit);
                Assert.Equal(1, visited);
                await Assert.ThrowsAsync<ObjectDisposedException>(async () => await scan.MoveNextAsync());
                Assert.Throws<ObjectDisposedException>(() => own.MoveNext());
            }
            finally
            {
                System.IO.Directory.Delete(directory, recursive: true);
            }
        }
    }

    [Fact]
    public async Task Readers_and_a_closing_node_do_not_meet_in_native_memory()
    {
        var cancellation = TestContext.Current.CancellationToken;
        for (var round = 0; round < 10; round++)
        {
            var directory = System.IO.Directory.CreateTempSubdirectory("matchpoint").FullName;
            try
            {
                var node = await MatchpointNode.OpenAsync(directory, cancellation);
                await node.Default.PutAsync("a"u8.ToArray(), new byte[100], cancellation: cancellation);
                var reading = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
                {
                    try
                    {
                        while (true) Assert.NotNull(await node.Default.GetAsync("a"u8.ToArray()));
                    }
                    catch (Exception error) when (error is ObjectDisposedException or NodeFailedException or StaleReadException)
                    {
                        // Closed.
                    }
                })).ToList();
                await node.DisposeAsync();
                await Task.WhenAll(reading);
            }
            finally
            {
                System.IO.Directory.Delete(directory, recursive: true);
            }
        }
    }
}
