using Matchpoint.Orleans;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans.Providers;
using Orleans.Runtime.Hosting;
using Orleans.Storage;

namespace Matchpoint;

/// <summary>Has a silo keep the states of grains on a node.</summary>
public static class MatchpointGrainStorageServices
{
    /// <summary>Adds grain storage on the node that <c>AddMatchpoint</c> adds to the silo's services, as the one for grains that name none.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="configure">How it uses the node; everything has a default.</param>
    public static ISiloBuilder AddMatchpointGrainStorageAsDefault(this ISiloBuilder silo, Action<MatchpointGrainStorageOptions>? configure = null) =>
        AddMatchpointGrainStorage(silo, ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, configure);

    /// <summary>Adds grain storage on the node that <c>AddMatchpoint</c> adds to the silo's services.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="name">The name by which grains ask for it.</param>
    /// <param name="configure">How it uses the node; everything has a default.</param>
    public static ISiloBuilder AddMatchpointGrainStorage(this ISiloBuilder silo, string name, Action<MatchpointGrainStorageOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(silo);
        ArgumentException.ThrowIfNullOrEmpty(name);
        var options = silo.Services.AddOptions<MatchpointGrainStorageOptions>(name);
        if (configure is not null) options.Configure(configure);
        silo.Services.TryAddEnumerable(
            ServiceDescriptor.Transient<IPostConfigureOptions<MatchpointGrainStorageOptions>, DefaultStorageProviderSerializerOptionsConfigurator<MatchpointGrainStorageOptions>>());
        silo.Services.AddGrainStorage(name, GrainStorage.Create);
        return silo;
    }
}
