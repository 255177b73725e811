namespace Matchpoint.Tests.Node;

/// <summary>A full copy goes on where it was: after a lost connection, after the node was closed, with the next donor when one is gone; and it keeps to its rate.</summary>
public class CopyResumeTests
{
    private const int Chunk = 1024 * 1024;
    private const int StateBytes = 20_000_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_a_lost_connection_the_same_picture_goes_on_and_nothing_that_came_is_sent_again()
    {
        await using var group = await LostAsync(rate: 5_000_000);
        var (lost, steps) = await BeginAsync(group);
        await Eventually.HoldsAsync(() => group[lost].GetStatus().Copy is { } copy && copy.Bytes > copy.TotalBytes / 2, "half of the copy");
        var donor = group[lost].GetStatus().Copy!.Donor;
        Assert.NotEqual(group.Primary.Options.Name, donor);
        var (had, total) = Break(group.Link(lost, donor), steps);
        await Eventually.HoldsAsync(() => group[lost].State == NodeState.Following, "the copy, and then the stream");
        lock (steps)
        {
            var again = steps.SkipWhile(static step => step is not null).Skip(1).ToList();
            Assert.All(again, step => Assert.Equal((donor, total), (step!.Donor, step.TotalBytes)));
            Assert.True(again[0]!.Bytes >= had, $"{had} bytes had come, and it went on at {again[0]!.Bytes}");
        }

        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_node_that_was_closed_at_nine_tenths_asks_for_less_than_fifteen_percent_again()
    {
        await using var group = await LostAsync(rate: 5_000_000);
        var (lost, _) = await BeginAsync(group);
        CopyProgress? had = null;
        await Eventually.HoldsAsync(() => (had = group[lost].GetStatus().Copy) is not null && had.Bytes > had.TotalBytes * 0.9, "nine tenths of the copy");
        await group.StopAsync(lost);
        // Written meanwhile: a picture taken anew would hold other files.
        await Filling.WriteAsync(group.Primary, 10_000, 500, 1000);
        var (_, steps) = await BeginAsync(group, lost);
        await Eventually.HoldsAsync(() => group[lost].State == NodeState.Following, "the copy, and then the stream");
        lock (steps)
        {
            var first = steps[0]!;
            Assert.Equal(had!.TotalBytes, first.TotalBytes);
            Assert.True(first.TotalBytes - first.Bytes + Chunk < 0.15 * first.TotalBytes, $"{first.Bytes} of {first.TotalBytes} were there");
            Assert.True(first.Bytes >= had.Bytes, $"{had.Bytes} bytes had come, and it went on at {first.Bytes}");
        }

        await group.AgreedAsync();
    }

    [Fact]
    public async Task When_the_donor_is_killed_in_the_middle_the_next_one_goes_on()
    {
        await using var group = await LostAsync(rate: 5_000_000, size: 5);
        var (lost, steps) = await BeginAsync(group);
        await Eventually.HoldsAsync(() => group[lost].GetStatus().Copy is { } copy && copy.Bytes > copy.TotalBytes / 2, "half of the copy");
        var donor = group[lost].GetStatus().Copy!.Donor;
        Assert.Equal(group.Replicas.Where(node => node != group[lost]).Select(static node => node.Options.Name).Order(StringComparer.Ordinal).First(), donor);
        group.Links(donor, static link => link.Cut());
        await Eventually.HoldsAsync(() => group[lost].State == NodeState.Following, "the copy of the next donor, and then the stream");
        lock (steps)
        {
            var donors = steps.Where(static step => step is not null).Select(static step => step!.Donor).Distinct().ToList();
            Assert.Equal(donor, donors[0]);
            Assert.Equal(2, donors.Count);
            // Another donor is asked, and not the primary, as long as there is one.
            Assert.NotEqual(group.Primary.Options.Name, donors[1]);
        }

        group.Links(donor, static link => link.Heal());
        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_copy_keeps_its_rate_within_five_percent()
    {
        const int rate = 4_000_000;
        await using var group = await LostAsync(rate);
        var (lost, steps) = await BeginAsync(group);
        await Eventually.HoldsAsync(() => group[lost].State == NodeState.Following, "the copy, and then the stream");
        lock (steps)
        {
            var last = steps[^1]!;
            Assert.Equal(last.TotalBytes, last.Bytes);
            Assert.InRange(last.BytesPerSecond, rate * 0.95, rate * 1.05);
        }
    }

    /// <summary>A group of which one member has lost its disk, and needs a copy.</summary>
    private static async Task<TestGroup> LostAsync(long rate, int size = 3)
    {
        var group = await TestGroup.StartAsync(size, options => Filling.Calm(options) with { CopyBytesPerSecond = rate }, Filling.Parts());
        var lost = group.Replicas[^1].Options.Name;
        await group.StopAsync(lost);
        await Filling.WriteAsync(group.Primary, 0, StateBytes / 10_000, 10_000);
        await group.AgreedAsync();
        Directory.Delete(group.DirectoryOf(lost), recursive: true);
        await Eventually.HoldsAsync(() => group.Primary.GetStatus().First > 1, "a log that does not reach back to the first record");
        return group;
    }

    /// <summary>Starts the member, and notes what is told of its copy.</summary>
    private static async Task<(string Lost, List<CopyProgress?> Steps)> BeginAsync(TestGroup group, string? name = null)
    {
        var lost = name ?? group.Names.Single(member => group.Nodes.All(node => node.Options.Name != member));
        var steps = new List<CopyProgress?>();
        var node = await group.StartAsync(lost);
        node.CopyProgressed += (_, progress) =>
        {
            lock (steps) steps.Add(progress);
        };
        return (lost, steps);
    }

    /// <summary>Breaks a connection once, and marks the place among the steps.</summary>
    private static (long Had, long Total) Break(TestLink link, List<CopyProgress?> steps)
    {
        lock (steps)
        {
            var last = steps[^1]!;
            steps.Add(null);
            link.Drop();
            return (last.Bytes, last.TotalBytes);
        }
    }
}
