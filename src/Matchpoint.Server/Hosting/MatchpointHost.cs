using System.Net;
using Matchpoint.Server.Access;
using Matchpoint.Transport;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matchpoint.Server.Hosting;

/// <summary>A server of its own beside a node, for programs that have none.</summary>
internal sealed class MatchpointHost : IAsyncDisposable
{
    /// <summary>How many connections there may be at once; a further one is closed. Each costs memory before anybody knows whose it is.</summary>
    internal const int MaxConnections = 1024;

    private static readonly TimeSpan ClosingTime = TimeSpan.FromSeconds(2);

    /// <summary>How long a request's line and headers may take: as long as a node waits for what a connection wants.</summary>
    private static readonly TimeSpan HeadersTime = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection may ask nothing.</summary>
    private static readonly TimeSpan IdleTime = TimeSpan.FromMinutes(1);

    private readonly WebApplication _application;
    private readonly MatchpointNode _node;

    private MatchpointHost(WebApplication application, MatchpointNode node, string url)
    {
        _application = application;
        _node = node;
        Url = url;
    }

    /// <summary>Where it is reached from this machine.</summary>
    public string Url { get; }

    /// <summary>Starts a server.</summary>
    /// <param name="node">The node; it stays open when the server is closed.</param>
    /// <param name="endpoint">Where to listen.</param>
    /// <param name="security">How connections are secured.</param>
    /// <param name="options">How it is served.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public static async Task<MatchpointHost> StartAsync(
        MatchpointNode node, Endpoint endpoint, HttpSecurity security, MatchpointServerOptions options, CancellationToken cancellation)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = typeof(MatchpointHost).Assembly.GetName().Name });
        builder.Logging.AddConsole(static console => console.LogToStandardErrorThreshold = LogLevel.Trace).SetMinimumLevel(LogLevel.Warning)
            // A line for each connection over the limit would let strangers fill the log.
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel.Connections", LogLevel.Error);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = MaxConnections;
            kestrel.Limits.RequestHeadersTimeout = HeadersTime;
            kestrel.Limits.KeepAliveTimeout = IdleTime;
            Listen(kestrel, endpoint, security.Secure);
        });
        // A stream of changes has no end: it is cut when the server stops.
        builder.WebHost.UseShutdownTimeout(ClosingTime);
        // An instance that was made elsewhere: the server does not close it.
        builder.Services.AddSingleton(node);
        builder.Services.AddMatchpointServer(options);
        var application = builder.Build();
        try
        {
            application.UseRouting();
            application.MapMatchpoint();
            await application.StartAsync(cancellation).ConfigureAwait(false);
            var address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            // Others are told of it only where the address means the same to them.
            node.Journal.Web = (options.PublicUrl ?? (IsWildcard(endpoint) ? null : new Uri(address)))?.ToString();
            node.Journal.WebWarnings = () => security.Warnings;
            return new MatchpointHost(application, node, address);
        }
        catch
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _node.Journal.WebWarnings = null;
        await _application.StopAsync().ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
    }

    private static bool IsWildcard(Endpoint endpoint) => IPAddress.TryParse(endpoint.Host, out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));

    private static void Listen(KestrelServerOptions kestrel, Endpoint endpoint, Action<ListenOptions> secure)
    {
        if (IPAddress.TryParse(endpoint.Host, out var address)) kestrel.Listen(address, endpoint.Port, secure);
        else if (endpoint.Host == "localhost") kestrel.ListenLocalhost(endpoint.Port, secure);
        else kestrel.Listen(Dns.GetHostAddresses(endpoint.Host)[0], endpoint.Port, secure);
    }
}
