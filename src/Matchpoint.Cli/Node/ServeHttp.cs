using System.CommandLine;
using Matchpoint.Cli.Terminal;
using Matchpoint.Server.Access;
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

    public string? Certs { get; init; }

    public string? CertificateFile { get; init; }

    public string? KeyFile { get; init; }

    public string? KeyPassword { get; init; }

    public string? AuthorityFile { get; init; }

    /// <summary>These values, and where there is none the others'.</summary>
    public ServeHttpConfig Over(ServeHttpConfig? other) => other is null ? this : new ServeHttpConfig
    {
        Listen = Listen ?? other.Listen,
        TokenFile = TokenFile ?? other.TokenFile,
        Url = Url ?? other.Url,
        Insecure = Insecure ?? other.Insecure,
        Certs = Certs ?? other.Certs,
        CertificateFile = CertificateFile ?? other.CertificateFile,
        KeyFile = KeyFile ?? other.KeyFile,
        KeyPassword = KeyPassword ?? other.KeyPassword,
        AuthorityFile = AuthorityFile ?? other.AuthorityFile,
    };

    /// <summary>Certificates of the server's own; null where none are named.</summary>
    /// <exception cref="UsageException">They are named in two ways, or half.</exception>
    public SecurityOptions? ToSecurity()
    {
        if (Certs is not null && CertificateFile is not null) throw new UsageException("http: certs and certificateFile: give one of them");
        if (CertificateFile is null && (KeyFile ?? KeyPassword ?? AuthorityFile) is not null)
            throw new UsageException("http: keyFile, keyPassword and authorityFile mean nothing without certificateFile");
        return Certs is { } directory ? SecurityFlags.Of(directory, "--http-certs")
            : CertificateFile is { } file ? new SecurityOptions { CertificateFile = file, KeyFile = KeyFile, Password = KeyPassword, AuthorityFile = AuthorityFile }
            : null;
    }
}

/// <summary>The flags of <c>serve</c> that concern HTTP.</summary>
internal sealed class ServeHttpOptions
{
    private readonly Option<string?> _listen = new("--http") { Description = "Serve the dashboard and the HTTP API here.", HelpName = "HOST:PORT" };
    private readonly Option<string?> _token = new("--http-token-file")
    {
        Description = "The file with the token that requests must bring. Without one only clients with a certificate are served; or only this machine, where there is no TLS.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _url = new("--http-url") { Description = "Where others reach the server, where that differs from --http.", HelpName = "URL" };
    private readonly Option<string?> _certs = new("--http-certs") { Description = "The directory of the server's certificates, like --certs; the node's where this is not given.", HelpName = "DIR" };
    private readonly Option<bool> _insecure = new("--http-insecure")
    {
        Description = "Without TLS, unless --http-certs is given, and without a token for everybody: only where something else keeps strangers out.",
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_listen);
        command.Add(_token);
        command.Add(_url);
        command.Add(_certs);
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
            Certs = parsed.GetValue(_certs),
        };
        return config == new ServeHttpConfig() ? null : config;
    }
}

/// <summary>The server beside a node.</summary>
internal sealed class ServeHttp
{
    private const int LeastToken = 16;

    private readonly Endpoint _endpoint;
    private readonly HttpSecurity _security;
    private readonly MatchpointServerOptions _options;

    private ServeHttp(Endpoint endpoint, HttpSecurity security, MatchpointServerOptions options)
    {
        _endpoint = endpoint;
        _security = security;
        _options = options;
    }

    /// <summary>The server that is asked for; null where none is.</summary>
    /// <param name="config">What is asked for.</param>
    /// <param name="node">The node beside it.</param>
    /// <exception cref="UsageException">It cannot be.</exception>
    /// <exception cref="OptionsException">It would let strangers in, or be read along by them, without being told to; or its certificates cannot be used.</exception>
    public static ServeHttp? Of(ServeHttpConfig? config, MatchpointOptions node)
    {
        if (config is null) return null;
        if (config.Listen is null) throw new UsageException("--http: say where to listen, HOST:PORT; without it the other options of HTTP mean nothing");
        if (!Endpoint.TryParse(config.Listen, out var endpoint)) throw new UsageException($"--http: expected HOST:PORT, found \"{config.Listen}\"");
        Uri? url = null;
        if (config.Url is not null && (!Uri.TryCreate(config.Url, UriKind.Absolute, out url) || url.Scheme is not ("http" or "https")))
            throw new UsageException($"--http-url: expected http://HOST:PORT or https://HOST:PORT, found \"{config.Url}\"");
        var token = config.TokenFile is null ? null : ReadToken(config.TokenFile);
        var options = new MatchpointServerOptions { BearerToken = token, AllowInsecure = config.Insecure == true, PublicUrl = url };
        return new ServeHttp(endpoint, HttpSecurity.Of(endpoint, config.ToSecurity(), node, options), options);
    }

    /// <summary>Starts it beside a node.</summary>
    public Task<MatchpointHost> StartAsync(MatchpointNode node, CancellationToken cancellation) => MatchpointHost.StartAsync(node, _endpoint, _security, _options, cancellation);

    private static string ReadToken(string file)
    {
        if (!File.Exists(file)) throw new UsageException($"--http-token-file: there is no file {file}");
        var token = File.ReadAllText(file).Trim();
        return token.Length >= LeastToken && !token.Any(char.IsWhiteSpace)
            ? token
            : throw new UsageException($"--http-token-file: {file}: expected one line of at least {LeastToken} characters without blanks, found {token.Length}");
    }
}
