using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;
using Orleans.TestingHost;

namespace Matchpoint.Orleans.Tests;

/// <summary>A cluster of one silo with its node in a directory, deployed in this process.</summary>
internal static class Silo
{
    /// <summary>Starts one.</summary>
    public static async Task<InProcessTestCluster> StartAsync(string directory)
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddMatchpoint(options => options with { Directory = directory });
            silo.AddMatchpointGrainStorage("matchpoint");
        });
        var cluster = builder.Build();
        await cluster.DeployAsync();
        return cluster;
    }

    /// <summary>The services of the silo.</summary>
    public static IServiceProvider Services(this InProcessTestCluster cluster) => cluster.Silos[0].ServiceProvider;

    /// <summary>Its grain storage.</summary>
    public static IGrainStorage Storage(this InProcessTestCluster cluster) => cluster.Services().GetRequiredKeyedService<IGrainStorage>("matchpoint");
}
