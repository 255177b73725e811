using System.Collections.Immutable;
using Matchpoint.Node;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport;

namespace Matchpoint.Copies;

/// <summary>
/// Has the primary keep the log that this node will need behind its full copy, whoever gives the copy: asks at first, then again every few seconds, over another connection when one is lost. The
/// primary keeps it some minutes longer, until this node streams.
/// </summary>
internal sealed class CopyHold : IAsyncDisposable
{
    private static readonly TimeSpan Interval = Limits.MessageTimeout / 6;

    private readonly Func<CancellationToken, ValueTask<Channel>> _connect;
    private readonly CopyRequest _asker;
    private readonly NodeClock _clock;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _stopping = new();
    private Channel _channel;
    private Task _renewing = Task.CompletedTask;
    private long _neededFrom;

    private CopyHold(Func<CancellationToken, ValueTask<Channel>> connect, Channel channel, in CopyRequest asker, NodeClock clock)
    {
        _connect = connect;
        _channel = channel;
        _asker = asker;
        _clock = clock;
    }

    /// <summary>The first record that this node needs behind the copy: the first that the primary keeps, until a copy is offered that reaches further.</summary>
    public Vlsn NeededFrom
    {
        get => Vlsn.Null.Plus(Volatile.Read(ref _neededFrom));
        set => Volatile.Write(ref _neededFrom, value.DistanceFrom(Vlsn.Null));
    }

    /// <summary>Whom to ask for a copy, the best first.</summary>
    public ImmutableArray<string> Donors { get; private set; }

    /// <summary>Cancelled when the log is not kept any more: a copy that is being fetched is in vain then.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Why it is not kept any more.</summary>
    public string WhyLost { get; private set; } = "";

    /// <summary>Asks the primary.</summary>
    /// <param name="connect">Connects to it.</param>
    /// <param name="asker">Who asks.</param>
    /// <param name="clock">The node's clock.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ChannelException">It does not answer, or refuses.</exception>
    public static async Task<CopyHold> OpenAsync(Func<CancellationToken, ValueTask<Channel>> connect, CopyRequest asker, NodeClock clock, CancellationToken cancellation)
    {
        var channel = await connect(cancellation).ConfigureAwait(false);
        var hold = new CopyHold(connect, channel, asker, clock);
        try
        {
            var answer = await hold.AskAsync(Vlsn.Null, cancellation).ConfigureAwait(false);
            (hold.NeededFrom, hold.Donors) = (answer.First, answer.Donors);
            hold._renewing = hold.RenewAsync(hold._stopping.Token);
            return hold;
        }
        catch
        {
            await hold.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Asks no more. The primary keeps the log for some minutes yet.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _channel.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
        _lost.Dispose();
    }

    private async Task<HoldAnswer> AskAsync(Vlsn from, CancellationToken cancellation)
    {
        _channel.Write(new HoldRequest(_asker with { NeededFrom = from }));
        await _channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
        return HoldAnswer.Decode((await _channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false)).Span);
    }

    private async Task RenewAsync(CancellationToken cancellation)
    {
        var answeredAt = _clock.Now;
        while (WhyLost.Length == 0)
        {
            await Task.Delay(Interval, _clock.Time, cancellation).ConfigureAwait(false);
            try
            {
                if (_channel.End is not null)
                {
                    await _channel.DisposeAsync().ConfigureAwait(false);
                    _channel = await _connect(cancellation).ConfigureAwait(false);
                }

                var needed = NeededFrom;
                var answer = await AskAsync(needed, cancellation).ConfigureAwait(false);
                answeredAt = _clock.Now;
                if (answer.First > needed)
                {
                    WhyLost = $"the primary gave up the log behind this copy: it is needed from record {needed} on, and begins at {answer.First} now. "
                        + $"A newer copy is fetched, without what is here already.";
                }
            }
            catch (Exception error) when (error is ChannelException or ProtocolException)
            {
                // An answer that comes late must not be taken for that to the next question.
                _channel.Abort();
                if (_clock.Now - answeredAt > LogRetention.HoldSilence)
                    WhyLost = $"the primary was not heard for {LogRetention.HoldSilence.TotalMinutes:0} minutes, and keeps the log behind this copy no longer: {error.Message}";
            }
        }

        await _lost.CancelAsync().ConfigureAwait(false);
    }
}
