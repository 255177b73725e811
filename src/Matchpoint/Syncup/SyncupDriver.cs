using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Syncup;

/// <summary>
/// Performs the effects of a syncup machine over a channel and a log, in order, and brings back what happened, until the machine has finished. Both sides use it: what differs is
/// the machine and what <paramref name="perform"/> does for effects that change the own log.
/// </summary>
internal sealed class SyncupDriver(
    Channel channel, ISyncupMachine machine, LogAnswers log, Func<SyncupEffect, SyncupInput?> perform, ISyncupObserver observer, TimeProvider time)
{
    private readonly List<SyncupEffect> _effects = [];
    private readonly long _startedAt = time.GetTimestamp();

    private TimeSpan Now => time.GetElapsedTime(_startedAt);

    /// <summary>Runs the machine from its first effects to its last.</summary>
    /// <param name="start">Starts the machine.</param>
    /// <param name="cancellation">Gives up: this throws, and the machine is left where it is.</param>
    /// <returns>The machine's last effect, which tells the outcome.</returns>
    public async Task<SyncupEffect> RunAsync(Action<TimeSpan, List<SyncupEffect>> start, CancellationToken cancellation)
    {
        start(Now, _effects);
        while (true)
        {
            for (var i = 0; i < _effects.Count; i++)
            {
                if (_effects[i] is Finish or FinishFeeding) return _effects[i];
                var input = await PerformAsync(_effects[i], cancellation).ConfigureAwait(false);
                if (input is not null) machine.Step(input, Now, _effects);
            }

            _effects.Clear();
            machine.Step(await ReceiveAsync(cancellation).ConfigureAwait(false), Now, _effects);
        }
    }

    private async ValueTask<SyncupInput?> PerformAsync(SyncupEffect effect, CancellationToken cancellation)
    {
        switch (effect)
        {
            case Tell tell:
                observer.OnStep(tell.Step, tell.Text);
                return null;
            case Send send:
                return await SendAsync(send.Message, cancellation).ConfigureAwait(false);
            default:
                return log.TryAnswer(effect) ?? perform(effect);
        }
    }

    private async ValueTask<SyncupInput?> SendAsync(SyncupMessage message, CancellationToken cancellation)
    {
        observer.OnMessage(sent: true, message);
        message.Write(channel.GetFrame(message.Size));
        channel.CommitFrame(message.Size);
        try
        {
            await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            return null;
        }
        catch (ChannelException error)
        {
            return new ConnectionLost(error.Message);
        }
    }

    private async ValueTask<SyncupInput> ReceiveAsync(CancellationToken cancellation)
    {
        try
        {
            var wait = machine.Deadline is { } deadline ? deadline - Now : Limits.MessageTimeout;
            var frame = await channel.ReceiveAsync(wait, cancellation).ConfigureAwait(false);
            var message = SyncupMessage.Read(frame.Span);
            observer.OnMessage(sent: false, message);
            return new MessageReceived(message);
        }
        catch (ChannelTimeoutException)
        {
            return new TimePassed();
        }
        catch (ChannelClosedException error)
        {
            return new ConnectionLost(error.Message);
        }
        catch (ProtocolException error)
        {
            return new GarbageReceived(error.Message);
        }
    }
}
