using System.Security.Cryptography.X509Certificates;
using Matchpoint.Cli.Certs;
using Matchpoint.Node;
using Matchpoint.Transport;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Cli.Bench;

/// <summary>Certificates for a group of a bench, in memory only.</summary>
internal sealed class BenchCertificates(TimeProvider time)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(1);

    private readonly X509Certificate2 _authority = CertificateMaker.MakeAuthority(Group, time.GetUtcNow());

    private static string Group => new MatchpointOptions { Directory = "" }.Group;

    /// <summary>A node's own.</summary>
    public SecurityOptions Of(string name) => new()
    {
        Certificate = CertificateMaker.Issue(_authority, new PeerIdentity(Group, PeerKind.Node, name), [], Lifetime, time.GetUtcNow()),
        Authorities = [_authority],
    };

    /// <summary>A node's way to secure connections.</summary>
    public TlsSecurity Security(string name) => ConnectionSecurity.Secured(Of(name), self: null, time);
}
