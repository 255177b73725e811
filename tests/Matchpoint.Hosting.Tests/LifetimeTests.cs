using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Matchpoint.Hosting.Tests;

/// <summary>A node lives as long as its host.</summary>
public sealed class LifetimeTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task The_node_is_open_when_services_start_and_when_they_stop_and_closed_afterwards()
    {
        var builder = Host.CreateApplicationBuilder();
        // Before the node, so that it stops after it by order of registration.
        builder.Services.AddSingleton<User>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<User>());
        builder.Services.AddMatchpoint(options => options with { Directory = _directory.Path });
        using var host = builder.Build();
        await host.StartAsync(Cancellation);
        var user = host.Services.GetRequiredService<User>();
        var node = host.Services.GetRequiredService<MatchpointNode>();
        Assert.Equal("yes", await node.Default.GetTextAsync("started", cancellation: Cancellation));

        await host.StopAsync(Cancellation);

        Assert.True(user.HasWrittenAtStop);
        Assert.Equal(NodeState.Closed, node.State);
        await using var again = await MatchpointNode.OpenAsync(_directory.Path, Cancellation);
        Assert.Equal("yes", await again.Default.GetTextAsync("stopped", cancellation: Cancellation));
    }

    [Fact]
    public async Task A_container_without_a_host_opens_the_node_when_it_is_asked_for_and_closes_it_with_itself()
    {
        var services = new ServiceCollection().AddMatchpoint(options => options with { Directory = _directory.Path });
        MatchpointNode node;
        await using (var provider = services.BuildServiceProvider())
        {
            node = provider.GetRequiredService<MatchpointNode>();
            await node.Default.PutAsync("key", "value", cancellation: Cancellation);
        }

        Assert.Equal(NodeState.Closed, node.State);
    }

    [Fact]
    public async Task Several_nodes_are_told_apart_by_their_keys()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddMatchpoint("orders", options => options with { Directory = Path.Combine(_directory.Path, "orders") });
        builder.Services.AddMatchpoint("stock", options => options with { Directory = Path.Combine(_directory.Path, "stock") });
        using var host = builder.Build();
        await host.StartAsync(Cancellation);
        var orders = host.Services.GetRequiredKeyedService<MatchpointNode>("orders");
        var stock = host.Services.GetRequiredKeyedService<MatchpointNode>("stock");

        await orders.Default.PutAsync("key", "an order", cancellation: Cancellation);

        Assert.Null(await stock.Default.GetTextAsync("key", cancellation: Cancellation));
        Assert.Null(host.Services.GetService<MatchpointNode>());
        await host.StopAsync(Cancellation);
        Assert.Equal(NodeState.Closed, orders.State);
        Assert.Equal(NodeState.Closed, stock.State);
    }

    [Fact]
    public async Task A_host_does_not_start_with_options_that_cannot_be_and_names_each()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddMatchpoint(options => options with { ElectionTimeout = TimeSpan.Zero });
        using var host = builder.Build();
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Cancellation));
        Assert.Equal(2, error.Failures.Count());
        Assert.Contains(error.Failures, failure => failure.StartsWith("Directory is \"\"", StringComparison.Ordinal));
        Assert.Contains(error.Failures, failure => failure.StartsWith("ElectionTimeout is \"00:00:00\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_host_does_not_start_on_a_directory_in_use_and_says_so()
    {
        await using var holder = await MatchpointNode.OpenAsync(_directory.Path, Cancellation);
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddMatchpoint(options => options with { Directory = _directory.Path });
        using var host = builder.Build();
        var error = await Assert.ThrowsAsync<MatchpointException>(() => host.StartAsync(Cancellation));
        Assert.Contains(_directory.Path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_name_twice_is_refused_at_once()
    {
        var services = new ServiceCollection().AddMatchpoint("orders", options => options).AddMatchpoint(options => options);
        Assert.Contains("orders", Assert.Throws<InvalidOperationException>(() => services.AddMatchpoint("orders", options => options)).Message, StringComparison.Ordinal);
        Assert.Contains("twice without a name", Assert.Throws<InvalidOperationException>(() => services.AddMatchpoint(options => options)).Message, StringComparison.Ordinal);
    }

    /// <summary>A service that uses the node for as long as it runs, and gets it in its constructor.</summary>
    private sealed class User(MatchpointNode node) : IHostedService
    {
        public bool HasWrittenAtStop { get; private set; }

        public async Task StartAsync(CancellationToken cancellationToken) => await node.Default.PutAsync("started", "yes", cancellation: cancellationToken);

        public async Task StopAsync(CancellationToken cancellationToken)
        {
            await node.Default.PutAsync("stopped", "yes", cancellation: cancellationToken);
            HasWrittenAtStop = true;
        }
    }
}
