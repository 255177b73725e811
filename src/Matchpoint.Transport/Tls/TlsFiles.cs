using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Matchpoint.Transport.Tls;

/// <summary>Where certificates lie.</summary>
/// <param name="Certificate">The certificate: PEM, with those between it and a root behind it, or PFX with its key.</param>
/// <param name="Key">Its key in PEM; null where the certificate's file holds it.</param>
/// <param name="Password">The password of the PFX or of the key; null where there is none.</param>
/// <param name="Authority">The certificates of the authorities, PEM; null where none are believed.</param>
internal sealed record TlsFiles(string Certificate, string? Key, string? Password, string? Authority)
{
    private const byte DerSequence = 0x30;

    /// <summary>
    /// What is in the files now: another one means that they were renewed. It comes from their bytes, for times and sizes are those of a link where a file is one, and what it leads to may
    /// change without it.
    /// </summary>
    public string Stamp() => string.Join(' ', new[] { Certificate, Key, Authority }.OfType<string>().Select(DigestOf));

    private static string DigestOf(string file)
    {
        try
        {
            using var bytes = File.OpenRead(file);
            return Convert.ToHexStringLower(SHA256.HashData(bytes));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Whoever reads the files says what is wrong with them; here it counts that it is something else than before.
            return error.GetType().Name;
        }
    }

    /// <summary>Reads them.</summary>
    /// <param name="self">Whom the certificate must be for; null: anybody.</param>
    /// <exception cref="CredentialsException">They cannot be used.</exception>
    public TlsCredentials Load(PeerIdentity? self)
    {
        var (certificate, chain, authorities) = Load();
        return TlsCredentials.Create(certificate, chain, authorities, self, Certificate);
    }

    /// <summary>Reads them for a server that is known by the name of its host.</summary>
    /// <param name="self">For whom it stands.</param>
    /// <exception cref="CredentialsException">They cannot be used.</exception>
    public TlsCredentials LoadForHost(PeerIdentity self)
    {
        var (certificate, chain, authorities) = Load();
        return TlsCredentials.CreateForHost(certificate, chain, authorities, self, Certificate);
    }

    private (X509Certificate2 Certificate, X509Certificate2Collection Chain, X509Certificate2Collection Authorities) Load()
    {
        var authorities = new X509Certificate2Collection();
        if (Authority is not null)
        {
            Reading(Authority, () => authorities.ImportFromPem(File.ReadAllText(Authority)));
            if (authorities.Count == 0) throw new CredentialsException($"{Authority}: there is no certificate in it: expected those of the authorities, as PEM.");
        }

        var chain = new X509Certificate2Collection();
        X509Certificate2? certificate = null;
        Reading(Certificate, () => certificate = LoadOwn(chain));
        return (certificate!, chain, authorities);
    }

    private static void Reading(string file, Action read)
    {
        try
        {
            read();
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            // An argument is what the library calls a key that does not belong to the certificate: half of a renewal was written.
            throw new CredentialsException($"{file}: it cannot be used: {error.Message}", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CredentialsException($"{file}: it cannot be read: {error.Message}", error);
        }
    }

    private X509Certificate2 LoadOwn(X509Certificate2Collection chain)
    {
        var bytes = File.ReadAllBytes(Certificate);
        var own = bytes is [DerSequence, ..] ? FromPfx(bytes, chain) : FromPem(chain);
        if (!OperatingSystem.IsWindows() || !own.HasPrivateKey) return own;
        // Windows' TLS takes no key that lives in memory only.
        using (own) return X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pfx), password: null);
    }

    private X509Certificate2 FromPfx(byte[] bytes, X509Certificate2Collection chain)
    {
        X509Certificate2? own = null;
        foreach (var certificate in X509CertificateLoader.LoadPkcs12Collection(bytes, Password))
        {
            if (own is null && certificate.HasPrivateKey) own = certificate;
            else if (!IsRoot(certificate)) chain.Add(certificate);
        }

        return own ?? throw new CryptographicException("there is no private key in it.");
    }

    private X509Certificate2 FromPem(X509Certificate2Collection chain)
    {
        var key = Key ?? Certificate;
        var own = Password is null ? X509Certificate2.CreateFromPemFile(Certificate, key) : X509Certificate2.CreateFromEncryptedPemFile(Certificate, Password, key);
        chain.ImportFromPem(File.ReadAllText(Certificate));
        foreach (var certificate in chain.Where(certificate => certificate.Equals(own) || IsRoot(certificate)).ToList()) chain.Remove(certificate);
        return own;
    }

    private static bool IsRoot(X509Certificate2 certificate) => certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);
}
