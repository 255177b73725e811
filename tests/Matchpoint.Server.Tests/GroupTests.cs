using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Matchpoint.Tests.Node;

namespace Matchpoint.Server.Tests;

/// <summary>Three nodes, each with a server.</summary>
public class GroupTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_write_to_a_replica_is_sent_on_to_the_primary()
    {
        await using var group = await ServedGroup.StartAsync();
        var replica = group.Nodes.Replicas[0].Options.Name;
        var primary = group.Nodes.Primary.Options.Name;
        const string path = "api/databases/default/keys/a%2Fb?acks=all";
        await UntilAsync(group, replica, "api/group", json => Member(json, primary).GetProperty("answers").GetBoolean());
        using var answer = await group.Client.PutAsync(group.At(replica, path), new StringContent("v"), Cancellation);
        var problem = await DataTests.ProblemAsync(answer, HttpStatusCode.TemporaryRedirect, "not-primary");
        Assert.Equal(primary, problem.GetProperty("primary").GetString());
        Assert.Equal(group.At(primary, path).AbsoluteUri, answer.Headers.Location!.AbsoluteUri);
        using var there = await group.Client.PutAsync(answer.Headers.Location, new StringContent("v"), Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, there.StatusCode);
        Assert.Equal("v", await group.Client.GetStringAsync(group.At(replica, "api/databases/default/keys/a%2Fb?level=linearizable"), Cancellation));
    }

    [Fact]
    public async Task What_was_undone_is_listed_shown_downloaded_and_written_once_more_from_whichever_node()
    {
        await using var group = await ServedGroup.StartAsync();
        var old = await group.UndoAsync("lonely", "one");
        foreach (var name in group.Nodes.Names)
        {
            var list = await UntilAsync(group, name, "api/rollbacks", json => json.GetArrayLength() == 1 && json[0].GetProperty("export").GetProperty("state").GetString() == "undone");
            var export = list[0].GetProperty("export");
            Assert.Equal((old, "undone", 1), (list[0].GetProperty("member").GetString(), export.GetProperty("state").GetString(), export.GetProperty("commits").GetInt32()));
            var path = $"api/rollbacks/{old}/{export.GetProperty("name").GetString()}";
            var shown = await JsonAsync(group, name, path);
            Assert.Equal("lonely", shown.GetProperty("operations")[0].GetProperty("key").GetString());
            using var file = await group.Client.GetAsync(group.At(name, $"{path}/download"), Cancellation);
            Assert.Equal(export.GetProperty("name").GetString(), file.Content.Headers.ContentDisposition!.FileName!.Trim('"'));
            var lines = (await file.Content.ReadAsStringAsync(Cancellation)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(3, lines.Length);
            var syncups = await UntilAsync(group, name, "api/syncups", json => json.EnumerateArray().Any(one => one.GetProperty("syncup").TryGetProperty("export", out _)));
            Assert.Contains(syncups.EnumerateArray(), one => one.GetProperty("member").GetString() == old && one.GetProperty("syncup").GetProperty("undoneCommits").GetInt32() == 1);
        }

        // From a replica: it is brought to the primary. The second time it meets itself.
        var replica = group.Nodes.Replicas[0].Options.Name;
        var named = (await JsonAsync(group, replica, "api/rollbacks"))[0].GetProperty("export").GetProperty("name").GetString();
        var first = await ReapplyAsync(group, replica, old, named!);
        Assert.Equal("applied", first[0].GetProperty("outcome").GetString());
        Assert.Equal("one", await group.Nodes.Primary.Default.GetTextAsync("lonely", cancellation: Cancellation));
        var second = await ReapplyAsync(group, replica, old, named!);
        Assert.Equal("conflict", second[0].GetProperty("outcome").GetString());
        Assert.Contains("has changed it since", second[0].GetProperty("conflicts")[0].GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("..%2F..%2Fidentity")]
    [InlineData("nothing.jsonl")]
    public async Task An_export_is_found_by_a_name_that_is_listed_and_by_no_path(string name)
    {
        await using var group = await ServedGroup.StartAsync(size: 1);
        var asIs = new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true };
        using var answer = await group.Client.GetAsync(new Uri($"{group.UrlOf("a")}/api/rollbacks/a/{name}/download", asIs), Cancellation);
        await DataTests.ProblemAsync(answer, HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task A_verdict_tells_of_a_member_that_is_gone_and_of_a_majority_that_is_gone()
    {
        await using var group = await ServedGroup.StartAsync();
        var names = group.Nodes.Names.ToList();
        await UntilAsync(group, names[0], "api/group", json => Health(json) == "Well");
        var gone = group.Nodes.Primary.Options.Name;
        var left = names.Where(name => name != gone).ToList();
        await group.StopAsync(gone);
        await UntilAsync(group, left[0], "api/group", json => Health(json) == "Attention"
            && json.GetProperty("verdict").TryGetProperty("primary", out var primary) && primary.GetString() != gone
            && Findings(json).Any(finding => finding.TryGetProperty("member", out var member) && member.GetString() == gone));
        await UntilStatusAsync(group, left[0], "health/caught-up", HttpStatusCode.OK);
        await group.StopAsync(left[1]);
        await UntilAsync(group, left[0], "api/group", json => Health(json) == "Down"
            && Findings(json).First().GetProperty("what").GetString()!.Contains("2 are needed", StringComparison.Ordinal));
        await UntilStatusAsync(group, left[0], "health/ready", HttpStatusCode.ServiceUnavailable);
        using var live = await group.Client.GetAsync(group.At(left[0], "health/live"), Cancellation);
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
        using var write = await group.Client.PutAsync(group.At(left[0], "api/databases/default/keys/k"), new StringContent("v"), Cancellation);
        await DataTests.ProblemAsync(write, HttpStatusCode.ServiceUnavailable, "not-primary");
        await group.StartAsync(gone);
        await UntilAsync(group, left[0], "api/group", json => Health(json) == "Attention");
    }

    [Fact]
    public async Task Throughput_and_latency_of_the_primary_are_seen_from_every_node()
    {
        await using var group = await ServedGroup.StartAsync();
        var replica = group.Nodes.Replicas[0].Options.Name;
        await UntilAsync(group, replica, "api/group", json => Health(json) == "Well");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var writing = Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++) await group.Nodes.Primary.Default.PutAsync("k", $"{i}", cancellation: Cancellation);
        }, Cancellation);
        var view = await UntilAsync(group, replica, "api/group", json => json.GetProperty("samples").EnumerateArray()
            .Any(sample => sample.GetProperty("commits").GetDouble() > 1 && sample.TryGetProperty("p99", out _)));
        await stop.CancelAsync();
        await writing;
        var timed = view.GetProperty("samples").EnumerateArray().Where(sample => sample.TryGetProperty("p50", out _));
        Assert.All(timed, sample => Assert.True(sample.GetProperty("p50").GetDouble() <= sample.GetProperty("p99").GetDouble()));
    }

    [Fact]
    public async Task Metrics_are_what_the_meter_named_Matchpoint_measures_with_bounds_that_fit_seconds()
    {
        await using var group = await ServedGroup.StartAsync(size: 1);
        using var meter = new Meter("Matchpoint");
        var histogram = meter.CreateHistogram<double>("matchpoint.test.duration", "s");
        await UntilTextAsync(group, "metrics", () => histogram.Record(0.0007), text =>
            text.Contains("matchpoint_test_duration_seconds_bucket", StringComparison.Ordinal) && text.Contains("le=\"0.00025\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_description_names_every_operation()
    {
        await using var group = await ServedGroup.StartAsync(size: 1);
        var json = await JsonAsync(group, "a", "openapi.json");
        Assert.StartsWith("3.1", json.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        var paths = json.GetProperty("paths").EnumerateObject().Select(path => path.Name).ToList();
        Assert.Contains("/api/databases/{database}/keys/{key}", paths);
        Assert.Contains("/api/databases/{database}/keys", paths);
        foreach (var name in new[] { "api/transactions", "api/changes", "api/status", "api/group", "api/syncups", "api/events", "api/rollbacks", "health/live" }) Assert.Contains($"/{name}", paths);
    }

    internal static async Task<JsonElement> JsonAsync(ServedGroup group, string member, string path)
    {
        using var answer = await group.Client.GetAsync(group.At(member, path), Cancellation);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync(Cancellation)}");
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
    }

    private static string? Health(JsonElement view) => view.GetProperty("verdict").GetProperty("health").GetString();

    private static JsonElement.ArrayEnumerator Findings(JsonElement view) => view.GetProperty("verdict").GetProperty("findings").EnumerateArray();

    private static JsonElement Member(JsonElement view, string name) => view.GetProperty("members").EnumerateArray().First(member => member.GetProperty("name").GetString() == name);

    private static async Task<JsonElement> ReapplyAsync(ServedGroup group, string from, string member, string name)
    {
        using var answer = await group.Client.PostAsync(group.At(from, $"api/rollbacks/{member}/{name}/reapply"), null, Cancellation);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
    }

    private static async Task<JsonElement> UntilAsync(ServedGroup group, string member, string path, Func<JsonElement, bool> holds)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var json = await JsonAsync(group, member, path);
            if (holds(json)) return json;
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Eventually.Patience, $"{path} stayed: {json}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancellation);
        }
    }

    private static async Task UntilStatusAsync(ServedGroup group, string member, string path, HttpStatusCode status)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            using var answer = await group.Client.GetAsync(group.At(member, path), Cancellation);
            if (answer.StatusCode == status) return;
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Eventually.Patience, $"{path} stayed {answer.StatusCode}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancellation);
        }
    }

    private static async Task UntilTextAsync(ServedGroup group, string path, Action before, Func<string, bool> holds)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            before();
            var text = await group.Client.GetStringAsync(group.At("a", path), Cancellation);
            if (holds(text)) return;
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Eventually.Patience, $"{path} stayed: {text}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancellation);
        }
    }
}
