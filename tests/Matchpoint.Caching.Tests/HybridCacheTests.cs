using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matchpoint.Caching.Tests;

/// <summary>The cache as the second level of HybridCache, in a host.</summary>
public sealed class HybridCacheTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-hybrid-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task What_one_process_made_the_next_finds_until_it_is_removed()
    {
        var made = 0;
        Func<CancellationToken, ValueTask<Article>> make = _ => ValueTask.FromResult(new Article("chair", 100 + Interlocked.Increment(ref made)));
        using (var host = await StartAsync(TimeSpan.FromMinutes(1)))
        {
            var cache = host.Services.GetRequiredService<HybridCache>();
            Assert.Equal(101, (await cache.GetOrCreateAsync("article", make, cancellationToken: Cancellation)).Price);
            Assert.Equal(101, (await cache.GetOrCreateAsync("article", make, cancellationToken: Cancellation)).Price);
            // It is written behind the caller's back, and the node takes no more once the host stops.
            await HasEntryAsync(host, expected: true);
            await host.StopAsync(Cancellation);
        }

        using (var host = await StartAsync(TimeSpan.FromMinutes(1)))
        {
            var cache = host.Services.GetRequiredService<HybridCache>();
            Assert.Equal(101, (await cache.GetOrCreateAsync("article", make, cancellationToken: Cancellation)).Price);
            await cache.RemoveAsync("article", Cancellation);
            Assert.Equal(102, (await cache.GetOrCreateAsync("article", make, cancellationToken: Cancellation)).Price);
            await host.StopAsync(Cancellation);
        }
    }

    [Fact]
    public async Task What_has_expired_goes_from_the_disk_by_itself()
    {
        using var host = await StartAsync(TimeSpan.FromMilliseconds(20));
        var cache = host.Services.GetRequiredService<IDistributedCache>();
        await cache.SetAsync("key", [1], new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromMilliseconds(50) }, Cancellation);
        await HasEntryAsync(host, expected: false);
        await host.StopAsync(Cancellation);
    }

    private static async Task HasEntryAsync(IHost host, bool expected)
    {
        var entries = host.Services.GetRequiredService<MatchpointNode>().Database("cache");
        var start = TimeProvider.System.GetTimestamp();
        while (await entries.ScanAsync(cancellation: Cancellation).AnyAsync(Cancellation) != expected)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(60), $"waited 60 s: the entry is {(expected ? "there" : "gone")}");
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Cancellation);
        }
    }

    private async Task<IHost> StartAsync(TimeSpan sweep)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddMatchpoint(options => options with { Directory = _directory });
        builder.Services.AddMatchpointCache(options => options.SweepInterval = sweep);
        builder.Services.AddHybridCache();
        var host = builder.Build();
        await host.StartAsync(Cancellation);
        return host;
    }

    private sealed record Article(string Name, int Price);
}
