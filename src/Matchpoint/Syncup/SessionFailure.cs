using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport;

namespace Matchpoint.Syncup;

/// <summary>How a session that failed leaves: it closes at once and says why, so that the peer need not wait it out.</summary>
internal static class SessionFailure
{
    /// <summary>Closes the channel after an error, unless it is closed already.</summary>
    public static async ValueTask CloseAsync(Channel channel, Exception error)
    {
        switch (error)
        {
            case ChannelClosedException:
                channel.Abort();
                break;
            case ChannelTimeoutException:
                await channel.CloseAsync(GoodbyeCode.Timeout, error.Message).ConfigureAwait(false);
                break;
            case ProtocolException:
                await channel.CloseAsync(GoodbyeCode.ProtocolFault, error.Message).ConfigureAwait(false);
                break;
            case OperationCanceledException:
                await channel.CloseAsync(GoodbyeCode.ShuttingDown, "the node stops").ConfigureAwait(false);
                break;
            default:
                await channel.CloseAsync(GoodbyeCode.InternalError, "something is wrong on this side; its log tells more").ConfigureAwait(false);
                break;
        }
    }
}
