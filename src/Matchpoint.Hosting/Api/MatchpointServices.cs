using Matchpoint.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Matchpoint;

/// <summary>
/// Adds nodes to an application. The host opens them before it starts any service, and closes them when all services have stopped. <see cref="MatchpointNode"/> is what is
/// injected, with the key of its name where it was given one. Whoever asks for it earlier than the host opens it (a service's constructor, a container without a host)
/// opens it, and waits for that.
/// </summary>
public static class MatchpointServices
{
    /// <summary>Adds a node.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="configure">Its options, from those that the application gives itself (logging, time): <c>options => options with { Directory = "data" }</c>.</param>
    /// <exception cref="InvalidOperationException">A node without a name was added before.</exception>
    public static IServiceCollection AddMatchpoint(this IServiceCollection services, Func<MatchpointOptions, MatchpointOptions> configure) =>
        Add(services, Options.DefaultName, section: null, configure ?? throw new ArgumentNullException(nameof(configure)));

    /// <summary>Adds a node with options from configuration. A key that no option has is an error.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="section">The section with the options: <c>builder.Configuration.GetSection("Matchpoint")</c>.</param>
    /// <exception cref="InvalidOperationException">A node without a name was added before.</exception>
    public static IServiceCollection AddMatchpoint(this IServiceCollection services, IConfiguration section) =>
        Add(services, Options.DefaultName, section ?? throw new ArgumentNullException(nameof(section)), configure: null);

    /// <summary>Adds a node with options from configuration, and what the program changes of them. A key that no option has is an error.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="section">The section with the options.</param>
    /// <param name="configure">What is changed of them.</param>
    /// <exception cref="InvalidOperationException">A node without a name was added before.</exception>
    public static IServiceCollection AddMatchpoint(
        this IServiceCollection services, IConfiguration section, Func<MatchpointOptions, MatchpointOptions> configure) =>
        Add(services, Options.DefaultName, section ?? throw new ArgumentNullException(nameof(section)), configure ?? throw new ArgumentNullException(nameof(configure)));

    /// <summary>Adds a node of several: it is injected with its name as key.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="name">The name that it has in this application.</param>
    /// <param name="configure">Its options.</param>
    /// <exception cref="InvalidOperationException">A node of this name was added before.</exception>
    public static IServiceCollection AddMatchpoint(this IServiceCollection services, string name, Func<MatchpointOptions, MatchpointOptions> configure)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return Add(services, name, section: null, configure ?? throw new ArgumentNullException(nameof(configure)));
    }

    /// <summary>Adds a node of several with options from configuration. A key that no option has is an error.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="name">The name that it has in this application.</param>
    /// <param name="section">The section with the options.</param>
    /// <param name="configure">What is changed of them.</param>
    /// <exception cref="InvalidOperationException">A node of this name was added before.</exception>
    public static IServiceCollection AddMatchpoint(
        this IServiceCollection services, string name, IConfiguration section, Func<MatchpointOptions, MatchpointOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return Add(services, name, section ?? throw new ArgumentNullException(nameof(section)), configure);
    }

    private static IServiceCollection Add(
        IServiceCollection services, string name, IConfiguration? section, Func<MatchpointOptions, MatchpointOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(service => service.IsKeyedService && service.ServiceType == typeof(OptionsSource) && Equals(service.ServiceKey, name)))
        {
            throw new InvalidOperationException(name.Length == 0
                ? "AddMatchpoint was called twice without a name. Give each node of several a name: AddMatchpoint(\"orders\", ...)."
                : $"AddMatchpoint was called twice for \"{name}\". Give each node a name of its own.");
        }

        services.AddKeyedSingleton(name, new OptionsSource(section, configure));
        services.TryAddSingleton<IOptionsFactory<MatchpointOptions>, NodeOptionsFactory>();
        services.AddOptions<MatchpointOptions>(name).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<MatchpointOptions>, NodeOptionsRules>());
        services.AddKeyedSingleton(name, (provider, _) => new NodeLifetime(name, provider.GetRequiredService<IOptionsMonitor<MatchpointOptions>>()));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<NodeLifetime>(name));
        // Only whoever closes it owns it; the container closes it a second time, which does nothing.
        if (name.Length == 0) services.AddSingleton(provider => provider.GetRequiredKeyedService<NodeLifetime>(name).Node);
        else services.AddKeyedSingleton(name, (provider, _) => provider.GetRequiredKeyedService<NodeLifetime>(name).Node);
        return services;
    }
}
