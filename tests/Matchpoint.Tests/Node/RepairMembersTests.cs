using Matchpoint.Node;
using Matchpoint.Storage.Log;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>A damaged node asks the members that the group has now, not those that its options name.</summary>
public class RepairMembersTests
{
    private static readonly NodeParts SmallSegments = NodeParts.Real with { Log = new LogOptions { SegmentBytes = 32 * 1024 } };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)] // Only the log tells then.
    public async Task A_member_that_was_added_later_is_asked_when_it_alone_is_there(bool hasState)
    {
        await using var group = await StartAsync(parts: SmallSegments);
        await FillAsync(group, 0, 200);
        await group.Primary.AddMemberAsync(group.Prepare("d"), Cancellation);
        await group.StartAsync("d");
        await Eventually.HoldsAsync(() => group.Primary is { } primary && primary.Core.Members.Roster.IsVoter("d"), "d counts");
        await FillAsync(group, 200, 50);
        await group.AgreedAsync();
        foreach (var name in new[] { "a", "b", "c" }) await group.StopAsync(name);
        var segment = SegmentsOf(group, "a")[2];
        Flip(segment, 1000);
        foreach (var path in Directory.GetFiles(Path.GetDirectoryName(segment)!).Where(static path => !path.EndsWith(".log", StringComparison.Ordinal))) File.Delete(path);
        if (!hasState) Directory.Delete(Path.Combine(group.DirectoryOf("a"), "state"), recursive: true);

        Assert.DoesNotContain(group.OptionsOf("a").Members, static member => member.Name == "d");
        var node = await group.StartAsync("a");
        Assert.Contains(node.GetStatus().Warnings, static warning => warning.Contains("fetched again from d", StringComparison.Ordinal));
        await group.StartAsync("b");
        await group.StartAsync("c");
        await group.AgreedAsync();
    }

    [Fact]
    public async Task A_node_that_began_alone_mends_itself_with_those_that_came_later()
    {
        await using var group = await StartAsync(1, parts: SmallSegments);
        await FillAsync(group, 0, 200);
        foreach (var name in new[] { "b", "c" })
        {
            await group["a"].AddMemberAsync(group.Prepare(name), Cancellation);
            await group.StartAsync(name);
            await Eventually.HoldsAsync(() => group["a"].Core.Members.Roster.IsVoter(name), $"{name} counts");
        }

        await group.AgreedAsync();
        await group.StopAsync("a");
        var segment = SegmentsOf(group, "a")[2];
        Flip(segment, 1000);
        foreach (var path in Directory.GetFiles(Path.GetDirectoryName(segment)!).Where(static path => !path.EndsWith(".log", StringComparison.Ordinal))) File.Delete(path);
        var node = await group.StartAsync("a");
        Assert.Contains(node.GetStatus().Warnings, static warning => warning.Contains("fetched again from ", StringComparison.Ordinal));
        await group.AgreedAsync();
    }

    private static async Task FillAsync(TestGroup group, int from, int count)
    {
        var primary = group.Primary;
        await Task.WhenAll(Enumerable.Range(from, count).Select(i => primary.Default.PutAsync(Utf8($"k{i}"), new byte[1000], cancellation: Cancellation).AsTask()));
    }

    private static List<string> SegmentsOf(TestGroup group, string name)
    {
        var segments = Directory.GetFiles(Path.Combine(group.DirectoryOf(name), "log"), "*.log").Order(StringComparer.Ordinal).ToList();
        Assert.True(segments.Count > 3);
        return segments;
    }

    private static void Flip(string path, long at)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var one = new byte[1];
        Assert.Equal(1, RandomAccess.Read(file, one, at));
        one[0] ^= 0x10;
        RandomAccess.Write(file, one, at);
    }
}
