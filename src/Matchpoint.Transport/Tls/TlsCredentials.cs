using System.Collections.Immutable;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Matchpoint.Transport.Tls;

/// <summary>Certificates cannot be used: the message says which, why, and what was expected.</summary>
internal sealed class CredentialsException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// A certificate with its key, and the authorities whose certificates are believed. Guarantees: (1) the certificate has its key; (2) one of the authorities
/// vouches for it, apart from the time; (3) it is for whom it was asked to be. Whether it is valid at this moment the peer decides: it may be renewed while the node runs.
/// Those of <see cref="CreateForHost"/> guarantee the first alone.
/// </summary>
internal sealed class TlsCredentials
{
    /// <summary>What a certificate needs to be presented by the side that accepts.</summary>
    public const string ServerUsage = "1.3.6.1.5.5.7.3.1";

    /// <summary>What a certificate needs to be presented by the side that connects.</summary>
    public const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2Collection _roots = [];
    private readonly X509Certificate2Collection _intermediates = [];

    private TlsCredentials(X509Certificate2 certificate, X509Certificate2Collection chain, X509Certificate2Collection authorities, ImmutableArray<PeerIdentity> names)
    {
        Certificate = certificate;
        Authorities = authorities;
        foreach (var authority in authorities)
        {
            if (authority.SubjectName.RawData.AsSpan().SequenceEqual(authority.IssuerName.RawData)) _roots.Add(authority);
            else _intermediates.Add(authority);
        }

        Names = names;
        _intermediates.AddRange(chain);
        // Offline: nothing is fetched from wherever a certificate says.
        Context = SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    /// <summary>The certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>
    /// Whom it stands for here: the one that it was asked to be for, though it may be for nodes of other groups beside; all that it is for where it was not. Peers of their groups are let in, and of
    /// no others.
    /// </summary>
    public ImmutableArray<PeerIdentity> Names { get; }

    /// <summary>The certificates of the authorities.</summary>
    public X509Certificate2Collection Authorities { get; }

    /// <summary>What a handshake presents.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>The authorities by name.</summary>
    public string AuthorityNames => string.Join(" or ", Authorities.Select(authority => $"'{authority.Subject}'"));

    /// <summary>Puts them together.</summary>
    /// <param name="certificate">The certificate with its key.</param>
    /// <param name="chain">What is presented beside it: the certificates between it and a root.</param>
    /// <param name="authorities">Whose certificates are believed; roots, and what lies between.</param>
    /// <param name="self">Whom the certificate must be for; null: for anybody that a certificate can be for.</param>
    /// <param name="origin">Where the certificate is from, for people.</param>
    /// <exception cref="CredentialsException">They cannot be used.</exception>
    public static TlsCredentials Create(
        X509Certificate2 certificate, X509Certificate2Collection chain, X509Certificate2Collection authorities, PeerIdentity? self, string origin)
    {
        if (!certificate.HasPrivateKey) throw new CredentialsException($"{origin}: the certificate has no private key: name the file that holds it.");
        if (authorities.Count == 0) throw new CredentialsException($"{origin}: no certificate of an authority is given: peers could not be told from strangers.");
        var names = CertificateNames.Of(certificate);
        RequireName(certificate, names, self, origin);
        var credentials = new TlsCredentials(certificate, chain, authorities, self is null ? names : [self]);
        credentials.RequireRoot(origin);
        var isNode = credentials.Names.Any(name => name.Kind == PeerKind.Node);
        foreach (var usage in isNode ? [ServerUsage, ClientUsage] : new[] { ClientUsage }) credentials.RequireTrust(usage, origin);
        return credentials;
    }

    /// <summary>
    /// Puts together what a server presents that is known by the name of its host, as browsers know servers: who issued its certificate, and for whom, whoever connects judges.
    /// The authorities are those of the peers' certificates; without any no peer is asked for one.
    /// </summary>
    /// <param name="certificate">The certificate with its key.</param>
    /// <param name="chain">What is presented beside it.</param>
    /// <param name="authorities">Whose certificates of peers are believed.</param>
    /// <param name="self">For whom it stands, though its certificate need not say so.</param>
    /// <param name="origin">Where the certificate is from, for people.</param>
    /// <exception cref="CredentialsException">They cannot be used.</exception>
    public static TlsCredentials CreateForHost(
        X509Certificate2 certificate, X509Certificate2Collection chain, X509Certificate2Collection authorities, PeerIdentity self, string origin)
    {
        if (!certificate.HasPrivateKey) throw new CredentialsException($"{origin}: the certificate has no private key: name the file that holds it.");
        var usages = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().SelectMany(extension => extension.EnhancedKeyUsages.Cast<Oid>()).Select(oid => oid.Value).ToList();
        if (usages.Count > 0 && !usages.Contains(ServerUsage))
            throw new CredentialsException($"{origin}: the certificate may not be used for TLS by servers: expected that among its extended key usages.");
        var credentials = new TlsCredentials(certificate, chain, authorities, [self]);
        if (authorities.Count > 0) credentials.RequireRoot(origin);
        return credentials;
    }

    /// <summary>How a peer's certificate is checked against the authorities.</summary>
    public X509ChainPolicy Policy(string usage, DateTimeOffset now)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationTime = now.UtcDateTime,
        };
        policy.CustomTrustStore.AddRange(_roots);
        policy.ExtraStore.AddRange(_intermediates);
        policy.ApplicationPolicy.Add(new Oid(usage));
        return policy;
    }

    private void RequireRoot(string origin)
    {
        if (_roots.Count == 0)
            throw new CredentialsException($"{origin}: none of the authorities ({AuthorityNames}) is a root: give the root's certificate beside those that it issued.");
    }

    private static void RequireName(X509Certificate2 certificate, ImmutableArray<PeerIdentity> names, PeerIdentity? self, string origin)
    {
        if (names.IsEmpty)
        {
            throw new CredentialsException(
                $"{origin}: the certificate of '{certificate.Subject}' is for no node and no client: expected a URI like {self?.ToString() ?? "matchpoint://GROUP/client/NAME"} "
                + "among its alternative names.");
        }

        if (self is not null && !names.Contains(self)) throw new CredentialsException($"{origin}: the certificate is for {string.Join(", ", names)}; expected one for {self}.");
    }

    private void RequireTrust(string usage, string origin)
    {
        using var chain = new X509Chain { ChainPolicy = Policy(usage, new DateTimeOffset(Certificate.NotBefore)) };
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid;
        if (chain.Build(Certificate)) return;
        var why = chain.ChainStatus.Select(status => status.Status).Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one);
        throw new CredentialsException((why & X509ChainStatusFlags.NotValidForUsage) != X509ChainStatusFlags.NoError
            ? $"{origin}: the certificate may not be used for TLS by {(usage == ServerUsage ? "servers" : "clients")}: expected that among its extended key usages."
            : $"{origin}: the certificate is issued by '{Certificate.Issuer}', and the authorities given ({AuthorityNames}) do not vouch for it ({why}).");
    }
}
