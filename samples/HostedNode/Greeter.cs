using Matchpoint;
using Microsoft.Extensions.Hosting;

namespace HostedNode;

/// <summary>A service of the host: it gets the node in its constructor, open.</summary>
internal sealed class Greeter(MatchpointNode node) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken) =>
        await node.TransactAsync(t => t.Put("greetings", $"{int.Parse(t.GetText("greetings") ?? "0") + 1}"), cancellation: cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
