using System.Security.Cryptography.X509Certificates;

namespace Matchpoint;

/// <summary>
/// How a node proves who it is, and whom it believes: with mutual TLS. Its certificate is for <c>matchpoint://GROUP/node/NAME</c>, a URI among the alternative names; the
/// certificates of the others, and of clients (<c>matchpoint://GROUP/client/NAME</c>), are issued by the same authorities. Files that are renewed are taken up by the running node.
/// </summary>
public sealed record SecurityOptions
{
    /// <summary>The file of the node's certificate: PEM, with the certificates between it and a root behind it; or PFX, with its key.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>The file of the certificate's key, PEM. Null where <see cref="CertificateFile"/> holds it.</summary>
    public string? KeyFile { get; init; }

    /// <summary>The password of the PFX or of the key; null where there is none.</summary>
    public string? Password { get; init; }

    /// <summary>The file of the certificates of the authorities that are believed, PEM. Several while one takes the place of another.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>The node's certificate with its key, instead of files. It stays as it is until the node is opened anew.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>The certificates of the authorities beside <see cref="Certificate"/>.</summary>
    public IReadOnlyList<X509Certificate2> Authorities { get; init; } = [];

    /// <summary>
    /// Connections are not secured: whoever reaches the node reads and writes everything, and can pretend to be a member. Only for a network that nobody else can reach.
    /// Beyond the machine's own loopback nothing else turns TLS off.
    /// </summary>
    public bool AllowInsecure { get; init; }

    /// <summary>
    /// The certificates in a directory as <c>matchpoint certs</c> lays it out: <c>node.pem</c> and <c>node.key</c>, or <c>client.pem</c> and <c>client.key</c>, beside <c>ca.pem</c>.
    /// </summary>
    public static SecurityOptions FromDirectory(string directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        var name = !File.Exists(Path.Combine(directory, "node.pem")) && File.Exists(Path.Combine(directory, "client.pem")) ? "client" : "node";
        return new SecurityOptions
        {
            CertificateFile = Path.Combine(directory, name + ".pem"),
            KeyFile = Path.Combine(directory, name + ".key"),
            AuthorityFile = Path.Combine(directory, "ca.pem"),
        };
    }

    /// <summary>Where the certificates are; never a password.</summary>
    public override string ToString() => AllowInsecure ? "insecure" : CertificateFile ?? Certificate?.Subject ?? "no certificate";
}
