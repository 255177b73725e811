using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Syncup;

/// <summary>
/// Performs the effects of a syncup machine over a channel and a log, in order, and brings back what happened, until the machine has ended. Both
/// sides use it: what differs is the machine
/// and what <paramref name="perform"/> does for effects that are that side's own.
/// </summary>
internal sealed class SyncupDriver(
    Channel channel,
    ISyncupMachine machine,
    ushort version,
    LogAnswers log,
    Func<SyncupEffect, SyncupInput?> perform,
    ISyncupObserver observer,
    TimeProvider time)
{
    private readonly EffectList _effects = new();
    private readonly Queue<SyncupInput> _inputs = new();
    private readonly long _startedAt = time.GetTimestamp();

    private TimeSpan Now => time.GetElapsedTime(_startedAt);

    /// <summary>Makes a feeder's hello out of its answer; a replica says its hello before the machine begins.</summary>
    public Func<SyncupAnswer, FeederHello>? MakeHello { get; init; }

    /// <summary>Why the machine wanted the connection closed; null when it did not.</summary>
    public string? CloseReason { get; private set; }

    /// <summary>Runs the machine to its end.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        _inputs.Enqueue(new SyncupInput.Started());
        while (true)
        {
            while (_inputs.TryDequeue(out var input))
            {
                _effects.Clear();
                machine.Step(input, Now, _effects);
                for (var i = 0; i < _effects.Count; i++)
                {
                    if (await PerformAsync(_effects[i], cancellation).ConfigureAwait(false) is { } answer) _inputs.Enqueue(answer);
                }
            }

            if (machine.HasEnded) return;
            _inputs.Enqueue(await ReceiveAsync(cancellation).ConfigureAwait(false));
        }
    }

    private async ValueTask<SyncupInput?> PerformAsync(SyncupEffect effect, CancellationToken cancellation)
    {
        switch (effect)
        {
            case SyncupEffect.Send send:
                return await SendAsync(send.Message, cancellation).ConfigureAwait(false);
            case SyncupEffect.SendHello hello:
                return await SendAsync(MakeHello!(hello.Answer), cancellation).ConfigureAwait(false);
            case SyncupEffect.Close close:
                CloseReason = close.Reason;
                return null;
            default:
                return log.TryAnswer(effect) ?? perform(effect);
        }
    }

    private async ValueTask<SyncupInput?> SendAsync(IMessage message, CancellationToken cancellation)
    {
        observer.OnMessage(sent: true, message);
        channel.Write(message);
        try
        {
            await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            return null;
        }
        catch (ChannelException error)
        {
            return new SyncupInput.ConnectionLost(error.Message);
        }
    }

    private async ValueTask<SyncupInput> ReceiveAsync(CancellationToken cancellation)
    {
        try
        {
            var wait = machine.Deadline is { } deadline ? deadline - Now : Limits.MessageTimeout;
            var frame = await channel.ReceiveAsync(wait, cancellation).ConfigureAwait(false);
            if (TryDecode(frame.Span) is { } message) observer.OnMessage(sent: false, message);
            return new SyncupInput.FrameReceived(frame);
        }
        catch (ChannelTimeoutException)
        {
            return new SyncupInput.TimePassed();
        }
        catch (Exception error) when (error is ChannelClosedException or ProtocolException)
        {
            return new SyncupInput.ConnectionLost(error.Message);
        }
    }

    /// <summary>For whoever watches; the machine decodes for itself, and says what is wrong with a frame that cannot be.</summary>
    private IMessage? TryDecode(ReadOnlySpan<byte> frame)
    {
        if (observer is NoObserver) return null;
        try
        {
            return SyncupVersion.Decode(version, frame);
        }
        catch (ProtocolException)
        {
            return null;
        }
    }
}
