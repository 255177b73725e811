using System.Net.Security;
using System.Security.Authentication;
using Matchpoint.Node;
using Matchpoint.Transport;
using Matchpoint.Transport.Tls;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Matchpoint.Server.Access;

/// <summary>
/// How the connections of a server are secured: by TLS, with certificates that are taken up anew when they are renewed; or not at all, on this machine or where that was asked for.
/// <para>A handshake is finished even with somebody whose certificate is not believed, so that the <see cref="Gate"/> can say why in words.</para>
/// </summary>
internal sealed class HttpSecurity
{
    private readonly CredentialSource? _source;
    private readonly TlsWatch? _watch;
    private readonly TimeProvider _time;
    private readonly bool _isTheNodes;
    private readonly string? _insecurity;

    private HttpSecurity(CredentialSource? source, TimeProvider time, bool isTheNodes, string? insecurity)
    {
        _source = source;
        _time = time;
        _isTheNodes = isTheNodes;
        _insecurity = insecurity;
        _watch = source is null ? null : new TlsWatch(source, time, "connections over HTTP");
    }

    /// <summary>Whether TLS is spoken.</summary>
    public bool IsSecured => _source is not null;

    /// <summary>What is to be known or done.</summary>
    public IReadOnlyList<string> Warnings
    {
        get
        {
            var warnings = new List<string>();
            if (_insecurity is not null) warnings.Add(_insecurity);
            if (_watch is null) return warnings;
            // What is to be done about the node's own certificates the node says itself.
            if (!_isTheNodes) warnings.AddRange(_watch.Credentials.Select(static warning => $"HTTP: {warning}"));
            warnings.AddRange(_watch.Refusals);
            return warnings;
        }
    }

    /// <summary>How a server is to be secured.</summary>
    /// <param name="endpoint">Where it listens.</param>
    /// <param name="own">Certificates of its own; null: the node's.</param>
    /// <param name="node">The node beside it.</param>
    /// <param name="server">Who is served.</param>
    /// <exception cref="OptionsException">The certificates cannot be used, or strangers would be served, or read along, without that being asked for.</exception>
    public static HttpSecurity Of(Endpoint endpoint, SecurityOptions? own, MatchpointOptions node, MatchpointServerOptions server)
    {
        var nodes = node.Security is { AllowInsecure: false } given ? given : null;
        var isLocal = ConnectionSecurity.IsLoopback(endpoint);
        var used = own is null ? server.AllowInsecure ? null : nodes : own with
        {
            AuthorityFile = own.AuthorityFile ?? nodes?.AuthorityFile,
            Authorities = own.Authorities.Count > 0 ? own.Authorities : nodes?.Authorities ?? [],
        };
        var source = used is null ? null : Load(used, new PeerIdentity(node.Group, PeerKind.Node, node.Name), node.Time);
        var asks = server.BearerToken is not null || source?.Current.Authorities.Count > 0;
        if (!isLocal && !server.AllowInsecure)
        {
            if (source is null)
            {
                throw new OptionsException([$"HTTP at {endpoint}: others can connect there, and what goes over the connections, the token too, could be read on the way: give certificates "
                    + "(--http-certs DIR, or the node's own: --certs DIR; `matchpoint certs init` makes them), or ask for insecurity by name: --http-insecure, "
                    + "where something else keeps strangers out."]);
            }

            if (!asks)
            {
                throw new OptionsException([$"HTTP at {endpoint}: others can connect there, and nothing would be asked of them: give --http-token-file FILE, or the authority of clients' certificates "
                    + "(ca.pem beside the certificate, or authorityFile); or --http-insecure, where something else keeps strangers out."]);
            }
        }

        return new HttpSecurity(source, node.Time, isTheNodes: own is null, InsecurityOf(endpoint, isLocal, source is not null, asks, server.AllowInsecure));
    }

    /// <summary>Secures what is listened on.</summary>
    public void Secure(ListenOptions listen)
    {
        if (_source is null) return;
        listen.Use(next => new PlainTextDoor(_watch!.Note, _time, next).EnterAsync);
        listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = Present, HandshakeTimeout = PlainTextDoor.Patience });
    }

    private static CredentialSource Load(SecurityOptions options, PeerIdentity self, TimeProvider time)
    {
        try
        {
            return ConnectionSecurity.ForHost(options, self, time);
        }
        catch (CredentialsException error)
        {
            throw new OptionsException([$"HTTP: {error.Message}"]);
        }
    }

    private static string? InsecurityOf(Endpoint endpoint, bool isLocal, bool isSecured, bool asks, bool isAllowed) => (isAllowed, asks) switch
    {
        (false, _) => null,
        (true, false) => $"HTTP at {endpoint} is open to everybody, as was asked for (--http-insecure): whoever reaches it reads and writes everything",
        (true, true) when !isSecured && !isLocal => $"HTTP at {endpoint} is not secured, as was asked for (--http-insecure): whoever is on the way reads what goes over it, the token too",
        _ => null,
    };

    private ValueTask<SslServerAuthenticationOptions> Present(TlsHandshakeCallbackContext context)
    {
        // Looked at for each connection: renewed files are taken up by the next.
        var own = _source!.Current;
        var peer = new PeerCertificate(isAsked: own.Authorities.Count > 0);
        context.Connection.Features.Set(peer);
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = own.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            // A resumed session would bring back a certificate that was checked long ago.
            AllowTlsResume = false,
            ClientCertificateRequired = peer.IsAsked,
        };
        if (peer.IsAsked)
        {
            options.CertificateChainPolicy = own.Policy(TlsCredentials.ClientUsage, _time.GetUtcNow());
            options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            {
                peer.IsPresented = certificate is not null;
                peer.Verdict = CertificateVerdict.Of(certificate, chain, errors, own, _time.GetUtcNow(), member: null, needsNode: false);
                if (peer is { IsPresented: true, Verdict.Refusal: { } reason }) _watch!.Note($"{context.Connection.RemoteEndPoint}: {reason}");
                return peer.Verdict != CertificateVerdict.None; // Whatever it says: the gate says why nobody is let in by it.
            };
        }

        return ValueTask.FromResult(options);
    }
}
