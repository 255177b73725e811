using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Threading.RateLimiting;
using Matchpoint.Server.Group;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Matchpoint.Server.Access;

/// <summary>
/// What every request passes: who may come in, how many, how large; and what goes wrong becomes a problem in JSON. It asks before anything of a body is read.
/// </summary>
internal sealed partial class Gate : IDisposable
{
    private const int WrongTokensPerSecond = 10;

    private readonly MatchpointServerOptions _options;
    private readonly GroupWatch _watch;
    private readonly ILogger<Gate> _log;
    private readonly byte[]? _token;
    private readonly ConcurrencyLimiter _requests;
    private readonly ConcurrencyLimiter _streams;
    private readonly PartitionedRateLimiter<IPAddress> _perAddress;
    private readonly PartitionedRateLimiter<IPAddress> _wrongTokens;

    /// <summary>The gate of a server with these options.</summary>
    public Gate(MatchpointServerOptions options, GroupWatch watch, ILogger<Gate> log)
    {
        _options = options;
        _watch = watch;
        _log = log;
        if (options.BearerToken is { Length: 0 }) throw new ArgumentException("BearerToken is empty: give a token, or none.", nameof(options));
        // Only hashes are compared: they are equally long, and how long the comparison takes says nothing of the token.
        _token = options.BearerToken is { } token ? SHA256.HashData(Encoding.UTF8.GetBytes(token)) : null;
        _requests = Limiter(options.MaxConcurrentRequests, options.MaxConcurrentRequests);
        _streams = Limiter(options.MaxStreams, 0);
        _perAddress = PerAddress(options.MaxRequestsPerSecond);
        _wrongTokens = PerAddress(WrongTokensPerSecond);
    }

    /// <summary>Lets a request in, or says why not.</summary>
    public async Task PassAsync(HttpContext context, RequestDelegate next, Door door)
    {
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        try
        {
            var address = context.Connection.RemoteIpAddress ?? IPAddress.Loopback;
            Admit(context, address, door);
            using var often = _perAddress.AttemptAcquire(address);
            if (!often.IsAcquired) throw TooMany($"more than {_options.MaxRequestsPerSecond} requests in a second came from {address}");
            using var lease = door.IsStream ? _streams.AttemptAcquire() : await _requests.AcquireAsync(1, context.RequestAborted).ConfigureAwait(false);
            if (!lease.IsAcquired)
                throw TooMany(door.IsStream ? $"{_options.MaxStreams} streams of changes are open" : $"{_options.MaxConcurrentRequests} requests are being worked on, and as many wait");
            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body) body.MaxRequestBodySize = _options.MaxBodyBytes;
            await next(context).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Whoever asked has left.
        }
        catch (Exception error) when (!context.Response.HasStarted)
        {
            var problem = ProblemOf.Error(error, context, _watch);
            if (problem.IsUnforeseen) Unforeseen(_log, error, context.Request.Method, context.Request.Path);
            await problem.WriteAsync(context).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _requests.Dispose();
        _streams.Dispose();
        _perAddress.Dispose();
        _wrongTokens.Dispose();
    }

    private void Admit(HttpContext context, IPAddress address, Door door)
    {
        if (door.IsOpen) return;
        context.Features.Set(Know(context, address));
        RequireOwnOrigin(context);
    }

    /// <summary>Who asks: by a certificate where one is believed, or by the token; where neither is asked for, by where it is.</summary>
    private Caller Know(HttpContext context, IPAddress address)
    {
        var certificate = context.Features.Get<PeerCertificate>();
        if (certificate?.Verdict.Peer is { } peer) return Caller.Of(peer);
        if (_token is not null)
        {
            RequireToken(context, address, certificate);
            return Caller.WithToken;
        }

        if (_options.AllowInsecure) return Caller.Anybody;
        if (certificate is { IsAsked: true }) throw NotByThisCertificate(certificate);
        RequireThisMachine(context, address);
        return Caller.OnThisMachine;
    }

