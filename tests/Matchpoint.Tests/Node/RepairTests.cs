using Matchpoint.Node;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Log;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>What is damaged on one node is mended with what the others have, and without an operator.</summary>
public class RepairTests
{
    private static readonly NodeParts SmallSegments = NodeParts.Real with { Log = new LogOptions { SegmentBytes = 32 * 1024 } };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, 100)] // The header of the first segment: where the log begins.
    [InlineData(0, 20)]
    [InlineData(2, 1000)]
    [InlineData(2, 40)]
    [InlineData(-1, 200)] // The last one, which is not complete.
    [InlineData(-1, 40)]
    public async Task A_damaged_segment_is_fetched_again_and_the_node_counts_at_once(int which, int at)
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 200);
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        var before = LogOf(group, name);
        var path = SegmentOf(group, name, which);
        Flip(path, at);
        DeleteIndexes(group, name);
        var node = await group.StartAsync(name);
        Assert.Equal(Standing.Full, node.Core.Elections.Standing);
        Assert.Contains(node.GetStatus().Warnings, warning => warning.Contains(Path.GetFileName(path), StringComparison.Ordinal) && warning.Contains("fetched again", StringComparison.Ordinal));
        Assert.Single(Directory.GetFiles(DamagedOf(group, name)), file => Path.GetFileName(file).StartsWith(Path.GetFileName(path), StringComparison.Ordinal));
        await group.AgreedAsync();
        await group.StopAsync(name);
        Assert.Equal(before, LogOf(group, name)[..before.Length]);
    }

    [Theory]
    [InlineData("segment in the middle")]
    [InlineData("last segment")]
    [InlineData("first segment")]
    public async Task A_missing_segment_is_fetched_again(string which)
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 200);
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        var before = LogOf(group, name);
        File.Delete(SegmentOf(group, name, which switch { "first segment" => 0, "last segment" => -1, _ => 2 }));
        var node = await group.StartAsync(name);
        if (which == "last segment")
        {
            // What was behind it nobody knows: what it acknowledged there may be gone.
            Assert.Contains(node.GetStatus().Warnings, static warning => warning.Contains("how much was behind it is not known", StringComparison.Ordinal));
            await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part again");
        }

        Assert.Equal(Standing.Full, node.Core.Elections.Standing);
        await group.AgreedAsync();
        await group.StopAsync(name);
        Assert.Equal(before, LogOf(group, name)[..before.Length]);
    }

    [Fact]
    public async Task The_same_damage_on_two_of_three_is_mended_from_the_third()
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 200);
        var damaged = group.Replicas.Select(static node => node.Options.Name).ToList();
        foreach (var name in damaged) await group.StopAsync(name);
        var before = LogOf(group, damaged[0]);
        foreach (var name in damaged)
        {
            Flip(SegmentOf(group, name, 1), 2000);
            DeleteIndexes(group, name);
        }

        // Both at once: neither may wait for the other, nor give it what it has not.
        foreach (var node in await Task.WhenAll(damaged.Select(group.StartAsync)))
            Assert.Contains(node.GetStatus().Warnings, static warning => warning.Contains("fetched again", StringComparison.Ordinal));
        await group.AgreedAsync();
        await FillAsync(group, 200, 10);
        foreach (var name in damaged)
        {
            Assert.Equal(210, await group[name].Default.ScanAsync(level: ReadLevel.Linearizable, cancellation: Cancellation).CountAsync(Cancellation));
            await group.StopAsync(name);
            Assert.Equal(before, LogOf(group, name)[..before.Length]);
        }
    }

    [Fact]
    public async Task Damage_that_is_found_while_the_node_runs_is_mended_while_it_runs()
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 200);
        var node = group.Replicas[0];
        var name = node.Options.Name;
        var states = new List<StateChange>();
        node.StateChanged += (_, change) =>
        {
            lock (states) states.Add(change);
        };
        Flip(SegmentOf(group, name, 1), 2000);
        await Assert.ThrowsAsync<StaleReadException>(async () => await ReadChangesAsync(node));
        await Eventually.HoldsAsync(() => node.State == NodeState.Following, "the node is mended and follows again");
        Assert.Same(node, group[name]);
        lock (states)
        {
            Assert.Contains(states, static change => change.To == NodeState.Repairing);
            Assert.DoesNotContain(states, static change => change.To is NodeState.Failed or NodeState.Closed);
        }

        await group.AgreedAsync();
        Assert.Equal(200, await ReadChangesAsync(node));
        Assert.Contains(node.GetStatus().Warnings, static warning => warning.Contains("fetched again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Damage_in_what_an_old_primary_has_to_undo_is_given_up_and_told()
    {
        await using var group = await TestGroup.StartAsync(change: Filling.Calm, parts: SmallSegments with { ScrubAfter = TimeSpan.FromHours(1) }); // It would find the damage too.
        await FillAsync(group, 0, 200);
        var old = group.Primary;
        var name = old.Options.Name;
        group.Links(name, link => link.Cut());
        var unacknowledged = new CommitOptions { Durability = Durability.Full with { Acks = AckPolicy.None } };
        var first = await old.Default.PutAsync(Utf8("undone0"), new byte[6000], unacknowledged, Cancellation);
        // At once: they have to be in before its lease ends, on a busy machine too.
        await Task.WhenAll(Enumerable.Range(1, 7).Select(i => old.Default.PutAsync(Utf8($"undone{i}"), new byte[6000], unacknowledged, Cancellation).AsTask()));
        await Eventually.HoldsAsync(() => group.Nodes.Any(node => node != old && node.IsPrimary && node.Core.IsReady), "another primary");
        using (var view = old.Core.Log.View())
        {
            // So far before the end that it is read only when the tail is to be exported, and so far behind the matchpoint that it is not read to find that.
            using var reader = view.ReadFrom(Vlsn.Null.Plus(first.Vlsn + 1));
            Assert.True(reader.MoveNext());
            Flip(reader.Path, reader.FilePosition + 500);
        }

        group.Links(name, link => link.Heal());
        await group.AgreedAsync();
        var told = Assert.Single(old.GetStatus().Warnings, static warning => warning.Contains("the log was cut behind record", StringComparison.Ordinal));
        Assert.Contains("what could be read and may be nowhere else was exported", told, StringComparison.Ordinal);
        await Eventually.HoldsAsync(() => old.GetStatus().Counts, "it takes part again");
        await FillAsync(group, 200, 10);
    }

    [Fact]
    public async Task A_primary_that_finds_damage_lets_another_take_over_and_mends_itself()
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 200);
        var primary = group.Primary;
        Flip(SegmentOf(group, primary.Options.Name, 1), 2000);
        await Assert.ThrowsAsync<StaleReadException>(async () => await ReadChangesAsync(primary));
        await group.SettledAsync();
        await FillAsync(group, 200, 50);
        await group.AgreedAsync();
        Assert.Equal(250, await ReadChangesAsync(primary));
    }

    [Fact]
    public async Task A_damaged_state_is_built_anew_while_the_node_runs()
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 200);
        var node = group.Replicas[0];
        node.Core.Fail(new Storage.DamageException(node.Core.Log.Directory.StatePath, 0, "the state cannot be read", "a sound RocksDB database", "Corruption", ""));
        await Eventually.HoldsAsync(() => node.State == NodeState.Following, "the node is mended and follows again");
        await group.AgreedAsync();
        Assert.Contains(node.GetStatus().Warnings, static warning => warning.Contains("built anew", StringComparison.Ordinal));
        Assert.Single(Directory.GetDirectories(group.DirectoryOf(node.Options.Name), "state.unusable-*"));
    }

    [Fact]
    public async Task The_scrub_reads_all_again_and_has_mended_what_nobody_reads()
    {
        var parts = SmallSegments with { ScrubAfter = TimeSpan.FromMilliseconds(300), ScrubInterval = TimeSpan.FromMilliseconds(500) };
        await using var group = await TestGroup.StartAsync(parts: parts);
        await FillAsync(group, 0, 200);
        await group.AgreedAsync();
        var node = group.Replicas[0];
        await Eventually.HoldsAsync(() => node.GetStatus().Scrub is { EndedAt: not null, Found: null, Bytes: > 350_000 }, "a pass over log and state without a find");
        Flip(SegmentOf(group, node.Options.Name, 1), 2000);
        await Eventually.HoldsAsync(() => node.State == NodeState.Following
            && node.GetStatus().Warnings.Any(static warning => warning.Contains("fetched again", StringComparison.Ordinal)), "found and mended");
        await Eventually.HoldsAsync(() => node.GetStatus().Scrub is { EndedAt: not null, Found: null }, "another pass without a find");
        await group.AgreedAsync();
    }

    [Fact]
    public async Task The_scrub_finds_a_damaged_block_of_the_state()
    {
        var parts = SmallSegments with { ScrubAfter = TimeSpan.FromMilliseconds(300), ScrubInterval = TimeSpan.FromMilliseconds(500) };
        await using var group = await TestGroup.StartAsync(parts: parts);
        await FillAsync(group, 0, 200);
        await group.AgreedAsync();
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name); // Its state is on the disk now, and in no cache when it is opened again.
        var file = Directory.GetFiles(Path.Combine(group.DirectoryOf(name), "state"), "*.sst").OrderByDescending(static path => new FileInfo(path).Length).First();
        Flip(file, 500);
        var node = await group.StartAsync(name);
        await Eventually.HoldsAsync(() => node.State == NodeState.Following && Directory.GetDirectories(group.DirectoryOf(name), "state.unusable-*").Length == 1, "found, and the state built anew");
        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_node_by_itself_warns_of_what_the_scrub_found_and_goes_on()
    {
        var directory = Directory.CreateTempSubdirectory("matchpoint-alone-");
        try
        {
            var parts = SmallSegments with { ScrubAfter = TimeSpan.FromMilliseconds(300), ScrubInterval = TimeSpan.FromMilliseconds(500) };
            await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = directory.FullName }, parts, Cancellation);
            for (var i = 0; i < 100; i++) await node.Default.PutAsync(Utf8($"k{i}"), new byte[1000], cancellation: Cancellation);
            await AppliedAsync(node);
            Flip(Directory.GetFiles(Path.Combine(directory.FullName, "log"), "*.log").Order(StringComparer.Ordinal).ElementAt(1), 2000);
            await Eventually.HoldsAsync(
                () => node.GetStatus() is { Scrub.Found: not null } status && status.Warnings.Any(static warning => warning.Contains(".log at byte", StringComparison.Ordinal)),
                () => $"found, and warned of; the warnings are: {string.Join(" | ", node.GetStatus().Warnings)}");
            Assert.Equal(NodeState.Primary, node.State);
            await node.Default.PutAsync(Utf8("after"), Utf8("v"), cancellation: Cancellation);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("ballot")]
    [InlineData("ballot damaged")]
    [InlineData("positions")]
    [InlineData("positions damaged")]
    [InlineData("log")] // Its positions say how far it was flushed at least, and not how far.
    [InlineData("log state")]
    [InlineData("log positions")]
    [InlineData("log state positions")]
    [InlineData("log state positions ballot")]
    [InlineData("identity")]
    [InlineData("identity damaged")]
    [InlineData("everything")]
    public async Task A_node_that_lost_what_it_promised_comes_back_by_itself_and_does_not_vote_before_it_has_caught_up(string lost)
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 100);
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        await FillAsync(group, 100, 100);
        var digest = await group.AgreedAsync();
        Lose(group, name, lost);

        // The primary stays away: the other one has everything, and this one may not help it.
        var primary = group.Primary.Options.Name;
        await group.StopAsync(primary);
        var other = Assert.Single(group.Nodes);
        // It was handed the lead, and has to miss the others first: a node that came before would follow it, and rightly.
        await Eventually.HoldsAsync(() => !other.IsPrimary && other.State == NodeState.Electing, "nobody leads");
        var node = await group.StartAsync(name);
        Assert.False(node.GetStatus().Counts);
        await Eventually.HoldsAsync(
            () => other.Core.Elections.LastRefusal?.Contains("has not caught up yet", StringComparison.Ordinal) == true
                || (other.State == NodeState.Electing && node.State == NodeState.AwaitingMembers && node.Core.Elections.Standing == Standing.Rebooted),
            "a vote was asked for, and refused, or all are awaited");
        Assert.False(other.IsPrimary);
        Assert.False(node.IsPrimary);
        Assert.False(node.GetStatus().Counts);
        Assert.NotEmpty(node.GetStatus().Warnings);

        await group.StartAsync(primary);
        Assert.Equal(digest, await group.AgreedAsync());
        await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part again");

        // Now it is one of a majority like any other.
        await group.StopAsync(group.Nodes.First(third => third != node && !third.IsPrimary).Options.Name);
        await FillAsync(group, 200, 10);
        await group.AgreedAsync();
    }

    [Theory]
    [InlineData("state")]
    public async Task A_node_that_lost_what_can_be_made_again_takes_part_at_once(string lost)
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 100);
        var name = group.Replicas[0].Options.Name;
        await group.AgreedAsync();
        await group.StopAsync(name);
        Lose(group, name, lost);
        var node = await group.StartAsync(name);
        Assert.True(node.GetStatus().Counts);
        await group.AgreedAsync();
    }

    [Theory]
    [InlineData("content")]
    [InlineData("content damaged")]
    public async Task A_node_that_does_not_know_where_its_content_lies_finds_it_and_is_fenced(string lost)
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        await FillAsync(group, 0, 300);
        await TrimAsync(group);
        Directory.Delete(group.DirectoryOf(name), recursive: true);
        var copied = await group.StartAsync(name);
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => copied.GetStatus().Counts, "it takes part");
        Assert.True(File.Exists(Path.Combine(group.DirectoryOf(name), "content")));
        await group.StopAsync(name);
        Lose(group, name, lost);
        group.Links(name, link => link.Cut());
        var node = await group.StartAsync(name);
        Assert.False(node.GetStatus().Counts);
        Assert.True(node.GetStatus().Last > 300);
        group.Links(name, link => link.Heal());
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part again");
    }

    [Fact]
    public async Task What_no_member_keeps_any_more_is_replaced_by_a_full_copy()
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 300);
        var name = group.Replicas[0].Options.Name;
        await group.AgreedAsync();
        await group.StopAsync(name);
        await TrimAsync(group);
        await FillAsync(group, 300, 50);
        Flip(SegmentOf(group, name, 1), 2000);
        DeleteIndexes(group, name);
        var node = await group.StartAsync(name);
        Assert.False(node.GetStatus().Counts);
        await group.AgreedAsync();
        await Eventually.HoldsAsync(() => node.GetStatus().Counts, "it takes part again");
        Assert.NotEmpty(Directory.GetFiles(DamagedOf(group, name)));
    }

    [Fact]
    public async Task A_node_refuses_to_open_a_damaged_log_while_nobody_can_be_asked_and_opens_it_later()
    {
        await using var group = await TestGroup.StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 200);
        var name = group.Replicas[0].Options.Name;
        await group.StopAsync(name);
        Flip(SegmentOf(group, name, 1), 2000);
        DeleteIndexes(group, name);
        group.Links(name, link => link.Cut());
        var before = Snapshot(group.DirectoryOf(name));
        // How long it asks before it gives up depends on this.
        var impatient = group.OptionsOf(name) with { ElectionTimeout = TimeSpan.FromSeconds(0.5) };
        var refused = await Assert.ThrowsAsync<MatchpointException>(async () => await MatchpointNode.OpenAsync(impatient, SmallSegments, Cancellation));
        Assert.Contains("Start the others", refused.Message, StringComparison.Ordinal);
        Assert.Contains(Path.GetFileName(SegmentOf(group, name, 1)), refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, Snapshot(group.DirectoryOf(name)));
        group.Links(name, link => link.Heal());
        await group.StartAsync(name);
        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_node_by_itself_refuses_a_damaged_log_and_leaves_it_as_it_is()
    {
        var directory = Directory.CreateTempSubdirectory("matchpoint-alone-");
        try
        {
            var options = new MatchpointOptions { Directory = directory.FullName };
            await using (var node = await MatchpointNode.OpenAsync(options, SmallSegments, Cancellation))
            {
                for (var i = 0; i < 100; i++) await node.Default.PutAsync(Utf8($"k{i}"), new byte[1000], cancellation: Cancellation);
            }

            Flip(Directory.GetFiles(Path.Combine(directory.FullName, "log"), "*.log").Order(StringComparer.Ordinal).ElementAt(1), 2000);
            foreach (var index in Directory.GetFiles(Path.Combine(directory.FullName, "log")).Where(static path => !path.EndsWith(".log", StringComparison.Ordinal))) File.Delete(index);
            var before = Snapshot(directory.FullName);
            await Assert.ThrowsAsync<MatchpointException>(async () => await MatchpointNode.OpenAsync(options, SmallSegments, Cancellation));
            Assert.Equal(before, Snapshot(directory.FullName));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task FillAsync(TestGroup group, int from, int count)
    {
        await group.SettledAsync();
        var primary = group.Primary;
        await Task.WhenAll(Enumerable.Range(from, count).Select(i => primary.Default.PutAsync(Utf8($"k{i}"), new byte[1000], cancellation: Cancellation).AsTask()));
        await group.AgreedAsync(); // A commit is done when a majority has it, and the node that is to be damaged may be the one that has not.
        foreach (var node in group.Nodes) await AppliedAsync(node);
    }

    /// <summary>Waits until the state holds all that is durable: a log that is damaged earlier is missed by the state, not found by who is to find it.</summary>
    private static Task AppliedAsync(MatchpointNode node) =>
        Eventually.HoldsAsync(() => node.Core.State.Applied.Vlsn >= node.Core.Progress.Durable, "everything applied");

    private static async Task TrimAsync(TestGroup group)
    {
        foreach (var node in group.Nodes)
        {
            await AppliedAsync(node);
            node.Core.State.Flush();
            await Eventually.HoldsAsync(() => node.Core.Log.RemoveUpTo(node.Core.State.Flushed.Vlsn) > 0, "nobody reads the log's head any more, and it goes");
        }
    }

    private static async Task<int> ReadChangesAsync(MatchpointNode node)
    {
        var sets = 0;
        await foreach (var _ in node.ChangesAsync(CommitToken.Beginning, Cancellation))
        {
            if (++sets == node.GetStatus().Durable - TermStarts(node)) break;
        }

        return sets;
    }

    private static long TermStarts(MatchpointNode node)
    {
        using var view = node.Core.Log.View();
        return view.TermEnds().Count;
    }

    private static string SegmentOf(TestGroup group, string name, int which)
    {
        var segments = Directory.GetFiles(Path.Combine(group.DirectoryOf(name), "log"), "*.log").Order(StringComparer.Ordinal).ToList();
        Assert.True(segments.Count > 3);
        return which < 0 ? segments[^-which] : segments[which];
    }

    private static string DamagedOf(TestGroup group, string name) => Path.Combine(group.DirectoryOf(name), "damaged");

    /// <summary>The records of the log, without the headers of the segments.</summary>
    private static byte[] LogOf(TestGroup group, string name) =>
        [.. Directory.GetFiles(Path.Combine(group.DirectoryOf(name), "log"), "*.log").Order(StringComparer.Ordinal).SelectMany(static path => File.ReadAllBytes(path)[64..])];

    private static void Flip(string path, long at)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var one = new byte[1];
        Assert.Equal(1, RandomAccess.Read(file, one, at));
        one[0] ^= 0x10;
        RandomAccess.Write(file, one, at);
    }

    private static void DeleteIndexes(TestGroup group, string name)
    {
        foreach (var path in Directory.GetFiles(Path.Combine(group.DirectoryOf(name), "log")).Where(static path => !path.EndsWith(".log", StringComparison.Ordinal))) File.Delete(path);
    }

    private static void Lose(TestGroup group, string name, string lost)
    {
        var directory = group.DirectoryOf(name);
        if (lost.EndsWith(" damaged", StringComparison.Ordinal))
        {
            var path = Path.Combine(directory, lost.Split(' ')[0]);
            Flip(path, 14);
            if (lost.StartsWith("positions", StringComparison.Ordinal)) Flip(path, 4096 + 14);
            return;
        }

        foreach (var part in lost == "everything" ? Directory.GetFileSystemEntries(directory).Select(Path.GetFileName).ToArray() : lost.Split(' '))
        {
            var path = Path.Combine(directory, part!);
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
            else File.Delete(path);
        }
    }

    /// <summary>Every file with its content.</summary>
    private static List<string> Snapshot(string directory) =>
        [.. Directory.GetFiles(Path.Combine(directory, "log")).Order(StringComparer.Ordinal)
            .Select(static path => $"{path} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)))}")];
}
