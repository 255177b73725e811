using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Matchpoint.Server.Tests;

/// <summary>An application of the user's own that serves its node below a prefix.</summary>
public class EmbeddedTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_application_serves_its_node_below_a_prefix_beside_what_is_its_own()
    {
        var directory = Directory.CreateTempSubdirectory("matchpoint-embedded-");
        try
        {
            await using var node = await MatchpointNode.OpenAsync(directory.FullName, Cancellation);
            var builder = WebApplication.CreateSlimBuilder();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Services.AddSingleton(node);
            builder.Services.AddMatchpointServer();
            await using var application = builder.Build();
            application.MapGet("/own", () => "own");
            application.MapMatchpoint("/store");
            await application.StartAsync(Cancellation);
            using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(application.Urls.First()) };
            Assert.Equal("own", await client.GetStringAsync("/own", Cancellation));
            using var bare = await client.GetAsync("/store", Cancellation);
            Assert.Equal((HttpStatusCode.Found, "/store/"), (bare.StatusCode, bare.Headers.Location!.OriginalString));
            Assert.Contains("assets/app.js", await client.GetStringAsync("/store/", Cancellation), StringComparison.Ordinal);
            foreach (var path in new[] { "assets/app.js", "api/group", "openapi.json", "metrics", "health/ready" })
            {
                using var answer = await client.GetAsync($"/store/{path}", Cancellation);
                Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{path}: {answer.StatusCode}");
            }

            using var put = await client.PutAsync("/store/api/databases/default/keys/k%2F1", new StringContent("v"), Cancellation);
            Assert.Equal(HttpStatusCode.NoContent, put.StatusCode);
            Assert.Equal("v", await node.Default.GetTextAsync("k/1", cancellation: Cancellation));
            await application.StopAsync(Cancellation);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Mapping_without_the_services_says_what_is_missing()
    {
        var builder = WebApplication.CreateSlimBuilder();
        await using var application = builder.Build();
        var error = Assert.Throws<InvalidOperationException>(() => application.MapMatchpoint());
        Assert.Contains("AddMatchpointServer", error.Message, StringComparison.Ordinal);
    }
}
