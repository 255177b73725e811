using System.Net;
using Matchpoint.Transport;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Node;

/// <summary>Finds out how connections are to be secured, and refuses to begin where they would not be.</summary>
internal static class ConnectionSecurity
{
    private const string Remedy = $"give {nameof(MatchpointOptions.Security)} (`matchpoint certs init` makes certificates), "
        + $"or ask for insecurity by name: {nameof(SecurityOptions.AllowInsecure)} = true, --insecure";

    private const string Insecure = "connections are not secured, as was asked for (AllowInsecure): whoever reaches this node reads and writes everything and can pretend to be a member";

    /// <summary>What a node with these options stands on: the network of its parts, secured. A network that is not TCP has no connections to secure.</summary>
    /// <exception cref="OptionsException">The certificates cannot be used, or there are none where they are needed.</exception>
    public static NodeParts Apply(MatchpointOptions options, NodeParts parts)
    {
        if (!ReferenceEquals(parts.Network, TcpNetwork.Instance)) return parts;
        if (options.Security is { AllowInsecure: false } given)
        {
            var self = new PeerIdentity(options.Group, PeerKind.Node, options.Name);
            return parts with { Network = new TcpNetwork(Secured(given, self, options.Time)) };
        }

        var exposed = options.Members.Select((member, i) => (Option: $"{nameof(options.Members)}[{i}].Address", member.Address))
            .Concat(options.Routes.Select(route => (Option: $"{nameof(options.Routes)}[{route.Key}]", Address: route.Value)))
            .Append((nameof(options.Listen), options.Listen ?? "127.0.0.1:0")).Where(one => !IsLoopback(Endpoint.Parse(one.Item2))).ToList();
        if (exposed.Count == 0) return options.Security is null ? parts with { Network = new TcpNetwork(new LoopbackOnly()) } : parts;
        return options.Security is null
            ? throw new OptionsException([.. exposed.Select(one => $"{one.Item1} is \"{one.Item2}\", and connections beyond this machine would not be secured: {Remedy}.")])
            : parts with { Network = new TcpNetwork(new PlainText { Warnings = [Insecure] }) };
    }

    /// <summary>Mutual TLS with given certificates.</summary>
    /// <param name="options">Where they are.</param>
    /// <param name="self">Whom the certificate must be for; null: anybody.</param>
    /// <param name="time">Where time comes from.</param>
    /// <exception cref="OptionsException">They cannot be used.</exception>
    public static TlsSecurity Secured(SecurityOptions options, PeerIdentity? self, TimeProvider time)
    {
        try
        {
            return new TlsSecurity(SourceOf(options, self, time), time);
        }
        catch (CredentialsException error)
        {
            throw new OptionsException([$"{nameof(MatchpointOptions.Security)}: {error.Message}"]);
        }
    }

    /// <summary>Certificates for a server that is known by the name of its host, and for whoever connects to it.</summary>
    /// <param name="options">Where they are; no authorities where nobody who connects is asked for a certificate.</param>
    /// <param name="self">The node that it stands for.</param>
    /// <param name="time">Where time comes from.</param>
    /// <exception cref="CredentialsException">They cannot be used.</exception>
    public static CredentialSource ForHost(SecurityOptions options, PeerIdentity self, TimeProvider time)
    {
        if (options.Certificate is { } certificate)
            return new CredentialSource(TlsCredentials.CreateForHost(certificate, [], [.. options.Authorities], self, nameof(options.Certificate)), time);
        if (options.CertificateFile is not { } file) throw new CredentialsException("there is no file of a certificate: expected one.");
        return new CredentialSource(new TlsFiles(file, options.KeyFile, options.Password, options.AuthorityFile), files => files.LoadForHost(self), time);
    }

    /// <summary>Whether an address is this machine's own. A name that must be looked up is not: what it stands for may change.</summary>
    public static bool IsLoopback(Endpoint endpoint) =>
        endpoint.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(endpoint.Host, out var address) && IPAddress.IsLoopback(address));

    private static CredentialSource SourceOf(SecurityOptions options, PeerIdentity? self, TimeProvider time)
    {
        if (options.Certificate is { } certificate)
        {
            if (options.CertificateFile is not null)
                throw new CredentialsException($"{nameof(options.Certificate)} and {nameof(options.CertificateFile)} are both given: expected one of them.");
            return new CredentialSource(TlsCredentials.Create(certificate, [], [.. options.Authorities], self, nameof(options.Certificate)), time);
        }

        if (options.CertificateFile is not { } file)
            throw new CredentialsException($"{nameof(options.CertificateFile)} is null: expected the file of a certificate, or {nameof(options.AllowInsecure)} = true.");
        if (options.AuthorityFile is not { } authority)
            throw new CredentialsException($"{nameof(options.AuthorityFile)} is null: expected the file of the authorities' certificates.");
        return new CredentialSource(new TlsFiles(file, options.KeyFile, options.Password, authority), files => files.Load(self), time);
    }
}
