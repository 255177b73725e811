using Matchpoint.Node;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport;

namespace Matchpoint.Copies;

/// <summary>Work at one end of a copy for which the other has to wait: it hears all the while that there is somebody, and waits on, however long it takes.</summary>
internal static class BusyWork
{
    private static readonly TimeSpan Interval = Limits.MessageTimeout / 10;

    /// <summary>Does the work beside the caller, and tells the peer meanwhile.</summary>
    /// <param name="channel">The way to the peer.</param>
    /// <param name="clock">The node's clock.</param>
    /// <param name="work">What is to be done; it gives up when its token says so.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task<T> RunAsync<T>(Channel channel, NodeClock clock, Func<CancellationToken, T> work, CancellationToken cancellation)
        where T : IDisposable
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var working = Task.Run(() => work(over.Token), CancellationToken.None);
        try
        {
            while (await Task.WhenAny(working, Task.Delay(Interval, clock.Time, over.Token)).ConfigureAwait(false) != working)
            {
                cancellation.ThrowIfCancellationRequested();
                channel.Write(default(CopyBusy));
                await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            }

            return await working.ConfigureAwait(false);
        }
        catch
        {
            await over.CancelAsync().ConfigureAwait(false);
            await ((Task)working).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (working.IsCompletedSuccessfully) (await working.ConfigureAwait(false)).Dispose();
            throw;
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
        }
    }
}
