using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Matchpoint.Transport.Tls;

/// <summary>What came of the look at a peer's certificate: who the peer is, or why it is not let in. The reason is told to both sides, so it says neither "you" nor "we".</summary>
internal readonly record struct CertificateVerdict(PeerIdentity? Peer, string? Refusal)
{
    /// <summary>Before the certificate was looked at nobody is let in.</summary>
    public static CertificateVerdict None { get; } = new(null, "the certificate was not checked");

    /// <summary>Looks at a certificate.</summary>
    /// <param name="presented">What the peer presented; null when it presented nothing.</param>
    /// <param name="chain">The way from it to a root, built by the policy of <paramref name="own"/>.</param>
    /// <param name="errors">What the library found. That a host name does not fit does not matter: nodes are known by their URI.</param>
    /// <param name="own">Whose side this is.</param>
    /// <param name="now">The time.</param>
    /// <param name="member">The node that it must be for; null: any of a group that <paramref name="own"/> stands in.</param>
    /// <param name="needsNode">Whether it must be for a node.</param>
    public static CertificateVerdict Of(
        X509Certificate? presented, X509Chain? chain, SslPolicyErrors errors, TlsCredentials own, DateTimeOffset now, string? member, bool needsNode)
    {
        if (presented is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
            return Refused($"no certificate was presented: expected one that is issued by {own.AuthorityNames}");
        using var loaded = presented is X509Certificate2 ? null : X509CertificateLoader.LoadCertificate(presented.GetRawCertData());
        var certificate = loaded ?? (X509Certificate2)presented;
        var names = CertificateNames.Of(certificate);
        var who = $"the certificate presented ({(names.IsEmpty ? $"'{certificate.Subject}'" : string.Join(", ", names))})";
        if (now.UtcDateTime < certificate.NotBefore.ToUniversalTime())
            return Refused($"{who} is not valid before {Show(certificate.NotBefore)}; it is {Show(now.UtcDateTime)} now. Is a clock wrong?");
        if (now.UtcDateTime > certificate.NotAfter.ToUniversalTime()) return Refused($"{who} expired at {Show(certificate.NotAfter)}: renew it");
        if ((errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) != SslPolicyErrors.None || chain is null)
            return Refused($"{who} is not trusted: {WhyNot(certificate, chain, own)}");

        var ours = names.Where(name => own.Names.Any(self => self.Group == name.Group)).ToList();
        var expected = own.Names.Select(self => self with { Kind = PeerKind.Node, Name = member ?? self.Name }).First();
        if (ours.Count == 0)
        {
            return Refused(names.IsEmpty
                ? $"{who} is for no node and no client: expected a URI like {expected} among its alternative names"
                : $"{who} is of another group: expected one like {expected}");
        }

        if (ours.Count > 1) return Refused($"{who} is for several of one group: expected one for each");
        if (needsNode && ours[0].Kind != PeerKind.Node) return Refused($"{who} is for a client: expected that of a node");
        return member is not null && ours[0].Name != member
            ? Refused($"{who} is not that of the node that was called: expected {expected}. Is the address of '{member}' right?")
            : new CertificateVerdict(ours[0], Refusal: null);
    }

    private static CertificateVerdict Refused(string reason) => new(null, reason);

    private static string Show(DateTime time) => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss 'UTC'");

    private static string WhyNot(X509Certificate2 certificate, X509Chain? chain, TlsCredentials own)
    {
        var status = (chain?.ChainStatus ?? []).Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
        if ((status & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != X509ChainStatusFlags.NoError || chain is null)
            return $"it is issued by '{certificate.Issuer}', for which no authority known to the other side vouches: expected {own.AuthorityNames}";
        if ((status & X509ChainStatusFlags.NotValidForUsage) != X509ChainStatusFlags.NoError)
            return "it may not be used for TLS on this side of a connection: expected that among its extended key usages";
        return (status & X509ChainStatusFlags.NotTimeValid) != X509ChainStatusFlags.NoError
            ? "the certificate of an authority above it is expired or not yet valid"
            : $"{status}";
    }
}
