using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Matchpoint.Transport.Tls;

/// <summary>
/// Mutual TLS: both sides present certificates of the group's authorities, and each is known by the URI in its own.
/// <para>A handshake is finished even with a peer whose certificate is refused, so that the reason can be told to it in words; nothing but that reason is ever said to
/// such a peer, and nothing of what it says is read.</para>
/// </summary>
internal sealed class TlsSecurity(CredentialSource source, TimeProvider time) : IConnectionSecurity
{
    private const byte AlertRecord = 0x15;
    private const byte HandshakeRecord = 0x16;
    private const string PlainTextPeer = "TLS is spoken here, and the connection began without it: give the tool --certs, or the node its certificates";

    private readonly TlsWatch _watch = new(source, time, "connections");

    /// <inheritdoc/>
    public IReadOnlyList<string> Warnings => [.. _watch.Credentials, .. _watch.Refusals];

    /// <inheritdoc/>
    public async ValueTask<SecuredConnection> ConnectAsync(Socket socket, Endpoint peer, string? member, CancellationToken cancellation)
    {
        var own = source.Current;
        var verdict = CertificateVerdict.None;
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = peer.Host,
            ClientCertificateContext = own.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            AllowTlsResume = false,
            CertificateChainPolicy = own.Policy(TlsCredentials.ServerUsage, time.GetUtcNow()),
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            {
                verdict = CertificateVerdict.Of(certificate, chain, errors, own, time.GetUtcNow(), member, needsNode: true);
                return verdict != CertificateVerdict.None; // Whatever it says: the peer is to hear it.
            },
        };
        // What the peer answers first, looked at without taking it: it tells a peer without TLS from one that breaks it off.
        var answer = PeekAsync(socket, cancellation);
        try
        {
            await stream.AuthenticateAsClientAsync(options, cancellation).ConfigureAwait(false);
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            socket.Close(timeout: 0);
            var first = await answer.ConfigureAwait(false);
            throw new ConnectException(first is null or HandshakeRecord or AlertRecord
                ? $"{peer}: could not connect: the TLS handshake failed: {Innermost(error)}"
                : $"{peer}: could not connect: no TLS is spoken there: it is a node without certificates, or no node at all.", error);
        }

        return Conclude(stream, verdict, $"{peer} (called)");
    }

    /// <inheritdoc/>
    public async ValueTask<SecuredConnection> AcceptAsync(Socket socket, string peer, CancellationToken cancellation)
    {
        // Until the first byte is there nothing is held for the peer but its socket.
        var first = new byte[1];
        if (await socket.ReceiveAsync(first, SocketFlags.Peek, cancellation).ConfigureAwait(false) == 0)
            throw new ChannelClosedException(ChannelEnd.Silent, $"{peer} closed the connection without a word while a TLS handshake was awaited.");
        if (first[0] != HandshakeRecord)
        {
            _watch.Note($"{peer}: {PlainTextPeer}");
            return new SecuredConnection(new NetworkStream(socket, ownsSocket: true), Peer: null, PlainTextPeer);
        }

        var own = source.Current;
        var verdict = CertificateVerdict.None;
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = own.Context,
            ClientCertificateRequired = true,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            // A resumed session would bring back a certificate that was checked long ago.
            AllowTlsResume = false,
            CertificateChainPolicy = own.Policy(TlsCredentials.ClientUsage, time.GetUtcNow()),
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            {
                verdict = CertificateVerdict.Of(certificate, chain, errors, own, time.GetUtcNow(), member: null, needsNode: false);
                return verdict != CertificateVerdict.None; // Whatever it says: the peer is to hear it.
            },
        };
        try
        {
            await stream.AuthenticateAsServerAsync(options, cancellation).ConfigureAwait(false);
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            var reason = $"{peer}: the TLS handshake failed: {Innermost(error)}";
            if (error is AuthenticationException) _watch.Note(reason);
            throw new PeerRefusedException(reason, error);
        }

        return Conclude(stream, verdict, peer);
    }

    private static string Innermost(Exception error)
    {
        var inner = error;
        while (inner.InnerException is { } next) inner = next;
        return ReferenceEquals(inner, error) ? error.Message : $"{error.Message} {inner.Message}";
    }

    private static async Task<byte?> PeekAsync(Socket socket, CancellationToken cancellation)
    {
        var first = new byte[1];
        try
        {
            return await socket.ReceiveAsync(first, SocketFlags.Peek, cancellation).ConfigureAwait(false) == 0 ? null : first[0];
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The handshake tells what happened to the connection.
            return null;
        }
    }

    private SecuredConnection Conclude(SslStream stream, CertificateVerdict verdict, string peer)
    {
        if (verdict.Refusal is { } reason) _watch.Note($"{peer}: {reason}");
        return new SecuredConnection(stream, verdict.Peer, verdict.Refusal);
    }
}
