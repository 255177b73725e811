using Matchpoint.Client;
using Matchpoint.Protocol.Messages;
using Matchpoint.Server.Problems;
using Matchpoint.Transport;
using Microsoft.AspNetCore.Http;

namespace Matchpoint.Server.Operations;

/// <summary>Brings what only the primary does to it, from whichever node was asked: a browser cannot follow to another server with what it knows of this one.</summary>
internal sealed class PrimaryLine(MatchpointNode node)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Asks the primary.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="here">Does it where this node is the primary.</param>
    /// <param name="within">How long it may take there.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="NotPrimaryException">There is no primary now.</exception>
    public async Task<ClientAnswer> AskAsync(ClientRequest request, Func<ClientRequest, CancellationToken, Task<ClientAnswer>> here, TimeSpan within, CancellationToken cancellation)
    {
        if (node.IsPrimary) return await here(request, cancellation).ConfigureAwait(false);
        var refusal = node.Committer.NotPrimary();
        if (refusal.Primary is not { } primary) throw refusal;
        var client = await NodeClient.ConnectAsync(node, primary, Patience, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            return await AskAsync(client, request, within + Patience, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Asks over a connection to it.</summary>
    internal static async Task<ClientAnswer> AskAsync(NodeClient client, ClientRequest request, TimeSpan timeout, CancellationToken cancellation)
    {
        try
        {
            return await client.AskAsync(request, timeout, cancellation).ConfigureAwait(false);
        }
        catch (ClientException error) when (error.Error.Kind == "bad-request")
        {
            throw new RequestException(StatusCodes.Status400BadRequest, "bad-request", error.Message) { Action = "Correct the request; openapi.json describes it." };
        }
        catch (ChannelException error) when (error is not ChannelClosedException { Goodbye.Code: GoodbyeCode.Refused or GoodbyeCode.Busy })
        {
            // The request was on its way: nobody here can tell whether it was done. Those who refuse or are busy say so before they look at one.
            throw new RequestException(
                StatusCodes.Status504GatewayTimeout, "outcome-unknown", $"The connection to the primary was lost while its answer was awaited; whether it was done is unknown: {error.Message}")
            {
                Action = "Look whether it was done before you send it again.",
            };
        }
    }
}
