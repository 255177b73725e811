// A node in a .NET host: injected, opened and closed with it, with health checks, and as the second level of HybridCache.
using HostedNode;
using Matchpoint;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

var directory = Directory.CreateTempSubdirectory("matchpoint-hosted-").FullName;
var made = 0;
foreach (var run in new[] { "first", "second" })
{
    var builder = Host.CreateApplicationBuilder(args);
    builder.Logging.SetMinimumLevel(LogLevel.Warning);
    builder.Services.AddMatchpoint(options => options with { Directory = directory });
    builder.Services.AddHealthChecks().AddMatchpoint();
    builder.Services.AddMatchpointCache();
    builder.Services.AddHybridCache();
    builder.Services.AddHostedService<Greeter>();
    using var host = builder.Build();
    await host.StartAsync();

    var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
    var cache = host.Services.GetRequiredService<HybridCache>();
    var price = await cache.GetOrCreateAsync("price of a chair", _ => ValueTask.FromResult(100 + Interlocked.Increment(ref made)));
    Console.WriteLine($"{run} run: {report.Status}, a chair costs {price}");

    // HybridCache writes its second level behind the caller's back, and the node takes no more once the host stops.
    var entries = host.Services.GetRequiredService<MatchpointNode>().Database("cache");
    using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
    while (!await entries.ScanAsync(cancellation: patience.Token).AnyAsync(patience.Token)) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
    await host.StopAsync();
}

string? greetings;
await using (var node = await MatchpointNode.OpenAsync(directory)) greetings = await node.Default.GetTextAsync("greetings");
Directory.Delete(directory, recursive: true);
Console.WriteLine($"{greetings} greetings, and the price was made {made} time");
return greetings == "2" && made == 1 ? 0 : 1;
