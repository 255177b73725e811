using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Matchpoint.Tests.Node;

namespace Matchpoint.Server.Tests;

/// <summary>The members, and who leads them, over HTTP.</summary>
public class MemberTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_member_is_taken_in_changed_and_removed_from_whichever_node_is_asked()
    {
        await using var group = await ServedGroup.StartAsync();
        var replica = group.Nodes.Replicas[0].Options.Name;
        await SeenAsync(group, replica);
        var added = group.Nodes.Prepare("d");
        var body = new { name = "d", address = added.Address };

        var plan = await AskAsync(group, HttpMethod.Post, replica, "api/members?plan=true", body);
        Assert.Equal("Take d in?", plan.GetProperty("question").GetString());
        Assert.Equal((3, 2, 4, 3), (Number(plan, "before", "voters"), Number(plan, "before", "majority"), Number(plan, "after", "voters"), Number(plan, "after", "majority")));
        Assert.Contains(plan.GetProperty("consequences").EnumerateArray(), one => one.GetString()!.Contains("2 of 3 voters must have a write, and 1 may be lost", StringComparison.Ordinal)
            && one.GetString()!.Contains("Then 3 of 4 must, and 1 may be lost", StringComparison.Ordinal));
        Assert.Equal(2, group.Nodes[replica].GetStatus().Members.Count);

        var done = await AskAsync(group, HttpMethod.Post, replica, "api/members", body);
        Assert.Contains("d is a member since record", done.GetProperty("done").GetString(), StringComparison.Ordinal);
        Assert.Contains(group.Nodes[replica].Core.Board.Notes, note => note.StartsWith("asked over HTTP by somebody on this machine: d is a member", StringComparison.Ordinal));
        await group.StartAsync("d");
        var list = await UntilMembersAsync(group, replica, json => Find(json, "d") is { } member && member.GetProperty("counts").GetBoolean());
        Assert.Equal(4, Number(list, "quorum", "voters"));

        await AskAsync(group, HttpMethod.Put, replica, "api/members/d", new { address = added.Address, kind = "Secondary", priority = 0 });
        await UntilMembersAsync(group, replica, json => Find(json, "d")?.GetProperty("kind").GetString() == "Secondary");
        await AskAsync(group, HttpMethod.Delete, replica, "api/members/d", body: null);
        await UntilMembersAsync(group, replica, json => Find(json, "d") is null);
        await Eventually.HoldsAsync(() => group.Nodes["d"].State == NodeState.Removed, "the removed member knows it");
    }

    [Fact]
    public async Task The_primary_is_handed_over_from_whichever_node_is_asked()
    {
        await using var group = await ServedGroup.StartAsync();
        var (old, heir) = (group.Nodes.Primary.Options.Name, group.Nodes.Replicas[0].Options.Name);
        await SeenAsync(group, heir);
        var plan = await AskAsync(group, HttpMethod.Post, heir, "api/transfer?plan=true", new { to = heir });
        Assert.Equal($"Make {heir} the primary?", plan.GetProperty("question").GetString());
        Assert.Contains($"{heir} lacks", plan.GetProperty("consequences")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal(old, group.Nodes.Primary.Options.Name);
        var done = await AskAsync(group, HttpMethod.Post, heir, "api/transfer", new { to = heir });
        Assert.Equal(heir, done.GetProperty("primary").GetString());
        await Eventually.HoldsAsync(() => group.Nodes.Primary?.Options.Name == heir, "the heir leads");
    }

    [Fact]
    public async Task What_may_not_be_done_is_refused_in_words_by_the_plan_and_by_the_change()
    {
        await using var group = await ServedGroup.StartAsync();
        var primary = group.Nodes.Primary.Options.Name;
        var replica = group.Nodes.Replicas[0].Options.Name;
        await SeenAsync(group, replica);
        var plan = await AskAsync(group, HttpMethod.Delete, replica, $"api/members/{primary}?plan=true", body: null);
        Assert.Contains("transfer the primary to another member first", plan.GetProperty("refusal").GetString(), StringComparison.Ordinal);
        foreach (var asked in new[] { replica, primary })
        {
            using var answer = await SendAsync(group, HttpMethod.Delete, asked, $"api/members/{primary}", body: null);
            var problem = await DataTests.ProblemAsync(answer, HttpStatusCode.Conflict, "refused");
            Assert.Contains("transfer the primary to another member first", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }

        await RefusedAsync(group, HttpMethod.Post, replica, "api/transfer", new { to = "nobody" }, HttpStatusCode.Conflict, "refused");
        await RefusedAsync(group, HttpMethod.Post, replica, "api/members", new { name = "d", address = "nowhere" }, HttpStatusCode.BadRequest, "bad-request");
        await RefusedAsync(group, HttpMethod.Post, replica, "api/members", new { name = "d" }, HttpStatusCode.BadRequest, "bad-request");
        await RefusedAsync(group, HttpMethod.Put, replica, "api/members/d", new { name = "e", address = "10.0.0.1:1" }, HttpStatusCode.BadRequest, "bad-request");
        await RefusedAsync(group, HttpMethod.Post, replica, "api/members", new { name = "d", address = "10.0.0.1:1", priority = 12 }, HttpStatusCode.BadRequest, "bad-request");
        await RefusedAsync(group, HttpMethod.Post, replica, "api/transfer", new { timeout = 0 }, HttpStatusCode.BadRequest, "bad-request");
        Assert.Equal(primary, group.Nodes.Primary.Options.Name);
    }

    [Fact]
    public async Task A_plan_warns_of_a_change_that_would_stop_writes()
    {
        await using var group = await ServedGroup.StartAsync();
        var (gone, left) = (group.Nodes.Replicas[0].Options.Name, group.Nodes.Replicas[1].Options.Name);
        var primary = group.Nodes.Primary.Options.Name;
        await SeenAsync(group, primary);
        await group.StopAsync(gone);
        const string danger = "Of the 2 voters that would be left 1 answers now, and 2 are needed: writes would wait until more of them run.";
        await UntilAsync(group, HttpMethod.Delete, primary, $"api/members/{left}?plan=true", plan => plan.TryGetProperty("danger", out var told) && told.GetString() == danger);
        await UntilAsync(group, HttpMethod.Delete, primary, $"api/members/{gone}?plan=true", plan => plan.TryGetProperty("question", out _) && !plan.TryGetProperty("danger", out _));
    }

    [Fact]
    public async Task When_each_member_read_its_disk_again_is_told()
    {
        await using var group = await ServedGroup.StartAsync();
        await SeenAsync(group, "a");
        await UntilAsync(group, "a", "api/scrubs", json => json.EnumerateArray().Select(one => one.GetProperty("member").GetString()).SequenceEqual(["a", "b", "c"])
            && json.EnumerateArray().All(one => one.GetProperty("answers").GetBoolean()));
    }

    [Fact]
    public async Task The_description_names_them()
    {
        await using var group = await ServedGroup.StartAsync(size: 1);
        var paths = (await UntilAsync(group, "a", "openapi.json", _ => true)).GetProperty("paths");
        Assert.Equal(["get", "post"], paths.GetProperty("/api/members").EnumerateObject().Select(method => method.Name).Order(StringComparer.Ordinal));
        Assert.Equal(["delete", "put"], paths.GetProperty("/api/members/{name}").EnumerateObject().Select(method => method.Name).Order(StringComparer.Ordinal));
        Assert.True(paths.GetProperty("/api/transfer").GetProperty("post").TryGetProperty("requestBody", out _));
        Assert.True(paths.TryGetProperty("/api/scrubs", out _));
        Assert.True(paths.TryGetProperty("/api/caller", out _));
    }

    private static Task<JsonElement> SeenAsync(ServedGroup group, string member) =>
        UntilAsync(group, member, "api/group", json => json.GetProperty("verdict").TryGetProperty("primary", out _)
            && json.GetProperty("members").EnumerateArray().All(one => one.GetProperty("answers").GetBoolean()));

    private static Task<JsonElement> UntilMembersAsync(ServedGroup group, string member, Func<JsonElement, bool> holds) => UntilAsync(group, member, "api/members", holds);

    private static JsonElement? Find(JsonElement list, string name)
    {
        foreach (var member in list.GetProperty("members").EnumerateArray())
        {
            if (member.GetProperty("name").GetString() == name) return member;
        }

        return null;
    }

    private static int Number(JsonElement json, string part, string name) => json.GetProperty(part).GetProperty(name).GetInt32();

    private static Task<JsonElement> UntilAsync(ServedGroup group, string member, string path, Func<JsonElement, bool> holds) => UntilAsync(group, HttpMethod.Get, member, path, holds);

    private static async Task<JsonElement> UntilAsync(ServedGroup group, HttpMethod method, string member, string path, Func<JsonElement, bool> holds)
    {
        JsonElement json = default;
        await Eventually.HoldsAsync(async () => holds(json = await AskAsync(group, method, member, path, body: null)), () => $"{method} {path} of {member} stayed {json}");
        return json;
    }

    private static async Task RefusedAsync(ServedGroup group, HttpMethod method, string member, string path, object body, HttpStatusCode status, string code)
    {
        using var answer = await SendAsync(group, method, member, path, body);
        await DataTests.ProblemAsync(answer, status, code);
    }

    private static async Task<JsonElement> AskAsync(ServedGroup group, HttpMethod method, string member, string path, object? body)
    {
        using var answer = await SendAsync(group, method, member, path, body);
        var text = await answer.Content.ReadAsStringAsync(Cancellation);
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {answer.StatusCode} {text}");
        using var json = JsonDocument.Parse(text);
        return json.RootElement.Clone();
    }

    private static Task<HttpResponseMessage> SendAsync(ServedGroup group, HttpMethod method, string member, string path, object? body)
    {
        var request = new HttpRequestMessage(method, group.At(member, path)) { Content = body is null ? null : JsonContent.Create(body, body.GetType()) };
        return group.Client.SendAsync(request, Cancellation);
    }
}
