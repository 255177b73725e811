using Matchpoint.Client;
using Matchpoint.Server.Operations;
using Matchpoint.Server.Problems;
using Matchpoint.Tests.Node;
using Matchpoint.Transport;
using Microsoft.AspNetCore.Http;

namespace Matchpoint.Server.Tests;

/// <summary>What a sender is told of a request that was brought to the primary, when that one's answer is an error, or does not come.</summary>
public sealed class PrimaryLineTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_connection_that_dies_behind_the_request_leaves_the_outcome_unknown()
    {
        await using var primary = await ListenAsync(new ListenerOptions());
        var problem = await AskedAsync(primary);
        Assert.Equal((504, "outcome-unknown"), (problem.Status, problem.Code));
        Assert.DoesNotContain("Ask again", problem.Action, StringComparison.Ordinal);
        Assert.Equal(0, problem.RetryAfterSeconds);
    }

    [Fact]
    public async Task Whoever_is_sent_away_before_the_request_was_looked_at_knows_that_nothing_was_done()
    {
        await using var primary = await ListenAsync(new ListenerOptions { Connections = 1, ConnectionsPerAddress = 1 });
        await using var first = await NodeClient.ConnectAsync(primary.LocalEndpoint, Eventually.Patience, Cancellation);
        await first.Channel.FlushAsync(Eventually.Patience, Cancellation);
        var problem = await AskedAsync(primary);
        Assert.Equal((502, "member-failed"), (problem.Status, problem.Code));
    }

    [Theory]
    [InlineData("conflict", 409, "conflict")]
    [InlineData("refused", 409, "refused")]
    [InlineData("stale", 503, "stale")]
    [InlineData("undone", 410, "commit-undone")]
    [InlineData("trimmed", 410, "history-trimmed")]
    [InlineData("tail-full", 503, "tail-full")]
    [InlineData("insufficient-acks", 504, "outcome-unknown")]
    [InlineData("failed", 502, "member-failed")]
    public void What_another_member_answers_is_told_as_if_it_had_happened_here(string kind, int status, string code)
    {
        var problem = ProblemOf.Error(new ClientException(new ClientError(kind, "so it is", null, null, null)), new DefaultHttpContext(), watch: null!);
        Assert.Equal((status, code, "so it is"), (problem.Status, problem.Code, problem.Detail));
    }

    /// <summary>A primary that takes one request, and dies over it.</summary>
    private static ValueTask<ServiceListener> ListenAsync(ListenerOptions options) => ServiceListener.StartAsync(
        Transport.Endpoint.Parse("127.0.0.1:0"),
        new Dictionary<string, ServiceHandler>
        {
            [ClientService.Name] = static async (channel, stopping) =>
            {
                await channel.ReceiveAsync(Eventually.Patience, stopping);
                channel.Abort();
            },
        },
        static (_, _) => { },
        options);

    private static async Task<Problem> AskedAsync(ServiceListener primary)
    {
        await using var client = await NodeClient.ConnectAsync(primary.LocalEndpoint, Eventually.Patience, Cancellation);
        var error = await Assert.ThrowsAnyAsync<Exception>(() => PrimaryLine.AskAsync(client, new ClientRequest { Op = "members-remove", Name = "d" }, Eventually.Patience, Cancellation));
        return ProblemOf.Error(error, new DefaultHttpContext(), watch: null!);
    }
}
