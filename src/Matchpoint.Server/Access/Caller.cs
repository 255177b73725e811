using Matchpoint.Transport;
using Microsoft.AspNetCore.Http;

namespace Matchpoint.Server.Access;

/// <summary>By what somebody was let in.</summary>
internal enum CallerProof
{
    /// <summary>A certificate of the group's authority.</summary>
    Certificate,

    /// <summary>The server's token.</summary>
    Token,

    /// <summary>That the connection comes from this machine.</summary>
    Machine,

    /// <summary>Nothing: everybody is let in.</summary>
    Nothing,
}

/// <summary>Who asks, as far as the server knows.</summary>
/// <param name="Proof">By what it was let in.</param>
/// <param name="Name">Who it is, in a few words.</param>
/// <param name="Identity">What its certificate says; null where it has none.</param>
internal sealed record Caller(CallerProof Proof, string Name, string? Identity = null)
{
    /// <summary>Whoever brings the token.</summary>
    public static Caller WithToken { get; } = new(CallerProof.Token, "somebody with the token");

    /// <summary>Whoever is on this machine.</summary>
    public static Caller OnThisMachine { get; } = new(CallerProof.Machine, "somebody on this machine");

    /// <summary>Whoever it may be.</summary>
    public static Caller Anybody { get; } = new(CallerProof.Nothing, "anybody");

    /// <summary>Whoever a certificate is for.</summary>
    public static Caller Of(PeerIdentity peer) => new(CallerProof.Certificate, $"{(peer.Kind == PeerKind.Node ? "node" : "client")} {peer.Name}", peer.ToString());

    /// <summary>Who asks; the gate has found it out.</summary>
    public static Caller Of(HttpContext context) => context.Features.Get<Caller>() ?? Anybody;
}
