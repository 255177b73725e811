using Microsoft.Extensions.Options;

namespace Matchpoint.Hosting;

/// <summary>The rules that a node checks its options by, for whoever validates them before it is opened.</summary>
internal sealed class NodeOptionsRules : IValidateOptions<MatchpointOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, MatchpointOptions options)
    {
        try
        {
            options.Validate();
            return ValidateOptionsResult.Success;
        }
        catch (OptionsException error)
        {
            return ValidateOptionsResult.Fail(error.Failures);
        }
    }
}
