using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Rollbacks;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>Three nodes: what is acknowledged, what is read where, and what becomes of it when one is lost.</summary>
public sealed class GroupTests
{
    private static readonly CommitOptions Unacknowledged = new() { Durability = new Durability(FlushPolicy.Sync, FlushPolicy.Sync, AckPolicy.None) };
    private static readonly CommitOptions Soon = new() { Timeout = TimeSpan.FromMilliseconds(300) };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_written_on_the_primary_is_read_on_every_node()
    {
        await using var group = await StartAsync();
        var token = await group.Primary.Database("orders").PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        foreach (var node in group.Nodes)
        {
            Assert.Equal("v", Text(await node.Database("orders").GetAsync(Utf8("k"), ReadLevel.AtLeast(token), Cancellation)));
            Assert.Equal("v", Text(await node.Database("orders").GetAsync(Utf8("k"), ReadLevel.Linearizable, Cancellation)));
            Assert.Equal("v", Text(await node.Database("orders").GetAsync(Utf8("k"), ReadLevel.MaxLag(TimeSpan.FromSeconds(5)), Cancellation)));
            Assert.Equal("v", Text(await node.Database("orders").GetAsync(Utf8("k"), ReadLevel.Local, Cancellation)));
        }

        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_replica_takes_no_writes_and_names_the_primary()
    {
        await using var group = await StartAsync();
        var replica = group.Replicas[0];
        var error = await Assert.ThrowsAsync<NotPrimaryException>(async () => await replica.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation));
        Assert.Equal(group.Primary.Options.Name, error.Primary);
        Assert.Contains("Nothing was written", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<NotPrimaryException>(async () => await replica.BeginAsync(Cancellation));
    }

    [Fact]
    public async Task Without_replicas_majority_and_all_wait_in_vain_and_none_returns_at_once()
    {
        await using var group = await StartAsync(change: options => options with { ElectionTimeout = TimeSpan.FromSeconds(20) });
        var primary = group.Primary;
        await primary.Default.PutAsync(Utf8("k"), Utf8("old"), cancellation: Cancellation);
        foreach (var replica in group.Replicas) await group.StopAsync(replica.Options.Name);
        foreach (var acks in new[] { AckPolicy.Majority, AckPolicy.All })
        {
            var error = await Assert.ThrowsAsync<InsufficientAcksException>(async () => await primary.Default.PutAsync(
                Utf8("k"), Utf8("new"), Soon with { Durability = Durability.Full with { Acks = acks } }, Cancellation));
            Assert.Contains("outcome is unknown", error.Message, StringComparison.Ordinal);
            Assert.True(error.Token.Vlsn > 0);
        }

        await primary.Default.PutAsync(Utf8("n"), Utf8("none"), Unacknowledged, Cancellation);
        // What is not decided is not read by default, and is where it is asked for.
        Assert.Equal("old", Text(primary.Reader.Get(0, Utf8("k"), isLocal: false)));
        Assert.Equal("new", Text(await primary.Default.GetAsync(Utf8("k"), ReadLevel.Local, Cancellation)));
        Assert.Equal("none", Text(await primary.Default.GetAsync(Utf8("n"), ReadLevel.Local, Cancellation)));

        // Nor a database that only such a commit has made.
        var made = primary.Database("made");
        await made.PutAsync(Utf8("k"), Utf8("v"), Unacknowledged, Cancellation);
        var visited = 0;
        await made.VisitAsync(KeyRange.All, (_, _) => ++visited > 0, level: ReadLevel.Local, cancellation: Cancellation);
        Assert.Equal(1, visited);
        Assert.Equal(["k"], await made.ScanAsync(level: ReadLevel.Local, cancellation: Cancellation).Select(static item => item.KeyText).ToListAsync(Cancellation));
        Assert.Equal("v", Text(await made.GetAsync(Utf8("k"), ReadLevel.Local, Cancellation)));
        Assert.False(primary.Catalogue.TryFind("made", out _), "it is not decided");
    }

    [Fact]
    public async Task More_undecided_than_may_be_held_makes_writes_wait_and_then_fail_clearly()
    {
        await using var group = await StartAsync(change: options => options with { ElectionTimeout = TimeSpan.FromMinutes(1), MaxTailBytes = 1024 * 1024 });
        var primary = group.Primary;
        foreach (var replica in group.Replicas) await group.StopAsync(replica.Options.Name);
        var options = Unacknowledged with { Timeout = TimeSpan.FromSeconds(10) }; // As long as one flush may take, too.
        var written = 0;
        var error = await Assert.ThrowsAsync<TailFullException>(async () =>
        {
            for (; written < 100; written++) await primary.Default.PutAsync(Utf8($"k{written}"), new byte[100_000], options, Cancellation);
        });
        Assert.InRange(written, 10, 20);
        Assert.Contains("MaxTailBytes is 1048576", error.Message, StringComparison.Ordinal);
        Assert.Contains("Nothing was written", error.Message, StringComparison.Ordinal);
        Assert.Contains("Not connected: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(written, await primary.Default.ScanAsync(level: ReadLevel.Local, cancellation: Cancellation).CountAsync(Cancellation));
    }

    [Fact]
    public async Task A_commit_waits_until_it_is_acknowledged()
    {
        await using var group = await StartAsync(change: options => options with { ElectionTimeout = TimeSpan.FromSeconds(20) });
        var primary = group.Primary;
        foreach (var replica in group.Replicas) group.Links(replica.Options.Name, link => link.Hang());
        var write = primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation).AsTask();
        await Eventually.HoldsAsync(() => primary.GetStatus() is var status && status.Flushed == status.Last, "the write on the primary's own disk");
        Assert.False(write.IsCompleted);
        group.Links(group.Replicas[0].Options.Name, link => link.Heal());
        var token = await write;
        Assert.Equal(primary.GetStatus().Last, token.Vlsn);
    }

    [Fact]
    public async Task The_loss_of_the_primary_loses_nothing_that_was_acknowledged()
    {
        await using var group = await StartAsync();
        var old = group.Primary.Options.Name;
        var acknowledged = new List<string>();
        var writing = Task.Run(async () =>
        {
            for (var i = 0; acknowledged.Count < 2000; i++)
            {
                try
                {
                    if (group.Primary is not { } primary) continue;
                    await primary.Default.PutAsync(Utf8($"k{i:000000}"), Utf8("v"), cancellation: Cancellation);
                    acknowledged.Add($"k{i:000000}");
                }
                catch (Exception error) when (error is MatchpointException or ObjectDisposedException or InvalidOperationException)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Cancellation);
                }
            }
        });
        await Eventually.HoldsAsync(() => acknowledged.Count > 500, "writes before the failover");
        group.Links(old, link => link.Cut());
        await group.StopAsync(old);
        await writing;
        await group.SettledAsync(); // Another leads before the old one is back: it might be elected otherwise.
        group.Links(old, link => link.Heal());
        await group.StartAsync(old);
        await group.AgreedAsync();
        Assert.NotEqual(old, group.Primary.Options.Name);
        foreach (var node in group.Nodes)
        {
            var held = (await node.Default.ScanAsync(cancellation: Cancellation).Select(item => item.KeyText).ToListAsync(Cancellation)).ToHashSet();
            Assert.Superset(acknowledged.ToHashSet(), held);
        }
    }

    [Fact]
    public async Task The_old_primarys_unreplicated_commit_is_undone_on_return_and_exported()
    {
        await using var group = await StartAsync();
        var old = group.Primary;
        await old.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        group.Links(old.Options.Name, link => link.Cut());
        var lonely = old.Default.PutAsync(Utf8("lonely"), Utf8("v"), cancellation: Cancellation).AsTask();
        await Assert.ThrowsAsync<InsufficientAcksException>(() => lonely);
        await Eventually.HoldsAsync(() => group.Nodes.Any(node => node != old && node.IsPrimary && node.Core.IsReady), "another primary");
        var next = group.Nodes.First(node => node != old && node.IsPrimary);
        await next.Default.PutAsync(Utf8("after"), Utf8("v"), cancellation: Cancellation);
        var undone = new TaskCompletionSource<RollbackNotice>();
        old.RolledBack += (_, notice) => undone.TrySetResult(notice);
        Assert.Equal("v", Text(await old.Default.GetAsync(Utf8("lonely"), ReadLevel.Local, Cancellation)));
        group.Links(old.Options.Name, link => link.Heal());
        var notice = await undone.Task.WaitAsync(Eventually.Patience, Cancellation);
        await group.AgreedAsync();
        Assert.Equal((1, 1, 0), (notice.Records, notice.Commits, notice.Acknowledged));
        Assert.Null(await old.Default.GetAsync(Utf8("lonely"), ReadLevel.Local, Cancellation));
        Assert.Equal("v", Text(await old.Default.GetAsync(Utf8("after"), cancellation: Cancellation)));
        using var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, group.DirectoryOf(old.Options.Name));
        Assert.Equal("lonely", Text(Assert.Single(RollbackStore.Operations(data, Path.GetFileName(notice.Export))).Key));
    }

    [Fact]
    public async Task Ten_durable_commits_beat_a_hundred_unacknowledged_ones()
    {
        await using var group = await StartAsync(change: options => options with { RollbackLimit = 1000 });
        var old = group.Primary;
        group.Links(old.Options.Name, link => link.Cut());
        // At once: they have to be in before its lease ends, on a busy machine too.
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => old.Default.PutAsync(Utf8($"u{i}"), Utf8("v"), Unacknowledged, Cancellation).AsTask()));
        await Eventually.HoldsAsync(() => group.Nodes.Any(node => node != old && node.IsPrimary && node.Core.IsReady), "another primary");
        var next = group.Nodes.First(node => node != old && node.IsPrimary);
        for (var i = 0; i < 10; i++) await next.Default.PutAsync(Utf8($"d{i}"), Utf8("v"), cancellation: Cancellation);
        group.Links(old.Options.Name, link => link.Heal());
        await group.AgreedAsync();
        foreach (var node in group.Nodes)
        {
            var keys = await node.Default.ScanAsync(level: ReadLevel.Local, cancellation: Cancellation).Select(item => item.KeyText).ToListAsync(Cancellation);
            Assert.Equal(Enumerable.Range(0, 10).Select(i => $"d{i}"), keys);
        }
    }

    [Fact]
    public async Task More_acknowledged_commits_than_the_limit_are_not_undone_without_an_operator()
    {
        await using var group = await StartAsync(change: options => options with { RollbackLimit = 3 });
        var old = group.Primary;
        await old.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        group.Links(old.Options.Name, link => link.Cut());
        // At once: they have to be in before its lease ends, on a busy machine too.
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => old.Default.PutAsync(Utf8($"u{i}"), Utf8("v"), Unacknowledged, Cancellation).AsTask()));
        var last = old.GetStatus().Last;
        await Eventually.HoldsAsync(() => group.Nodes.Any(node => node != old && node.IsPrimary && node.Core.IsReady), "another primary");
        group.Links(old.Options.Name, link => link.Heal());
        await Eventually.HoldsAsync(
            () => old.State == NodeState.AwaitingOperator && old.GetStatus().Warnings.Any(static warning => warning.Contains("rollbacks list", StringComparison.Ordinal)),
            () => $"the rollback refused, and a warning of it: {old.GetStatus().Step}; {string.Join(" | ", old.GetStatus().Warnings)}");
        Assert.Equal(last, old.GetStatus().Last);
        Assert.Equal("v", Text(await old.Default.GetAsync(Utf8("u3"), ReadLevel.Local, Cancellation)));
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(group.DirectoryOf(old.Options.Name), "rollbacks"), "*.refused.jsonl"));
    }

    [Fact]
    public async Task A_primary_that_is_cut_off_serves_no_default_or_linearizable_read()
    {
        await using var group = await StartAsync(change: options => options with { ReadTimeout = TimeSpan.FromSeconds(1) });
        var old = group.Primary;
        await old.Default.PutAsync(Utf8("k"), Utf8("old"), cancellation: Cancellation);
        group.Links(old.Options.Name, link => link.Hang());
        await Eventually.HoldsAsync(() => group.Nodes.Any(node => node != old && node.IsPrimary && node.Core.IsReady), "another primary");
        var next = group.Nodes.First(node => node != old && node.IsPrimary);
        await next.Default.PutAsync(Utf8("k"), Utf8("new"), cancellation: Cancellation);
        foreach (var level in new[] { ReadLevel.Durable, ReadLevel.Linearizable, ReadLevel.MaxLag(TimeSpan.FromMilliseconds(100)) })
            await Assert.ThrowsAsync<StaleReadException>(async () => await old.Default.GetAsync(Utf8("k"), level, Cancellation));
        Assert.Equal("old", Text(await old.Default.GetAsync(Utf8("k"), ReadLevel.Local, Cancellation)));
        group.Links(old.Options.Name, link => link.Heal());
        await group.AgreedAsync();
        Assert.Equal("new", Text(await old.Default.GetAsync(Utf8("k"), cancellation: Cancellation)));
    }

    [Fact]
    public async Task A_transaction_in_pieces_that_only_the_old_primary_had_is_undone_whole()
    {
        await using var group = await StartAsync();
        var old = group.Primary;
        await old.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        group.Links(old.Options.Name, link => link.Cut());
        var value = new byte[300_000];
        await Assert.ThrowsAsync<InsufficientAcksException>(async () => await old.TransactAsync(
            transaction =>
            {
                for (var i = 0; i < 10; i++) transaction.Put(Utf8($"piece{i}"), value);
            },
            cancellation: Cancellation));
        await Eventually.HoldsAsync(() => group.Nodes.Any(node => node != old && node.IsPrimary && node.Core.IsReady), "another primary");
        group.Links(old.Options.Name, link => link.Heal());
        await group.AgreedAsync();
        Assert.Equal(["shared"], await old.Default.ScanAsync(level: ReadLevel.Local, cancellation: Cancellation).Select(item => item.KeyText).ToListAsync(Cancellation));
        using var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, group.DirectoryOf(old.Options.Name));
        Assert.Equal(10, RollbackStore.Operations(data, RollbackStore.List(data)[^1].Name).Count());
    }

    [Fact]
    public async Task A_transaction_that_straddles_the_matchpoint_is_undone_whole_and_exported_whole()
    {
        await using var group = await StartAsync();
        var old = group.Primary;
        var writer = new TransactionWriter(pieceBytes: 100);
        for (var i = 0; i < 10; i++) writer.Put(Utf8($"piece{i}"), new byte[50]);
        var (reign, first, previous) = (old.Core.Appender.Reign, Vlsn.Null, Vlsn.Null);
        for (var i = 0; i < writer.Records - 1; i++)
        {
            Assert.Equal(AppendResult.Appended, old.Core.Appender.TryAppendPiece(reign, writer.Payload(i, first, previous).Span, first, out var piece));
            if (i == 0) first = piece.Vlsn;
            previous = piece.Vlsn;
        }

        await Eventually.HoldsAsync(() => group.Nodes.All(node => node.Core.Log.Written == previous), "the pieces in every log");
        group.Links(old.Options.Name, link => link.Cut());
        Assert.Equal(AppendResult.Appended, old.Core.Appender.TryCommit(reign, writer, first, previous, Durability.Full, reads: null, default, out _, out _));
        await Eventually.HoldsAsync(() => group.Nodes.Any(node => node != old && node.IsPrimary && node.Core.IsReady), "another primary");
        await group.Nodes.First(node => node != old && node.IsPrimary).Default.PutAsync(Utf8("after"), Utf8("v"), cancellation: Cancellation);
        group.Links(old.Options.Name, link => link.Heal());
        await group.AgreedAsync();
        foreach (var node in group.Nodes)
            Assert.Equal(["after"], await node.Default.ScanAsync(level: ReadLevel.Local, cancellation: Cancellation).Select(item => item.KeyText).ToListAsync(Cancellation));
        using var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, group.DirectoryOf(old.Options.Name));
        var export = RollbackStore.List(data)[^1];
        Assert.Equal(1, export.Header.Commits);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"piece{i}"), RollbackStore.Operations(data, export.Name).Select(operation => Text(operation.Key)));
    }

    [Fact]
    public async Task Pieces_are_not_durable_before_their_transaction_is_however_many_hold_them()
    {
        await using var group = await StartAsync();
        var primary = group.Primary;
        await primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        var writer = new TransactionWriter(pieceBytes: 100);
        for (var i = 0; i < 10; i++) writer.Put(Utf8($"piece{i}"), new byte[50]);
        var before = primary.Core.Log.Appended.Vlsn;
        Assert.Equal(AppendResult.Appended, primary.Core.Appender.TryAppendPiece(primary.Core.Appender.Reign, writer.Payload(0, Vlsn.Null, Vlsn.Null).Span, Vlsn.Null, out var piece));
        primary.Core.Log.RequestFlush();
        await Eventually.HoldsAsync(() => group.Nodes.All(node => node.Core.Log.Flushed == piece.Vlsn), "the piece on every disk");
        await Eventually.HoldsAsync(() => primary.GetStatus().Members.All(member => member.Flushed == piece.Vlsn.DistanceFrom(Vlsn.Null)), "the piece acknowledged by all");
        Assert.All(group.Nodes, node => Assert.True(node.Core.Progress.Durable <= before));
        await primary.Default.PutAsync(Utf8("k"), Utf8("w"), cancellation: Cancellation);
        Assert.Equal(piece.Vlsn.Next, primary.Core.Progress.Durable);
    }

    [Fact]
    public async Task Changes_are_followed_on_a_replica_across_a_failover()
    {
        await using var group = await StartAsync();
        var old = group.Primary;
        var watched = group.Replicas[0];
        var seen = watched.ChangesAsync(CommitToken.Beginning, Cancellation).Take(20).Select(set => set.Changes[0].KeyText).ToListAsync(Cancellation).AsTask();
        for (var i = 0; i < 10; i++) await old.Default.PutAsync(Utf8($"{i:00}"), Utf8("v"), cancellation: Cancellation);
        group.Links(old.Options.Name, link => link.Cut());
        await group.StopAsync(old.Options.Name);
        await group.SettledAsync();
        for (var i = 10; i < 20; i++) await group.Primary.Default.PutAsync(Utf8($"{i:00}"), Utf8("v"), cancellation: Cancellation);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{i:00}"), await seen.WaitAsync(Eventually.Patience, Cancellation));
    }

    [Fact]
    public async Task Changes_behind_a_commit_that_was_undone_are_refused_and_not_skipped()
    {
        await using var group = await StartAsync();
        var old = group.Primary;
        await old.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        group.Links(old.Options.Name, link => link.Cut());
        var undone = await old.Default.PutAsync(Utf8("undone"), Utf8("v"), Unacknowledged, Cancellation);
        var early = old.ChangesAsync(undone, Cancellation).FirstAsync(Cancellation).AsTask();
        await Eventually.HoldsAsync(() => group.Nodes.Any(node => node != old && node.IsPrimary && node.Core.IsReady), "another primary");
        var next = group.Nodes.First(node => node != old && node.IsPrimary);
        for (var i = 0; i < 10; i++) await next.Default.PutAsync(Utf8($"other{i}"), Utf8("v"), cancellation: Cancellation);
        await Assert.ThrowsAsync<CommitUndoneException>(async () => await next.ChangesAsync(undone, Cancellation).FirstAsync(Cancellation).AsTask().WaitAsync(Eventually.Patience, Cancellation));
        group.Links(old.Options.Name, link => link.Heal());
        // It was asked while this node still held the commit.
        await Assert.ThrowsAsync<CommitUndoneException>(async () => await early.WaitAsync(Eventually.Patience, Cancellation));
        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_replica_feeds_another_whose_acknowledgements_count()
    {
        await using var group = await StartAsync();
        var primary = group.Primary;
        var (middle, last) = (group.Replicas[0].Options.Name, group.Replicas[1].Options.Name);
        await group.StopAsync(last);
        var node = await MatchpointNode.OpenAsync(group.OptionsOf(last) with { PreferredFeeder = middle }, Cancellation);
        await using (node)
        {
            await node.WaitUntilReadyAsync(Eventually.Patience, Cancellation);
            await Eventually.HoldsAsync(() => node.GetStatus().Step.Contains($"fed by {middle}", StringComparison.Ordinal), "fed by the replica");
            await primary.Default.PutAsync(Utf8("k"), Utf8("v"), new CommitOptions { Durability = Durability.Full with { Acks = AckPolicy.All } }, Cancellation);
            Assert.Equal("v", Text(await node.Default.GetAsync(Utf8("k"), ReadLevel.Linearizable, Cancellation)));
            await Eventually.HoldsAsync(() => primary.GetStatus().Members.Count(member => member.IsConnected) == 1, "the primary feeds only the one in the middle");
        }
    }
}
