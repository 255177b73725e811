using Matchpoint.Node;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Matchpoint.Hosting.Tests;

/// <summary>The health of a node, as a host shows it.</summary>
public sealed class HealthTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_node_by_itself_is_healthy_in_every_respect_until_it_is_closed()
    {
        using var host = Build(options => options);
        var health = host.Services.GetRequiredService<HealthCheckService>();
        Assert.Equal(HealthStatus.Unhealthy, (await health.CheckHealthAsync(Cancellation)).Entries["matchpoint-ready"].Status);

        await host.StartAsync(Cancellation);

        var open = await health.CheckHealthAsync(Cancellation);
        Assert.Equal(["matchpoint-caught-up", "matchpoint-live", "matchpoint-ready"], open.Entries.Keys.Order(StringComparer.Ordinal));
        Assert.All(open.Entries.Values, entry => Assert.True(entry.Status == HealthStatus.Healthy, $"{entry.Status}: {entry.Description}"));
        Assert.Equal("Primary", open.Entries["matchpoint-ready"].Data["state"]);
        await host.StopAsync(Cancellation);
        var closed = await health.CheckHealthAsync(Cancellation);
        Assert.Equal(HealthStatus.Unhealthy, closed.Entries["matchpoint-live"].Status);
        Assert.Equal(HealthStatus.Unhealthy, closed.Entries["matchpoint-ready"].Status);
    }

    [Fact]
    public async Task A_member_that_waits_for_others_lives_and_is_not_ready()
    {
        var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var nobody = $"127.0.0.1:{((System.Net.IPEndPoint)listener.LocalEndpoint).Port}";
        using var held = listener;
        using var host = Build(options => options with
        {
            Name = "a",
            Members = [new GroupMember("a", "127.0.0.1:1"), new GroupMember("b", nobody)],
            Listen = "127.0.0.1:0",
        });
        await host.StartAsync(Cancellation);
        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancellation);
        Assert.Equal(HealthStatus.Healthy, report.Entries["matchpoint-live"].Status);
        Assert.Equal(HealthStatus.Unhealthy, report.Entries["matchpoint-ready"].Status);
        Assert.Equal(HealthStatus.Degraded, report.Entries["matchpoint-caught-up"].Status);
        await host.StopAsync(Cancellation);
    }

    [Theory]
    [InlineData(NodeState.Failed, false, false)]
    [InlineData(NodeState.Following, true, true)]
    [InlineData(NodeState.Primary, true, true)]
    [InlineData(NodeState.AwaitingOperator, true, false)]
    [InlineData(NodeState.NeedsCopy, true, false)]
    public void A_state_says_whether_a_node_lives_and_is_ready(NodeState state, bool live, bool ready)
    {
        var status = StatusOf(state, lag: null);
        Assert.Equal(live, Vitals.Live(status).IsWell);
        Assert.Equal(ready, Vitals.Ready(status).IsWell);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(10, true)]
    [InlineData(11, false)]
    public void A_node_that_is_behind_has_not_caught_up(int seconds, bool expected) =>
        Assert.Equal(expected, Vitals.CaughtUp(StatusOf(NodeState.Following, TimeSpan.FromSeconds(seconds)), TimeSpan.FromSeconds(10)).IsWell);

    [Fact]
    public void A_node_that_does_not_count_or_is_not_ready_has_not_caught_up_however_current_it_is()
    {
        var current = StatusOf(NodeState.Following, TimeSpan.Zero);
        Assert.Contains("does not count", Vitals.CaughtUp(current with { Counts = false }, TimeSpan.FromSeconds(10)).Sentence, StringComparison.Ordinal);
        Assert.False(Vitals.CaughtUp(current with { Counts = false }, TimeSpan.FromSeconds(10)).IsWell);
        Assert.False(Vitals.CaughtUp(current with { State = NodeState.Electing }, TimeSpan.FromSeconds(10)).IsWell);
        Assert.False(Vitals.CaughtUp(current with { Lag = null }, TimeSpan.FromSeconds(10)).IsWell);
    }

    private static NodeStatus StatusOf(NodeState state, TimeSpan? lag) => new()
    {
        Name = "a",
        Group = "matchpoint",
        State = state,
        Step = "in words",
        Term = 1,
        Primary = null,
        First = 1,
        Last = 1,
        Flushed = 1,
        Durable = 1,
        Applied = 1,
        Lag = lag,
        TailBytes = 0,
        Counts = true,
        Warnings = [],
        Members = [],
    };

    private IHost Build(Func<MatchpointOptions, MatchpointOptions> change)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddMatchpoint(options => change(options with { Directory = _directory.Path }));
        builder.Services.AddHealthChecks().AddMatchpoint();
        return builder.Build();
    }
}
