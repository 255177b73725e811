using System.CommandLine;
using Matchpoint.Cli.Terminal;
using Matchpoint.Server.Hosting;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Node;

/// <summary>What a node's server is run with, from a file or from flags.</summary>
internal sealed record ServeHttpConfig
{
    public string? Listen { get; init; }

    public string? TokenFile { get; init; }

    public string? Url { get; init; }

    public bool? Insecure { get; init; }

    /// <summary>These values, and where there is none the others'.</summary>
    public ServeHttpConfig Over(ServeHttpConfig? other) => other is null ? this : new ServeHttpConfig
    {
        Listen = Listen ?? other.Listen,
        TokenFile = TokenFile ?? other.TokenFile,
        Url = Url ?? other.Url,
        Insecure = Insecure ?? other.Insecure,
    };
}

/// <summary>The flags of <c>serve</c> that concern HTTP.</summary>
internal sealed class ServeHttpOptions
{
    private readonly Option<string?> _listen = new("--http") { Description = "Serve the dashboard and the HTTP API here.", HelpName = "HOST:PORT" };
    private readonly Option<string?> _token = new("--http-token-file")
    {
        Description = "The file with the token that requests must bring; without one only this machine is served.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _url = new("--http-url") { Description = "Where others reach the server, where that differs from --http.", HelpName = "URL" };
    private readonly Option<bool> _insecure = new("--http-insecure") { Description = "Serve everybody without a token: only where something else keeps strangers out." };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_listen);
        command.Add(_token);
        command.Add(_url);
        command.Add(_insecure);
    }

    /// <summary>What they say; null where they say nothing.</summary>
    public ServeHttpConfig? Read(ParseResult parsed)
    {
        var config = new ServeHttpConfig
        {
            Listen = parsed.GetValue(_listen),
            TokenFile = parsed.GetValue(_token),
            Url = parsed.GetValue(_url),
            Insecure = parsed.GetValue(_insecure) ? true : null,
        };
        return config == new ServeHttpConfig() ? null : config;
    }
}

/// <summary>The server beside a node.</summary>
internal sealed class ServeHttp
{
    private const int LeastToken = 16;

    private readonly Endpoint _endpoint;
    private readonly MatchpointServerOptions _options;

    private ServeHttp(Endpoint endpoint, MatchpointServerOptions options)
    {
        _endpoint = endpoint;
        _options = options;
    }

    /// <summary>The server that is asked for; null where none is.</summary>
    /// <exception cref="UsageException">It cannot be, or would let strangers in without being told to.</exception>
    public static ServeHttp? Of(ServeHttpConfig? config)
    {
        if (config is null) return null;
        if (config.Listen is null) throw new UsageException("--http: say where to listen, HOST:PORT; without it the other options of HTTP mean nothing");
        if (!Endpoint.TryParse(config.Listen, out var endpoint)) throw new UsageException($"--http: expected HOST:PORT, found \"{config.Listen}\"");
        Uri? url = null;
        if (config.Url is not null && (!Uri.TryCreate(config.Url, UriKind.Absolute, out url) || url.Scheme is not ("http" or "https")))
            throw new UsageException($"--http-url: expected http://HOST:PORT or https://HOST:PORT, found \"{config.Url}\"");
        var token = config.TokenFile is null ? null : ReadToken(config.TokenFile);
        var isInsecure = config.Insecure == true;
        if (token is null && !isInsecure && !MatchpointHost.IsLoopback(endpoint))
        {
            throw new UsageException($"--http {config.Listen}: others can connect there, and nothing would be asked of them. Give --http-token-file FILE; "
                + "or --http-insecure, where something else keeps strangers out");
        }

        return new ServeHttp(endpoint, new MatchpointServerOptions { BearerToken = token, AllowInsecure = isInsecure, PublicUrl = url });
    }

    /// <summary>Starts it beside a node.</summary>
    public Task<MatchpointHost> StartAsync(MatchpointNode node, CancellationToken cancellation) => MatchpointHost.StartAsync(node, _endpoint, _options, cancellation);

    private static string ReadToken(string file)
    {
        if (!File.Exists(file)) throw new UsageException($"--http-token-file: there is no file {file}");
        var token = File.ReadAllText(file).Trim();
        return token.Length >= LeastToken && !token.Any(char.IsWhiteSpace)
            ? token
            : throw new UsageException($"--http-token-file: {file}: expected one line of at least {LeastToken} characters without blanks, found {token.Length}");
    }
}
