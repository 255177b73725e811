using Matchpoint.Client;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Messages;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>What a peer may do by its certificate. Where connections are not secured nothing proves who a peer is, and these checks let everything pass.</summary>
internal static class Admission
{
    /// <summary>The services, of which only the one for clients may be used with another certificate than a node's.</summary>
    public static Dictionary<string, ServiceHandler> ForNodes(Dictionary<string, ServiceHandler> services) => services.ToDictionary(
        pair => pair.Key, pair => pair.Key == ClientService.Name ? pair.Value : (channel, stopping) => ServeNodeAsync(channel, pair.Key, pair.Value, stopping));

    /// <summary>Why a peer may not say that it is a member; null when it may.</summary>
    public static string? WhyNot(Channel channel, string name) => channel.PeerIdentity is { } proved && (proved.Kind != PeerKind.Node || proved.Name != name)
        ? $"'{name}' is said to be calling, and the certificate presented is for {proved}: expected that of '{name}'. Is a certificate used by two nodes?"
        : null;

    /// <inheritdoc cref="WhyNot"/>
    public static HelloVerdict.Refused? Refuse(Channel channel, string name) =>
        WhyNot(channel, name) is { } why ? new HelloVerdict.Refused(RefusalReason.WrongCertificate, why) : null;

    /// <summary>What a peer said, or this side, when certificates did not let the two talk; null when something else went wrong.</summary>
    public static string? RefusalIn(Exception error) => error switch
    {
        PeerRefusedException => error.Message,
        ChannelClosedException { Goodbye.Code: GoodbyeCode.Refused } => error.Message,
        _ => null,
    };

    private static async Task ServeNodeAsync(Channel channel, string service, ServiceHandler serve, CancellationToken stopping)
    {
        if (channel.PeerIdentity is { Kind: not PeerKind.Node } client)
        {
            var reason = $"{service} is for the nodes of the group, and the certificate presented is for {client}";
            var refused = new HelloVerdict.Refused(RefusalReason.WrongCertificate, reason);
            await channel.CloseAsync(refused.Code, reason).ConfigureAwait(false);
            throw new SyncupRefusedException($"{channel.Peer} was refused: {reason}.", refused);
        }

        await serve(channel, stopping).ConfigureAwait(false);
    }
}
