namespace Matchpoint.Transport;

/// <summary>What a certificate may be used as.</summary>
internal enum PeerKind
{
    /// <summary>A node of the group: it may use every service.</summary>
    Node,

    /// <summary>A client: it may use the service for clients, and nothing else.</summary>
    Client,
}

/// <summary>
/// Who a peer is, as its certificate says it: one URI among the certificate's alternative names, <c>matchpoint://GROUP/node/NAME</c> or
/// <c>matchpoint://GROUP/client/NAME</c>. Characters that a URI does not take as they are stand there percent-encoded.
/// </summary>
/// <param name="Group">The group's name.</param>
/// <param name="Kind">As what it may be used.</param>
/// <param name="Name">The node's or the client's name.</param>
internal sealed record PeerIdentity(string Group, PeerKind Kind, string Name)
{
    /// <summary>What every such URI begins with.</summary>
    public const string Prefix = "matchpoint://";

    /// <summary>Reads a URI; null for one that says something else.</summary>
    public static PeerIdentity? TryParse(string uri)
    {
        if (!uri.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) return null;
        if (uri[Prefix.Length..].Split('/') is not [{ Length: > 0 } group, var kind, { Length: > 0 } name]) return null;
        PeerKind? known = kind switch
        {
            "node" => PeerKind.Node,
            "client" => PeerKind.Client,
            _ => null,
        };
        return known is { } of ? new PeerIdentity(Uri.UnescapeDataString(group), of, Uri.UnescapeDataString(name)) : null;
    }

    /// <summary>The URI.</summary>
    public override string ToString() => $"{Prefix}{Uri.EscapeDataString(Group)}/{(Kind == PeerKind.Node ? "node" : "client")}/{Uri.EscapeDataString(Name)}";
}
