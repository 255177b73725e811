using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Matchpoint.Transport;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Cli.Certs;

/// <summary>Makes certificates: one authority for a group, and those that it issues. All keys are ECDSA over P-256.</summary>
internal static class CertificateMaker
{
    private const int SerialBytes = 16;
    private const int UriTag = 6;
    private const int DnsTag = 2;
    private const int AddressTag = 7;

    /// <summary>So long an authority lasts.</summary>
    private static readonly TimeSpan AuthorityLifetime = TimeSpan.FromDays(3650);

    /// <summary>Clocks differ: a certificate made just now must be valid on a machine whose clock is behind.</summary>
    private static readonly TimeSpan ClockSlack = TimeSpan.FromHours(1);

    /// <summary>Makes an authority for a group; the group's name stands in its certificate. Two of one group differ in name too: whoever is refused for having the other sees it.</summary>
    public static X509Certificate2 MakeAuthority(string group, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(NameOf($"Matchpoint authority of {group} ({Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(3))})"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(AlternativeNames(PeerIdentity.Prefix + Uri.EscapeDataString(group), []));
        return request.CreateSelfSigned(now - ClockSlack, now + AuthorityLifetime);
    }

    /// <summary>The group whose authority a certificate is; null when it is of none.</summary>
    public static string? GroupOf(X509Certificate2 authority) => CertificateNames.Uris(authority)
        .Where(uri => uri.StartsWith(PeerIdentity.Prefix, StringComparison.Ordinal) && !uri[PeerIdentity.Prefix.Length..].Contains('/', StringComparison.Ordinal))
        .Select(uri => Uri.UnescapeDataString(uri[PeerIdentity.Prefix.Length..])).FirstOrDefault();

    /// <summary>Issues a certificate, with a new key.</summary>
    /// <param name="authority">The authority with its key.</param>
    /// <param name="identity">Whom it is for.</param>
    /// <param name="hosts">Where it listens: names and addresses. Nodes are known by their URI; these are for other tools.</param>
    /// <param name="lifetime">How long it lasts; no longer than the authority.</param>
    /// <param name="now">The time.</param>
    public static X509Certificate2 Issue(X509Certificate2 authority, PeerIdentity identity, IEnumerable<string> hosts, TimeSpan lifetime, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(NameOf(identity.Name), key, HashAlgorithmName.SHA256);
        var usages = new OidCollection { new Oid(TlsCredentials.ClientUsage) };
        if (identity.Kind == PeerKind.Node) usages.Add(new Oid(TlsCredentials.ServerUsage));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(usages, critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        request.CertificateExtensions.Add(AlternativeNames(identity.ToString(), hosts));
        var serial = RandomNumberGenerator.GetBytes(SerialBytes);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40); // Positive, and as long as it looks.
        var (from, to, last) = (now - ClockSlack, now + lifetime, new DateTimeOffset(authority.NotAfter));
        using var issued = request.Create(authority, from, to < last ? to : last, serial);
        return issued.CopyWithPrivateKey(key);
    }

    private static X500DistinguishedName NameOf(string name)
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddCommonName(name);
        return builder.Build();
    }

    /// <summary>Written by hand: the library's builder takes a <see cref="Uri"/>, which would turn the group's name into lower case.</summary>
    private static X509Extension AlternativeNames(string uri, IEnumerable<string> hosts)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, uri, new Asn1Tag(TagClass.ContextSpecific, UriTag));
            foreach (var host in hosts)
            {
                if (IPAddress.TryParse(host, out var address)) writer.WriteOctetString(address.GetAddressBytes(), new Asn1Tag(TagClass.ContextSpecific, AddressTag));
                else if (Ascii.IsValid(host)) writer.WriteCharacterString(UniversalTagNumber.IA5String, host, new Asn1Tag(TagClass.ContextSpecific, DnsTag));
            }
        }

        return new X509Extension(CertificateNames.Extension, writer.Encode(), critical: false);
    }
}