    private static RequestException NotByThisCertificate(PeerCertificate certificate) =>
        new(StatusCodes.Status403Forbidden, "certificate", $"Only whoever has a certificate of the group is let in: {certificate.Verdict.Refusal}.")
        {
            Where = "certificate",
            Expected = "one of a client or node of the group",
            Found = certificate.IsPresented ? "one that is not believed" : null,
            Action = "Connect with a client's certificate: `matchpoint certs add DIR --client NAME` makes one, client.pfx is for browsers.",
        };

    private void RequireToken(HttpContext context, IPAddress address, PeerCertificate? certificate)
    {
        const string scheme = "Bearer ";
        var header = context.Request.Headers.Authorization.ToString();
        var isRight = header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(header[scheme.Length..].Trim())), _token);
        if (isRight) return;
        // Guessing is slowed down; the right token is never kept out by it.
        using var guess = _wrongTokens.AttemptAcquire(address);
        if (!guess.IsAcquired) throw TooMany($"too many wrong tokens came from {address}");
        context.Response.Headers.WWWAuthenticate = "Bearer realm=\"matchpoint\"";
        var token = header.Length == 0 ? "The request brings no token." : "The token is not this server's.";
        throw new RequestException(StatusCodes.Status401Unauthorized, "unauthorized", certificate is { IsPresented: true } ? $"{token} The certificate: {certificate.Verdict.Refusal}." : token)
        {
            Where = "Authorization",
            Expected = "Bearer TOKEN",
            Action = certificate is { IsAsked: true }
                ? "Send the token that the server was started with, or connect with a client's certificate."
                : "Send the token that the server was started with.",
        };
    }

    private static void RequireThisMachine(HttpContext context, IPAddress address)
    {
        // The name too: a page of a stranger's that a browser on this machine shows can reach loopback, under a name of its own.
        if (IPAddress.IsLoopback(address) && IsLoopback(context.Request.Host.Host)) return;
        throw new RequestException(StatusCodes.Status403Forbidden, "insecure", "The server has no token, and serves only this machine.")
        {
            Where = IPAddress.IsLoopback(address) ? "Host" : "address",
            Expected = "a loopback address",
            Found = IPAddress.IsLoopback(address) ? context.Request.Host.Host : $"{address}",
            Action = "Start the server with a token; or, where something else keeps strangers out, with insecurity allowed by name.",
        };
    }

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    /// <summary>A page of another origin must not make a browser change anything.</summary>
    private static void RequireOwnOrigin(HttpContext context)
    {
        var request = context.Request;
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)) return;
        var origin = request.Headers.Origin.ToString();
        if (origin.Length == 0 || (Uri.TryCreate(origin, UriKind.Absolute, out var from) && from.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase))) return;
        throw new RequestException(StatusCodes.Status403Forbidden, "foreign-origin", "A page of another origin asks for a change.")
        {
            Where = HeaderNames.Origin,
            Expected = request.Host.Value,
            Found = origin,
            Action = "Ask from a program, or from a page of this server.",
        };
    }

    private static RequestException TooMany(string why) => new(StatusCodes.Status429TooManyRequests, "too-many", $"Too many requests: {why}.")
    {
        RetryAfterSeconds = 1,
        Action = "Wait a second and ask again, less often.",
    };

    private static ConcurrencyLimiter Limiter(int permits, int queue) =>
        new(new ConcurrencyLimiterOptions { PermitLimit = permits, QueueLimit = queue, QueueProcessingOrder = QueueProcessingOrder.OldestFirst });

    private static PartitionedRateLimiter<IPAddress> PerAddress(int perSecond) => PartitionedRateLimiter.Create<IPAddress, IPAddress>(address =>
        RateLimitPartition.GetTokenBucketLimiter(address, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = perSecond,
            TokensPerPeriod = Math.Max(1, perSecond / 10),
            ReplenishmentPeriod = TimeSpan.FromMilliseconds(100),
            AutoReplenishment = true,
            QueueLimit = 0,
        }));

    [LoggerMessage(1, LogLevel.Error, "{Method} {Path} failed in a way that was not foreseen")]
    private static partial void Unforeseen(ILogger log, Exception error, string method, PathString path);
}
