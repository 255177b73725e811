using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Matchpoint.Cli.Terminal;
using Matchpoint.Transport;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Cli.Certs;

/// <summary>
/// A directory of certificates: <c>ca.pem</c> and <c>ca.key</c>, and for each node and client a directory that is copied to where it runs: NAME with <c>node.pem</c>,
/// <c>node.key</c> and <c>ca.pem</c>; client-NAME with <c>client.pem</c>, <c>client.key</c> and <c>ca.pem</c>, and <c>client.pfx</c>, which browsers take.
/// </summary>
internal sealed class CertsDirectory
{
    private const string AuthorityFile = "ca.pem";
    private const string AuthorityKeyFile = "ca.key";

    private static readonly string[] CertificateFiles = ["node.pem", "client.pem"];

    private readonly X509Certificate2 _authority;

    private CertsDirectory(string path, X509Certificate2 authority, string group)
    {
        Path = path;
        _authority = authority;
        Group = group;
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The group that its authority is for.</summary>
    public string Group { get; }

    /// <summary>Makes an authority in a new directory.</summary>
    /// <exception cref="RefusedException">There is one already.</exception>
    public static CertsDirectory Make(string path, string group, DateTimeOffset now)
    {
        foreach (var file in new[] { AuthorityFile, AuthorityKeyFile }.Select(name => System.IO.Path.Combine(path, name)))
        {
            if (File.Exists(file)) throw new RefusedException($"{file} is there already: `matchpoint certs add` makes more certificates with it; a new authority needs another directory");
        }

        Directory.CreateDirectory(path);
        var authority = CertificateMaker.MakeAuthority(group, now);
        Write(System.IO.Path.Combine(path, AuthorityKeyFile), KeyOf(authority), isSecret: true);
        Write(System.IO.Path.Combine(path, AuthorityFile), authority.ExportCertificatePem() + "\n", isSecret: false);
        return new CertsDirectory(path, authority, group);
    }

    /// <summary>Opens one that was made.</summary>
    /// <exception cref="UsageException">It is none, or cannot be read.</exception>
    public static CertsDirectory Open(string path)
    {
        var (file, key) = (System.IO.Path.Combine(path, AuthorityFile), System.IO.Path.Combine(path, AuthorityKeyFile));
        if (!File.Exists(file) || !File.Exists(key))
            throw new UsageException($"{path}: there is no authority's certificate and key ({AuthorityFile}, {AuthorityKeyFile}): this is done where the authority's key is kept");
        try
        {
            var authority = X509Certificate2.CreateFromPemFile(file, key);
            var group = CertificateMaker.GroupOf(authority)
                ?? throw new UsageException($"{file}: it says no group: expected one that `matchpoint certs init` made. With an authority of your own issue certificates with its tools");
            return new CertsDirectory(path, authority, group);
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            throw new UsageException($"{file}: it cannot be used with {key}: {error.Message}");
        }
    }

    /// <summary>Everybody that has a directory here, with the hosts of the certificate.</summary>
    public IEnumerable<(PeerIdentity Identity, string[] Hosts)> Issued()
    {
        foreach (var directory in Directory.EnumerateDirectories(Path).Order(StringComparer.Ordinal))
        {
            var file = CertificateFiles.Select(name => System.IO.Path.Combine(directory, name)).FirstOrDefault(File.Exists);
            if (file is null) continue;
            using var certificate = X509CertificateLoader.LoadCertificateFromFile(file);
            var identity = CertificateNames.Of(certificate).FirstOrDefault(name => name.Group == Group);
            if (identity is not null) yield return (identity, [.. CertificateNames.Hosts(certificate)]);
        }
    }

    /// <summary>The directory of a node or a client.</summary>
    public string DirectoryOf(PeerIdentity identity) => System.IO.Path.Combine(Path, identity.Kind == PeerKind.Node ? identity.Name : $"client-{identity.Name}");

    /// <summary>Whether it has a certificate.</summary>
    public bool Has(PeerIdentity identity) => File.Exists(System.IO.Path.Combine(DirectoryOf(identity), FileOf(identity) + ".pem"));

    /// <summary>Issues a certificate with a new key, in place of the one that is there.</summary>
    public X509Certificate2 Issue(PeerIdentity identity, IEnumerable<string> hosts, TimeSpan lifetime, DateTimeOffset now)
    {
        var certificate = CertificateMaker.Issue(_authority, identity, hosts, lifetime, now);
        var directory = DirectoryOf(identity);
        Directory.CreateDirectory(directory);
        var file = System.IO.Path.Combine(directory, FileOf(identity));
        // A node that reads between the two finds that they do not belong together, uses the old ones on, and looks again.
        Write(file + ".key", KeyOf(certificate), isSecret: true);
        Write(file + ".pem", certificate.ExportCertificatePem() + "\n", isSecret: false);
        Write(System.IO.Path.Combine(directory, AuthorityFile), _authority.ExportCertificatePem() + "\n", isSecret: false);
        // Without a password: like the key beside it, it is kept by who may read it.
        if (identity.Kind == PeerKind.Client) Write(file + ".pfx", certificate.ExportPkcs12(Pkcs12ExportPbeParameters.Pbes2Aes256Sha256, password: null), isSecret: true);
        return certificate;
    }

    private static string FileOf(PeerIdentity identity) => identity.Kind == PeerKind.Node ? "node" : "client";

    private static string KeyOf(X509Certificate2 certificate)
    {
        using var key = certificate.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem() + "\n";
    }

    private static void Write(string file, string text, bool isSecret) => Write(file, Encoding.UTF8.GetBytes(text), isSecret);

    /// <summary>Writes a file beside, and renames it: nobody reads half of one. A secret is never readable by others, not even for a moment.</summary>
    private static void Write(string file, byte[] content, bool isSecret)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (isSecret && !OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var fresh = file + ".new";
        File.Delete(fresh);
        using (var writer = new FileStream(fresh, options)) writer.Write(content);
        File.Move(fresh, file, overwrite: true);
    }
}
