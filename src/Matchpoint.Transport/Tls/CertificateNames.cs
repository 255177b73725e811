using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Matchpoint.Transport.Tls;

/// <summary>The alternative names of a certificate.</summary>
internal static class CertificateNames
{
    /// <summary>The extension that holds them.</summary>
    public const string Extension = "2.5.29.17";

    private const int UriTag = 6;
    private const int DnsTag = 2;
    private const int AddressTag = 7;

    /// <summary>The nodes and clients that a certificate is for.</summary>
    public static ImmutableArray<PeerIdentity> Of(X509Certificate2 certificate) => [.. Uris(certificate).Select(PeerIdentity.TryParse).OfType<PeerIdentity>()];

    /// <summary>The URIs.</summary>
    public static IEnumerable<string> Uris(X509Certificate2 certificate) => Read(certificate).Where(name => name.Tag == UriTag).Select(name => name.Text);

    /// <summary>Host names and addresses.</summary>
    public static IEnumerable<string> Hosts(X509Certificate2 certificate) => Read(certificate).Where(name => name.Tag is DnsTag or AddressTag).Select(name => name.Text);

    private static List<(int Tag, string Text)> Read(X509Certificate2 certificate)
    {
        List<(int Tag, string Text)> names = [];
        foreach (var extension in certificate.Extensions)
        {
            if (extension.Oid?.Value != Extension) continue;
            try
            {
                var reader = new AsnReader(extension.RawData, AsnEncodingRules.DER);
                var sequence = reader.ReadSequence();
                reader.ThrowIfNotEmpty();
                while (sequence.HasData) ReadOne(sequence, names);
            }
            catch (AsnContentException)
            {
                // What cannot be read names nobody: a certificate that is for nobody is let in nowhere.
                return [];
            }
        }

        return names;
    }

    private static void ReadOne(AsnReader sequence, List<(int Tag, string Text)> names)
    {
        var tag = sequence.PeekTag();
        if (tag.TagClass != TagClass.ContextSpecific || tag.TagValue is not (UriTag or DnsTag or AddressTag))
        {
            sequence.ReadEncodedValue();
            return;
        }

        if (tag.TagValue != AddressTag)
        {
            names.Add((tag.TagValue, sequence.ReadCharacterString(UniversalTagNumber.IA5String, tag)));
            return;
        }

        var bytes = sequence.ReadOctetString(tag);
        if (bytes.Length is 4 or 16) names.Add((AddressTag, new System.Net.IPAddress(bytes).ToString()));
    }
}
