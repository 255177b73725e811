using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport;

/// <summary>Serves one kind of session. When it returns, or throws, the channel is closed for it.</summary>
internal delegate Task ServiceHandler(Channel channel, CancellationToken stopping);

/// <summary>
/// Learns from a channel which service its peer wants, runs that service's handler, and closes the channel with the reason that fits how the handler ended. What a
/// handler throws is reported, once; only the end that was asked for is not.
/// </summary>
/// <param name="services">Handlers by service name.</param>
/// <param name="report">Hears of every session that failed: the peer, and why.</param>
internal sealed class ServiceDispatcher(IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report)
{
    private const string Stopping = "the node stops";

    /// <summary>Serves one channel to its end, and disposes of it.</summary>
    /// <param name="channel">The channel; its peer has not yet named a service.</param>
    /// <param name="deadline">How long the peer may take to name one.</param>
    /// <param name="identified">Called when it has.</param>
    /// <param name="stopping">Cancelled when the node stops: the handler is to end soon.</param>
    public async Task ServeAsync(Channel channel, TimeSpan deadline, Action identified, CancellationToken stopping)
    {
        await using (channel.ConfigureAwait(false))
        {
            try
            {
                var name = await channel.AcceptServiceAsync(deadline, stopping).ConfigureAwait(false);
                identified();
                var (code, reason) = await RunAsync(channel, name, stopping).ConfigureAwait(false);
                await channel.CloseAsync(code, reason).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                await channel.CloseAsync(GoodbyeCode.ShuttingDown, Stopping).ConfigureAwait(false);
            }
            catch (Exception error)
            {
                // The peer is told before the observer: one that takes its time, or throws, does not keep the peer waiting.
                var (code, reason) = ReasonFor(error);
                await channel.CloseAsync(code, reason).ConfigureAwait(false);
                report(channel.Peer, error);
            }
        }
    }

    /// <summary>What the peer is told about a failure. Of what is wrong on this side it learns nothing but that.</summary>
    private static (GoodbyeCode Code, string Reason) ReasonFor(Exception error) => error switch
    {
        ProtocolException => (GoodbyeCode.ProtocolFault, error.Message),
        ChannelTimeoutException timeout => (GoodbyeCode.Timeout, $"waited {timeout.Deadline.TotalSeconds:0.###} s for {timeout.Awaited}, in vain"),
        _ => (GoodbyeCode.InternalError, "something is wrong on this side; its log tells more"),
    };

    private async ValueTask<(GoodbyeCode Code, string Reason)> RunAsync(Channel channel, string name, CancellationToken stopping)
    {
        if (!services.TryGetValue(name, out var handler))
        {
            var offered = string.Join(", ", services.Keys.Order(StringComparer.Ordinal));
            return (GoodbyeCode.UnknownService, $"there is no service {name} here; offered: {offered}");
        }

        await handler(channel, stopping).ConfigureAwait(false);
        return stopping.IsCancellationRequested ? (GoodbyeCode.ShuttingDown, Stopping) : (GoodbyeCode.Done, "");
    }
}
