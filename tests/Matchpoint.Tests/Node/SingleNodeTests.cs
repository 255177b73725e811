using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>A node by itself: nothing but a directory.</summary>
public sealed class SingleNodeTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-single-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task What_was_written_is_read_and_is_there_after_reopening()
    {
        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
        {
            await node.Default.PutAsync(Utf8("a"), Utf8("1"), cancellation: Cancellation);
            await node.Default.PutAsync(Utf8("b"), Utf8("2"), cancellation: Cancellation);
            await node.Default.DeleteAsync(Utf8("a"), cancellation: Cancellation);
            await node.Database("orders").PutAsync(Utf8("a"), Utf8("other"), cancellation: Cancellation);
            Assert.Null(await node.Default.GetAsync(Utf8("a"), cancellation: Cancellation));
        }

        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
        {
            Assert.Null(await node.Default.GetAsync(Utf8("a"), cancellation: Cancellation));
            Assert.Equal("2", Text(await node.Default.GetAsync(Utf8("b"), cancellation: Cancellation)));
            Assert.Equal("other", Text(await node.Database("orders").GetAsync(Utf8("a"), cancellation: Cancellation)));
            Assert.Null(await node.Database("none").GetAsync(Utf8("a"), cancellation: Cancellation));
        }
    }

    [Theory]
    [InlineData(1, 1, 7)]
    [InlineData(9, 1, 1)]
    [InlineData(1, 9, 1)]
    public void A_commit_is_not_made_in_a_way_that_nobody_knows(int localFlush, int replicaFlush, int acks) => Assert.Throws<ArgumentOutOfRangeException>(
        () => new CommitOptions { Durability = new Durability((FlushPolicy)localFlush, (FlushPolicy)replicaFlush, (AckPolicy)acks) });

    /// <summary>What the tail has forgotten may have touched what was read: nobody can say that it did not.</summary>
    [Fact]
    public async Task A_transaction_whose_history_is_forgotten_is_a_conflict()
    {
        await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory, MaxTailBytes = 1024 * 1024 }, Cancellation);
        await node.Default.PutAsync(Utf8("k"), Utf8("old"), cancellation: Cancellation);
        using var transaction = await node.BeginAsync(Cancellation);
        Assert.Equal("old", Text(transaction.Get(Utf8("k"))));
        await node.Default.PutAsync(Utf8("k"), Utf8("new"), cancellation: Cancellation);
        var touched = node.Core.Appender.Tail.End;
        var value = new byte[100_000];
        await Eventually.HoldsAsync(
            async () =>
            {
                await node.Default.PutAsync(Utf8("filling"), value, cancellation: Cancellation);
                return node.Core.Appender.Tail.Floor >= touched;
            },
            "the tail has forgotten the write");
        transaction.Put(Utf8("k"), Utf8("from what was read"));
        await Assert.ThrowsAsync<ConflictException>(async () => await transaction.CommitAsync(null, Cancellation));
        Assert.Equal("new", Text(await node.Default.GetAsync(Utf8("k"), cancellation: Cancellation)));
    }

    [Fact]
    public async Task Scans_go_both_ways_and_keep_to_their_range()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        var orders = node.Database("orders");
        for (var i = 0; i < 10; i++) await orders.PutAsync(Utf8($"k{i}"), Utf8($"{i}"), cancellation: Cancellation);
        await node.Database("other").PutAsync(Utf8("k3"), Utf8("x"), cancellation: Cancellation);
        await orders.DeleteRangeAsync(new KeyRange(Utf8("k4"), Utf8("k7")), cancellation: Cancellation);
        async Task<string> Keys(KeyRange range, bool reverse) =>
            string.Join(' ', await orders.ScanAsync(range, reverse, cancellation: Cancellation).Select(item => item.KeyText).ToListAsync(Cancellation));
        Assert.Equal("k0 k1 k2 k3 k7 k8 k9", await Keys(KeyRange.All, reverse: false));
        Assert.Equal("k9 k8 k7 k3 k2 k1 k0", await Keys(KeyRange.All, reverse: true));
        Assert.Equal("k2 k3", await Keys(new KeyRange(Utf8("k2"), Utf8("k5")), reverse: false));
        Assert.Equal("k8 k7", await Keys(new KeyRange(Utf8("k5"), Utf8("k9")), reverse: true));
        Assert.Equal("k1", await Keys(KeyRange.Prefix("k1"), reverse: false));
        await orders.DeleteRangeAsync(new KeyRange(Utf8("k2"), default), cancellation: Cancellation);
        Assert.Equal("k0 k1", await Keys(KeyRange.All, reverse: false));
        Assert.Equal("x", Text(await node.Database("other").GetAsync(Utf8("k3"), cancellation: Cancellation)));
    }

    [Fact]
    public async Task Sixteen_tasks_count_exactly()
    {
        // All want the same key, and one at a time gets it: whoever is last waits for all others.
        await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory, CommitTimeout = Eventually.Patience }, Cancellation);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++)
            {
                await node.TransactAsync(
                    transaction => transaction.Put("count"u8, BitConverter.GetBytes((transaction.Get("count"u8) is { } value ? BitConverter.ToInt32(value) : 0) + 1)),
                    cancellation: Cancellation);
            }
        })));
        Assert.Equal(800, BitConverter.ToInt32(await node.Default.GetAsync(Utf8("count"), cancellation: Cancellation)));
    }

    [Fact]
    public async Task What_a_transaction_has_read_must_not_change_before_it_commits()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        await node.Default.PutAsync(Utf8("m"), Utf8("1"), cancellation: Cancellation);
        (string Name, Action<MatchpointTransaction> Read, Func<Task> Change)[] cases =
        [
            ("a key", transaction => transaction.Get("m"u8), async () => await node.Default.PutAsync(Utf8("m"), Utf8("2"), cancellation: Cancellation)),
            ("a missing key", transaction => transaction.Get("n"u8), async () => await node.Default.PutAsync(Utf8("n"), Utf8("2"), cancellation: Cancellation)),
            ("a range", transaction => Assert.Empty(transaction.Scan(KeyRange.Prefix("p"))), async () => await node.Default.PutAsync(Utf8("p1"), Utf8("2"), cancellation: Cancellation)),
            ("a deleted range", transaction => transaction.Get("m"u8), async () => await node.Default.DeleteRangeAsync(KeyRange.Prefix("m"), cancellation: Cancellation)),
        ];
        foreach (var (name, read, change) in cases)
        {
            using var transaction = await node.BeginAsync(Cancellation);
            read(transaction);
            transaction.Put("result"u8, Utf8(name));
            await change();
            await Assert.ThrowsAsync<ConflictException>(async () => await node.CommitAsync(transaction, cancellation: Cancellation));
            Assert.NotEqual(name, Text(await node.Default.GetAsync(Utf8("result"), cancellation: Cancellation)));
        }

        using var other = await node.BeginAsync(Cancellation);
        other.Get("m"u8);
        other.Put("result"u8, "untouched"u8);
        await node.Default.PutAsync(Utf8("elsewhere"), Utf8("2"), cancellation: Cancellation);
        await node.CommitAsync(other, cancellation: Cancellation);
        Assert.Equal("untouched", Text(await node.Default.GetAsync(Utf8("result"), cancellation: Cancellation)));
    }

    [Fact]
    public async Task A_transaction_sees_its_own_writes_over_its_snapshot()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        foreach (var key in new[] { "a", "b", "c", "d" }) await node.Default.PutAsync(Utf8(key), Utf8("old"), cancellation: Cancellation);
        await node.TransactAsync(
            transaction =>
            {
                transaction.Put("b"u8, "new"u8);
                transaction.Delete("c"u8);
                transaction.Put("bb"u8, "new"u8);
                Assert.Equal("new", Text(transaction.Get("b"u8)));
                Assert.Null(transaction.Get("c"u8));
                Assert.Equal("a b bb d", string.Join(' ', transaction.Scan(KeyRange.All).Select(item => item.KeyText)));
                transaction.DeleteRange(new KeyRange(Utf8("a"), Utf8("bb")));
                Assert.Equal("d bb", string.Join(' ', transaction.Scan(KeyRange.All, reverse: true).Select(item => item.KeyText)));
                transaction.Put("a"u8, "again"u8);
                Assert.Equal("again", Text(transaction.Get("a"u8)));
            },
            cancellation: Cancellation);
        Assert.Equal("a bb d", string.Join(' ', await node.Default.ScanAsync(cancellation: Cancellation).Select(item => item.KeyText).ToListAsync(Cancellation)));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_scan_shows_what_its_transaction_writes_ahead_of_it(bool reverse, bool deletesElsewhere)
    {
        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
        {
            foreach (var key in new[] { "a", "b", "c", "d" }) await node.Default.PutAsync(Utf8(key), Utf8("1"), cancellation: Cancellation);
        }

        // Opened anew, the node has it all in the state, and nothing in the tail.
        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
        {
            await node.TransactAsync(
                transaction =>
                {
                    if (deletesElsewhere) transaction.DeleteRange(KeyRange.Prefix("x"));
                    var seen = new List<string>();
                    foreach (var item in transaction.Scan(KeyRange.All, reverse))
                    {
                        seen.Add($"{item.KeyText}{Text(item.Value.ToArray())}");
                        if (item.KeyText == (reverse ? "d" : "a"))
                        {
                            transaction.Put("b"u8, "2"u8);
                            transaction.Delete("c"u8);
                            transaction.Put("bb"u8, "2"u8);
                        }
                        else if (item.KeyText == "bb")
                        {
                            transaction.Put("bb"u8, "3"u8); // Where it stands: it was shown already.
                            transaction.DeleteRange(reverse ? KeyRange.Prefix("a") : KeyRange.Prefix("d"));
                        }
                    }

                    Assert.Equal(reverse ? "d1 bb2 b2" : "a1 b2 bb2", string.Join(' ', seen));
                },
                cancellation: Cancellation);
            Assert.Equal(
                reverse ? "b bb d" : "a b bb", string.Join(' ', await node.Default.ScanAsync(cancellation: Cancellation).Select(item => item.KeyText).ToListAsync(Cancellation)));
        }
    }

    [Fact]
    public async Task A_large_transaction_goes_in_pieces_and_takes_effect_at_once()
    {
        var value = new byte[200_000];
        new Random(5).NextBytes(value);
        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
        {
            await node.TransactAsync(
                transaction =>
                {
                    for (var i = 0; i < 40; i++) transaction.Put(Utf8($"big{i:00}"), value);
                },
                cancellation: Cancellation);
            Assert.Equal(value, await node.Default.GetAsync(Utf8("big17"), cancellation: Cancellation));
            Assert.Equal(40, await node.Default.ScanAsync(cancellation: Cancellation).CountAsync(Cancellation));
            var set = await node.ChangesAsync(CommitToken.Beginning, Cancellation).FirstAsync(Cancellation);
            Assert.Equal(40, set.Changes.Count);
        }

        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
            Assert.Equal(value, await node.Default.GetAsync(Utf8("big39"), cancellation: Cancellation));
    }

    [Fact]
    public async Task Compare_and_set_goes_by_the_value()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        Assert.NotNull(await node.Default.CompareAndSetAsync(Utf8("k"), null, Utf8("1"), cancellation: Cancellation));
        Assert.Null(await node.Default.CompareAndSetAsync(Utf8("k"), null, Utf8("2"), cancellation: Cancellation));
        Assert.Null(await node.Default.CompareAndSetAsync(Utf8("k"), Utf8("0"), Utf8("2"), cancellation: Cancellation));
        Assert.NotNull(await node.Default.CompareAndSetAsync(Utf8("k"), Utf8("1"), Utf8("2"), cancellation: Cancellation));
        Assert.Equal("2", Text(await node.Default.GetAsync(Utf8("k"), cancellation: Cancellation)));
        Assert.NotNull(await node.Default.CompareAndSetAsync(Utf8("k"), Utf8("2"), null, cancellation: Cancellation));
        Assert.Null(await node.Default.GetAsync(Utf8("k"), cancellation: Cancellation));
    }

    [Fact]
    public async Task A_directory_has_one_node_at_a_time()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        var error = await Assert.ThrowsAsync<MatchpointException>(() => MatchpointNode.OpenAsync(_directory, Cancellation));
        Assert.Contains("in use by process", error.Message, StringComparison.Ordinal);
        await node.Default.PutAsync(Utf8("still"), Utf8("works"), cancellation: Cancellation);
    }

    [Fact]
    public async Task A_state_that_is_gone_or_damaged_is_built_anew_from_the_log()
    {
        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
        {
            for (var i = 0; i < 100; i++) await node.Default.PutAsync(Utf8($"k{i:00}"), Utf8("v"), cancellation: Cancellation);
        }

        Directory.Delete(Path.Combine(_directory, "state"), recursive: true);
        string digest;
        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
        {
            Assert.Equal(100, await node.Default.ScanAsync(cancellation: Cancellation).CountAsync(Cancellation));
            digest = (await node.DigestAsync(Cancellation)).Digest;
        }

        foreach (var file in Directory.EnumerateFiles(Path.Combine(_directory, "state"), "MANIFEST*")) await File.WriteAllBytesAsync(file, [1, 2, 3], Cancellation);
        await using (var node = await MatchpointNode.OpenAsync(_directory, Cancellation))
        {
            Assert.Equal(digest, (await node.DigestAsync(Cancellation)).Digest);
            Assert.Contains(node.GetStatus().Warnings, warning => warning.Contains("built anew from the log", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Options_that_cannot_be_used_are_named_with_value_and_rule()
    {
        var options = new MatchpointOptions
        {
            Directory = _directory,
            Name = "x",
            Members = [new GroupMember("a", "127.0.0.1:1"), new GroupMember("a", "nowhere")],
            ElectionTimeout = TimeSpan.FromMilliseconds(1),
            MaxTailBytes = 7,
        };
        var error = await Assert.ThrowsAsync<OptionsException>(() => MatchpointNode.OpenAsync(options, Cancellation));
        Assert.Equal(5, error.Failures.Count);
        Assert.Contains("MaxTailBytes is \"7\": expected 1 MiB to 4 GiB.", error.Failures);
        Assert.Contains(error.Failures, failure => failure.StartsWith("ElectionTimeout is \"00:00:00.0010000\": expected 50 ms", StringComparison.Ordinal));
        Assert.Contains(error.Failures, failure => failure.StartsWith("Members[1].Address is \"nowhere\": there is no port", StringComparison.Ordinal));
        Assert.Contains("Name is \"x\": expected one of the members: a.", error.Failures);
    }

    [Fact]
    public async Task Changes_come_in_order_and_resume_behind_a_token()
    {
        await using var node = await MatchpointNode.OpenAsync(_directory, Cancellation);
        for (var i = 0; i < 5; i++) await node.Database("jobs").PutAsync(Utf8($"{i}"), Utf8("v"), cancellation: Cancellation);
        var first = await node.ChangesAsync(CommitToken.Beginning, Cancellation).Take(3).ToListAsync(Cancellation);
        Assert.Equal(["0", "1", "2"], first.Select(set => set.Changes[0].KeyText));
        Assert.All(first, set => Assert.Equal("jobs", set.Changes[0].Database));
        var rest = node.ChangesAsync(first[^1].Token, Cancellation).Take(3).ToListAsync(Cancellation);
        await node.Database("jobs").PutAsync(Utf8("5"), Utf8("v"), cancellation: Cancellation);
        Assert.Equal(["3", "4", "5"], (await rest).Select(set => set.Changes[0].KeyText));
    }
}
