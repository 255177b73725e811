using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Transport.Tests;

/// <summary>An authority of a test: issues certificates of every kind, good and bad.</summary>
internal sealed class TestAuthority
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    private readonly X509Certificate2 _certificate;
    private byte _serial;

    public TestAuthority(string name = "a test's authority")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        _certificate = request.CreateSelfSigned(Now.AddYears(-1), Now.AddYears(10));
    }

    /// <summary>Its own certificate.</summary>
    public X509Certificate2 Certificate => X509CertificateLoader.LoadCertificate(_certificate.RawData);

    /// <summary>A certificate with its key for whoever a URI names.</summary>
    public X509Certificate2 Issue(string? uri, TimeSpan? from = null, TimeSpan? to = null, string[]? usages = null, IPAddress? host = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=a test's certificate", key, HashAlgorithmName.SHA256);
        var oids = new OidCollection();
        foreach (var usage in usages ?? [TlsCredentials.ServerUsage, TlsCredentials.ClientUsage]) oids.Add(new Oid(usage));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(oids, critical: false));
        if (uri is not null) request.CertificateExtensions.Add(new X509Extension(CertificateNames.Extension, Names(uri, host), critical: false));
        var serial = new byte[8];
        serial[0] = 1;
        serial[7] = ++_serial;
        using var issued = request.Create(_certificate, Now + (from ?? TimeSpan.FromHours(-1)), Now + (to ?? TimeSpan.FromDays(365)), serial);
        return issued.CopyWithPrivateKey(key);
    }

    /// <summary>Credentials of a node or a client of a group; the authorities that it believes are this one unless others are given.</summary>
    public TlsCredentials Credentials(string? uri, TimeSpan? from = null, TimeSpan? to = null, TestAuthority? believes = null) => believes is null
        ? TlsCredentials.Create(Issue(uri, from, to), [], [Certificate], self: null, "a test")
        : TlsCredentials.Create(Issue(uri, from, to), [], [Certificate, believes.Certificate], self: null, "a test");

    /// <summary>Security of a node or a client.</summary>
    public TlsSecurity Security(string uri, TimeSpan? from = null, TimeSpan? to = null) =>
        new(new CredentialSource(Credentials(uri, from, to), TimeProvider.System), TimeProvider.System);

    /// <summary>Writes a certificate, its key and the authority's certificate into a directory, as the tool lays them out.</summary>
    public void Write(string directory, string uri, TimeSpan? to = null, IPAddress? host = null)
    {
        Directory.CreateDirectory(directory);
        using var certificate = Issue(uri, to: to, host: host);
        using var key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(Path.Combine(directory, "ca.pem"), Certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(directory, "node.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(Path.Combine(directory, "node.pem"), certificate.ExportCertificatePem());
    }

    private static byte[] Names(string uris, IPAddress? host)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (var uri in uris.Split(' ')) writer.WriteCharacterString(UniversalTagNumber.IA5String, uri, new Asn1Tag(TagClass.ContextSpecific, 6));
            if (host is not null) writer.WriteOctetString(host.GetAddressBytes(), new Asn1Tag(TagClass.ContextSpecific, 7));
        }

        return writer.Encode();
    }
}
