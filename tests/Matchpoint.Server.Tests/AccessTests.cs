using System.Net;
using System.Net.Http.Headers;

namespace Matchpoint.Server.Tests;

/// <summary>Who is let in.</summary>
public class AccessTests
{
    private const string Token = "a-token-that-nobody-guesses";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_a_token_nothing_of_the_data_is_told_to_whoever_does_not_bring_it()
    {
        await using var group = await ServedGroup.StartAsync(size: 1, new MatchpointServerOptions { BearerToken = Token });
        foreach (var path in new[] { "api/status", "api/group", "api/databases/default/keys", "api/databases/default/keys/k", "api/changes", "api/rollbacks", "api/syncups", "api/events", "metrics" })
        {
            foreach (var header in new[] { null, "Bearer wrong", "Bearer", $"Basic {Token}", $"Bearer {Token}x" })
            {
                using var answer = await AskAsync(group, path, header);
                Assert.True(answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.TooManyRequests, $"{path} with {header}: {answer.StatusCode}");
            }
        }

        foreach (var path in new[] { "api/status", "metrics" })
        {
            using var answer = await AskAsync(group, path, $"Bearer {Token}");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    [Fact]
    public async Task Health_the_description_and_the_pages_own_files_need_no_token()
    {
        await using var group = await ServedGroup.StartAsync(size: 1, new MatchpointServerOptions { BearerToken = Token });
        foreach (var path in new[] { "", "assets/app.js", "assets/style.css", "openapi.json", "health/live", "health/ready", "health/caught-up" })
        {
            using var answer = await AskAsync(group, path, null);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{path}: {answer.StatusCode}");
        }
    }

    [Fact]
    public async Task Without_a_token_a_name_that_is_not_this_machines_is_refused_though_it_leads_here()
    {
        await using var group = await ServedGroup.StartAsync(size: 1);
        using var request = new HttpRequestMessage(HttpMethod.Get, group.At("a", "api/status"));
        request.Headers.Host = "evil.example:80";
        using var answer = await group.Client.SendAsync(request, Cancellation);
        var problem = await DataTests.ProblemAsync(answer, HttpStatusCode.Forbidden, "insecure");
        Assert.Equal("evil.example", problem.GetProperty("found").GetString());
    }

    [Fact]
    public async Task A_page_of_another_origin_changes_nothing()
    {
        await using var group = await ServedGroup.StartAsync(size: 1);
        using var request = new HttpRequestMessage(HttpMethod.Post, group.At("a", "api/rollbacks/a/x/reapply"));
        request.Headers.Add("Origin", "http://evil.example");
        using var answer = await group.Client.SendAsync(request, Cancellation);
        await DataTests.ProblemAsync(answer, HttpStatusCode.Forbidden, "foreign-origin");
    }

    [Fact]
    public async Task Whoever_asks_too_often_is_told_so()
    {
        await using var group = await ServedGroup.StartAsync(size: 1, new MatchpointServerOptions { MaxRequestsPerSecond = 5 });
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => AskAsync(group, "api/status", null)));
        Assert.Contains(answers, answer => answer.StatusCode == HttpStatusCode.OK);
        var refused = answers.First(answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
        await DataTests.ProblemAsync(refused, HttpStatusCode.TooManyRequests, "too-many");
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter!.Delta);
        foreach (var answer in answers) answer.Dispose();
    }

    [Fact]
    public async Task Streams_of_changes_are_bounded()
    {
        await using var group = await ServedGroup.StartAsync(size: 1, new MatchpointServerOptions { MaxStreams = 1 });
        using var first = await group.Client.GetAsync(group.At("a", "api/changes"), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        using var second = await group.Client.GetAsync(group.At("a", "api/changes"), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await DataTests.ProblemAsync(second, HttpStatusCode.TooManyRequests, "too-many");
    }

    private static async Task<HttpResponseMessage> AskAsync(ServedGroup group, string path, string? authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, group.At("a", path));
        if (authorization is not null) request.Headers.Authorization = AuthenticationHeaderValue.Parse(authorization);
        return await group.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
    }
}
