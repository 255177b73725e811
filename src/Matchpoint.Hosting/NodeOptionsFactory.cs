using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Matchpoint.Hosting;

/// <summary>Makes a node's options. They cannot be changed once made, so that they are made by functions, not by the usual actions; what is usual otherwise holds.</summary>
internal sealed class NodeOptionsFactory(IServiceProvider services, IEnumerable<IValidateOptions<MatchpointOptions>> rules) : IOptionsFactory<MatchpointOptions>
{
    /// <inheritdoc/>
    public MatchpointOptions Create(string name)
    {
        var given = new MatchpointOptions
        {
            Directory = "",
            LoggerFactory = services.GetService<ILoggerFactory>(),
            Time = services.GetService<TimeProvider>() ?? TimeProvider.System,
        };
        var options = services.GetKeyedService<OptionsSource>(name)?.Apply(given)
            ?? throw new InvalidOperationException($"No node named \"{name}\" was added. Add it: services.AddMatchpoint(\"{name}\", ...).");
        List<string> failures = [.. rules.Select(rule => rule.Validate(name, options)).Where(result => result.Failed).SelectMany(result => result.Failures!)];
        return failures.Count == 0 ? options : throw new OptionsValidationException(name, typeof(MatchpointOptions), failures);
    }
}
