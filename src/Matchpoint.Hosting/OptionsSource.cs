using Microsoft.Extensions.Configuration;

namespace Matchpoint.Hosting;

/// <summary>Where a node's options come from: a section of the configuration first, then a function of the application.</summary>
internal sealed class OptionsSource(IConfiguration? section, Func<MatchpointOptions, MatchpointOptions>? configure)
{
    private const string DurabilityKey = nameof(MatchpointOptions.Durability);

    /// <summary>The options.</summary>
    /// <param name="given">What the application gives itself.</param>
    /// <exception cref="OptionsException">The configuration cannot be read.</exception>
    public MatchpointOptions Apply(MatchpointOptions given)
    {
        var options = section is null ? given : Bind(section, given);
        return configure is null ? options : configure(options);
    }

    private static MatchpointOptions Bind(IConfiguration section, MatchpointOptions given)
    {
        // A copy is bound: what is given may be another's too.
        var options = given with { };
        try
        {
            if (section[DurabilityKey] is not { Length: > 0 } word)
            {
                section.Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
                return options;
            }

            // Its three usual values are words; the binder knows only its parts.
            var rest = section.AsEnumerable(makePathsRelative: true).Where(pair => pair.Key.Length > 0 && pair.Key != DurabilityKey);
            new ConfigurationBuilder().AddInMemoryCollection(rest).Build().Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
            return options with { Durability = Named(word) };
        }
        catch (InvalidOperationException error)
        {
            throw new MatchpointException($"{(section as IConfigurationSection)?.Path ?? "the configuration"}: {error.Message}", error);
        }
    }

    private static Durability Named(string word) => word switch
    {
        nameof(Durability.Full) => Durability.Full,
        nameof(Durability.Written) => Durability.Written,
        nameof(Durability.Fast) => Durability.Fast,
        _ => throw new InvalidOperationException($"{DurabilityKey} is \"{word}\": expected Full, Written or Fast, or a section with LocalFlush, ReplicaFlush and Acks."),
    };
}
