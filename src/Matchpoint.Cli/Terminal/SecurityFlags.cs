using System.CommandLine;
using Matchpoint.Node;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Terminal;

/// <summary>The flags that say how connections are secured.</summary>
internal sealed class SecurityFlags
{
    /// <summary>Names the directory where no flag does.</summary>
    public const string Variable = "MATCHPOINT_CERTS";

    private readonly Option<string?> _certs = new("--certs")
    {
        Description = $"The directory of the certificates for TLS: node.pem and node.key, or client.pem and client.key, with ca.pem. {Variable} names it where this does not.",
        HelpName = "DIR",
    };

    private readonly Option<bool> _insecure = new("--insecure") { Description = "Connections beyond this machine without TLS." };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_certs);
        command.Add(_insecure);
    }

    /// <summary>What was asked for; null when nothing was.</summary>
    public SecurityOptions? Given(ParseResult parsed)
    {
        var insecure = parsed.GetValue(_insecure);
        if (insecure && parsed.GetValue(_certs) is not null) throw new UsageException("--certs and --insecure: give one or the other");
        if (insecure) return new SecurityOptions { AllowInsecure = true };
        return parsed.GetValue(_certs) is { } directory ? Of(directory, "--certs") : FromEnvironment();
    }

    /// <summary>How the tool's own connections are secured.</summary>
    public IConnectionSecurity Security(ParseResult parsed) => Given(parsed) switch
    {
        null => new LoopbackOnly(),
        { AllowInsecure: true } => PlainText.Instance,
        { } given => ConnectionSecurity.Secured(given, self: null, TimeProvider.System),
    };

    /// <summary>How connections are secured that are made to an address of this machine.</summary>
    public IConnectionSecurity ForListening(ParseResult parsed, Endpoint endpoint)
    {
        var security = Security(parsed);
        return security is LoopbackOnly && !ConnectionSecurity.IsLoopback(endpoint)
            ? throw new UsageException($"--listen {endpoint}: other machines reach it, and connections would not be secured: give --certs DIR (or {Variable}), or --insecure")
            : security;
    }

    /// <summary>The certificates in a directory.</summary>
    public static SecurityOptions Of(string directory, string origin) =>
        Directory.Exists(directory) ? SecurityOptions.FromDirectory(directory) : throw new UsageException($"{origin}: there is no directory {directory}");

    private static SecurityOptions? FromEnvironment() => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } directory ? Of(directory, Variable) : null;
}
