using Matchpoint.Caching;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Matchpoint;

/// <summary>Adds the distributed cache of an application.</summary>
public static class MatchpointCacheServices
{
    /// <summary>
    /// Adds <see cref="IDistributedCache"/> on the node that <c>AddMatchpoint</c> adds. It is the second level of <c>HybridCache</c> where that is added too. A service of the host removes what
    /// has expired.
    /// </summary>
    /// <param name="services">Where to.</param>
    /// <param name="configure">How it uses the node; everything has a default.</param>
    public static IServiceCollection AddMatchpointCache(this IServiceCollection services, Action<MatchpointCacheOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<MatchpointCacheOptions>();
        if (configure is not null) services.Configure(configure);
        services.AddSingleton(provider => new MatchpointCache(NodeOf(provider), provider.GetRequiredService<IOptions<MatchpointCacheOptions>>()));
        services.AddSingleton<IDistributedCache>(provider => provider.GetRequiredService<MatchpointCache>());
        services.AddSingleton<IHostedService>(provider => new CacheSweeper(
            provider.GetRequiredService<MatchpointCache>(), NodeOf(provider), provider.GetRequiredService<IOptions<MatchpointCacheOptions>>(),
            provider.GetService<ILogger<CacheSweeper>>() ?? NullLogger<CacheSweeper>.Instance));
        return services;
    }

    private static MatchpointNode NodeOf(IServiceProvider provider) =>
        provider.GetRequiredService<IOptions<MatchpointCacheOptions>>().Value.NodeName is { } name
            ? provider.GetRequiredKeyedService<MatchpointNode>(name)
            : provider.GetRequiredService<MatchpointNode>();
}
