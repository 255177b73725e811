using System.Collections.Concurrent;
using System.Globalization;
using Matchpoint.Node;
using Matchpoint.Storage.Log;
using Matchpoint.Tests.Node;
using Microsoft.Extensions.Logging;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Server.Tests;

/// <summary>A syncup and a full copy that really happened, as the meter, the traces, the log and Prometheus tell of them: each with the values that it had.</summary>
public sealed class EventTelemetryTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_syncup_that_undid_a_commit_is_told_by_every_means_with_its_values()
    {
        using var told = new Told("undone");
        await using var group = await ServedGroup.StartAsync(change: options => Named(options, told, "undone"));
        var primary = group.Nodes.Primary;
        await primary.Default.PutAsync(Utf8("shared"), Utf8("v"), cancellation: Cancellation);
        await group.Nodes.AgreedAsync();
        var shared = primary.GetStatus().Last;
        var summaries = new ConcurrentQueue<SyncupSummary>();
        var exports = new ConcurrentQueue<string>();
        primary.SyncupCompleted += (_, summary) => summaries.Enqueue(summary);
        primary.RolledBack += (_, notice) => exports.Enqueue(notice.Export);
        told.Measure();

        var name = await group.UndoAsync("lonely", "v");
        await Eventually.HoldsAsync(() => told.Ended("matchpoint.syncup", name).Any(static activity => activity.GetTagItem("matchpoint.undone.transactions") is 1L), "the syncup traced");
        var summary = Assert.Single(summaries, static summary => summary.UndoneCommits == 1);
        Assert.Equal(shared, summary.Matchpoint);

        Assert.Equal(1, told.Sum("matchpoint.undone.transactions", name));
        Assert.Equal(summaries.Count, told.Sum("matchpoint.syncups", name));
        Assert.Equal(summaries.Count, told.Count("matchpoint.syncup.duration", name));
        Assert.Equal(summaries.Sum(static one => one.Duration.TotalSeconds), told.Sum("matchpoint.syncup.duration", name), 9);

        var activity = Assert.Single(told.Ended("matchpoint.syncup", name), static activity => activity.GetTagItem("matchpoint.undone.transactions") is 1L);
        Assert.Equal(summary.Feeder, activity.GetTagItem("matchpoint.feeder"));
        Assert.Equal(summary.Matchpoint, activity.GetTagItem("matchpoint.vlsn"));
        Assert.Equal(summary.RoundTrips, activity.GetTagItem("matchpoint.roundtrips"));
        Assert.Equal(summary.Decision, activity.GetTagItem("matchpoint.decision"));
        Assert.InRange(activity.Duration, summary.Duration, summary.Duration + TimeSpan.FromSeconds(30));

        Assert.Contains(told.Lines, line => line.Id == 1011 && line.Level == LogLevel.Information && line.Text.Contains(summary.Decision, StringComparison.Ordinal));
        var undone = Assert.Single(told.Lines, static line => line.Id == 1012);
        Assert.Equal(LogLevel.Warning, undone.Level);
        Assert.Contains(Assert.Single(exports), undone.Text, StringComparison.Ordinal);
        Assert.Contains($"ends at record {shared} now", undone.Text, StringComparison.Ordinal);
        Assert.Contains(told.Lines, static line => line.Id == 1010);

        await ScrapedAsync(group, name, "matchpoint_undone_transactions_total", "undone", name, "", 1);
        await ScrapedAsync(group, name, "matchpoint_syncups_total", "undone", name, "", summaries.Count);
        await ScrapedAsync(group, name, "matchpoint_syncup_duration_seconds_count", "undone", name, "", summaries.Count);
    }

    [Fact]
    public async Task A_full_copy_is_told_by_every_means_with_its_values()
    {
        const int values = 400;
        using var told = new Told("copied");
        await using var group = await ServedGroup.StartAsync(
            change: options => Named(options, told, "copied"), parts: NodeParts.Real with { Log = new LogOptions { SegmentBytes = 64 * 1024 } });
        var lost = group.Nodes.Replicas[0].Options.Name;
        await group.StopAsync(lost);
        await FillAndTrimAsync(group.Nodes, values);
        Directory.Delete(group.Nodes.DirectoryOf(lost), recursive: true);
        told.Measure();
        await group.StartAsync(lost);
        await Eventually.HoldsAsync(() => told.Ended("matchpoint.copy", lost).Any(), "the copy traced");
        await group.Nodes.AgreedAsync();

        Assert.Equal(1, told.Sum("matchpoint.copies", lost));
        var activity = Assert.Single(told.Ended("matchpoint.copy", lost));
        var donor = Assert.IsType<string>(activity.GetTagItem("matchpoint.donor"));
        Assert.Contains(donor, group.Nodes.Names.Where(name => name != lost));
        var size = Assert.IsType<long>(activity.GetTagItem("matchpoint.copy.size"));
        Assert.InRange(size, values * 1000L, values * 1000L * 10); // They cannot be compressed; the log from the picture on comes with them.
        Assert.True(activity.Duration > TimeSpan.Zero);
        Assert.InRange(TimeProvider.System.GetUtcNow().UtcDateTime - activity.StartTimeUtc, TimeSpan.Zero, TimeSpan.FromMinutes(10));

        var opened = Assert.Single(told.Lines, static line => line.Id == 1021);
        Assert.Equal(LogLevel.Information, opened.Level);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"from {donor} of {size} bytes"), opened.Text, StringComparison.Ordinal);
        Assert.Contains(told.Lines, static line => line.Id == 1020 && line.Level == LogLevel.Debug);
        Assert.DoesNotContain(told.Lines, static line => line.Id == 1022);

        // Everything in this process is measured by every server in it, also by one that was there before the copy.
        await ScrapedAsync(group, donor, "matchpoint_copies_total", "copied", lost, "matchpoint_outcome=\"opened\"", 1);
    }

    private static MatchpointOptions Named(MatchpointOptions options, Told told, string group) =>
        Steady(options) with { Group = group, LoggerFactory = told.Logging };

    private static async Task FillAndTrimAsync(TestGroup group, int values)
    {
        await group.SettledAsync();
        var primary = group.Primary;
        await Task.WhenAll(Enumerable.Range(0, values).Select(i =>
        {
            var value = new byte[1000];
            new Random(i).NextBytes(value);
            return primary.Default.PutAsync(Utf8($"k{i}"), value, cancellation: Cancellation).AsTask();
        }));
        foreach (var node in group.Nodes)
        {
            await Eventually.HoldsAsync(() => node.GetStatus().Applied >= primary.GetStatus().Durable, "everything applied");
            node.Core.State.Flush();
            Assert.True(node.Core.Log.RemoveUpTo(node.Core.State.Flushed.Vlsn) > 0);
        }
    }

    /// <summary>Waits until a server gives Prometheus a value: it keeps what it has gathered for a moment.</summary>
    private static async Task ScrapedAsync(ServedGroup group, string server, string metric, string of, string node, string label, double value)
    {
        await Eventually.HoldsAsync(
            async () =>
            {
                var text = await group.Client.GetStringAsync(group.At(server, "metrics"), Cancellation);
                var seen = text.Split('\n').FirstOrDefault(line => line.StartsWith($"{metric}{{", StringComparison.Ordinal)
                    && line.Contains($"matchpoint_group=\"{of}\"", StringComparison.Ordinal)
                    && line.Contains($"matchpoint_node=\"{node}\"", StringComparison.Ordinal)
                    && line.Contains(label, StringComparison.Ordinal)) ?? "";
                return seen.Length > 0 && double.Parse(seen[(seen.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture).Equals(value);
            },
            $"{metric} of {node} is {value}");
    }
}
